/* What the libc programs of this folder share: one line a case, status 42 when all held. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed;

static void check(const char *name, int ok)
{
    char line[80];
    int size = snprintf(line, sizeof line, "%s %s\n", ok ? "ok" : "FAILED", name);
    failed |= !ok;
    if (write(1, line, size) != size)
        failed = 1;
}

/* Whether the last call may be missing: natively, where tests set HOST_KERNEL, a kernel can be too old for it. */
static int lacks(void)
{
    return errno == ENOSYS && getenv("HOST_KERNEL");
}
