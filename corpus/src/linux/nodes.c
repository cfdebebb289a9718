/* Memory nodes and advice on another process: what a machine with one node says. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static int refused(long result, int error)
{
    return result == -1 && errno == error;
}

int main(void)
{
    unsigned long mask = 1, got[16] = {0}, none = 0;
    int mode = -1, status[3];
    char *p = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[0] = 1;
    check("default", !syscall(SYS_get_mempolicy, &mode, got, 1024ul, 0, 0) && mode == 0 && !got[0]);
    check("allowed", !syscall(SYS_get_mempolicy, &mode, got, 1024ul, 0, 4) && got[0] == 1);
    check("bind", !syscall(SYS_set_mempolicy, 2, &mask, 64ul) && !syscall(SYS_get_mempolicy, &mode, got, 1024ul, 0, 0) && mode == 2 && got[0] == 1);
    check("no nodes", refused(syscall(SYS_set_mempolicy, 2, &none, 64ul), EINVAL));
    check("no policy", refused(syscall(SYS_set_mempolicy, 99, &mask, 64ul), EINVAL));
    check("back", !syscall(SYS_set_mempolicy, 0, 0, 0ul));
    check("nodes of nothing", refused(syscall(SYS_set_mempolicy, 0, &mask, 64ul), EINVAL));
    check("range", !syscall(SYS_mbind, p, 4096ul, 3, &mask, 64ul, 0) && !syscall(SYS_get_mempolicy, &mode, got, 1024ul, p, 2) && mode == 3);
    check("node", !syscall(SYS_get_mempolicy, &mode, 0, 0ul, p, 3) && mode == 0);
    check("crooked", refused(syscall(SYS_mbind, p + 1, 4096ul, 3, &mask, 64ul, 0), EINVAL));
    check("address without asking", refused(syscall(SYS_get_mempolicy, &mode, got, 1024ul, p, 0), EINVAL));
    void *pages[3] = {p, p + 3 * 4096, (void *)8192};
    check("pages", !syscall(SYS_move_pages, 0, 3ul, pages, 0, status, 2) && status[0] == 0 && status[1] == -ENOENT && status[2] == -EFAULT);
    check("moved", syscall(SYS_migrate_pages, 0, 64ul, &mask, &mask) == 0);
    pid_t pid = fork();
    if (!pid)
        for (;;)
            pause();
    int fd = syscall(SYS_pidfd_open, pid, 0), end;
    struct iovec range = {p, 4096}, wild = {(void *)(1ul << 40), 4096};
    check("advice", syscall(SYS_process_madvise, fd, &range, 1ul, 20, 0) == 4096);
    check("no such advice", refused(syscall(SYS_process_madvise, fd, &range, 1ul, 9, 0), EINVAL));
    check("nothing there", refused(syscall(SYS_process_madvise, fd, &wild, 1ul, 20, 0), ENOMEM));
    check("no process", refused(syscall(SYS_process_madvise, 1, &range, 1ul, 20, 0), EBADF));
    kill(pid, SIGKILL);
    waitpid(pid, &end, 0);
    return failed ? 1 : 42;
}
