/* What the libc programs of this folder share: one line a case, status 42 when all held. */
#include <stdio.h>
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
