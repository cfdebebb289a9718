/* Making processes and threads with every flag, unsharing, comparing, and running programs from descriptors. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_kcmp
#define SYS_kcmp 312
#endif

struct args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static volatile int handled;

static void handler(int n)
{
    (void)n;
    handled++;
}

static long clone3(struct args *a, size_t size)
{
    return syscall(SYS_clone3, a, size);
}

static int reaped(pid_t child)
{
    int status = 0;
    return waitpid(child, &status, __WALL) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void refusals(void)
{
    struct args a;
    memset(&a, 0, sizeof a);
    check("too small", clone3(&a, 32) == -1 && errno == EINVAL);
    check("too large", clone3(&a, 1 << 20) == -1 && errno == E2BIG);
    a.flags = 1ULL << 40;
    check("no such flag", clone3(&a, sizeof a) == -1 && errno == EINVAL);
    a.flags = 0, a.exit_signal = 70;
    check("no such signal", clone3(&a, sizeof a) == -1 && errno == EINVAL);
    a.exit_signal = 0, a.stack = 4096;
    check("half a stack", clone3(&a, sizeof a) == -1 && errno == EINVAL);
    a.stack = 0, a.flags = CLONE_SIGHAND;
    check("handlers without memory", clone3(&a, sizeof a) == -1 && errno == EINVAL);
    a.flags = CLONE_THREAD;
    check("a thread without handlers", clone3(&a, sizeof a) == -1 && errno == EINVAL);
    a.flags = CLONE_VM | CLONE_SIGHAND | CLONE_CLEAR_SIGHAND;
    check("cleared and shared", clone3(&a, sizeof a) == -1 && errno == EINVAL);
    a.flags = 0, a.set_tid_size = 1;
    check("no ids", clone3(&a, sizeof a) == -1 && errno == EINVAL);
}

static void kinds(void)
{
    struct args a;
    int fd = -1, kept = open("/dev/null", O_RDONLY);
    pid_t parent_tid = 0;
    siginfo_t info;
    memset(&a, 0, sizeof a);
    a.exit_signal = SIGCHLD, a.flags = CLONE_PIDFD | CLONE_PARENT_SETTID;
    a.pidfd = (uint64_t)&fd, a.parent_tid = (uint64_t)&parent_tid;
    pid_t child = clone3(&a, sizeof a);
    if (!child)
        _exit(21);
    memset(&info, 0, sizeof info);
    check("with a descriptor", child > 0 && parent_tid == child && fd >= 0 && !waitid(3, fd, &info, WEXITED)
          && info.si_status == 21);
    close(fd);
    signal(SIGUSR1, handler);
    memset(&a, 0, sizeof a);
    a.exit_signal = SIGCHLD, a.flags = CLONE_CLEAR_SIGHAND;
    child = clone3(&a, sizeof a);
    if (!child) {
        struct sigaction old;
        sigaction(SIGUSR1, 0, &old);
        _exit(old.sa_handler == SIG_DFL ? 22 : 1);
    }
    check("without handlers", reaped(child) == 22);
    memset(&a, 0, sizeof a);
    a.exit_signal = SIGCHLD, a.flags = CLONE_FILES;
    child = clone3(&a, sizeof a);
    if (!child) {
        close(kept);
        fcntl(1, F_DUPFD, 50);
        _exit(23);
    }
    check("with our descriptors", reaped(child) == 23 && fcntl(kept, F_GETFD) == -1 && fcntl(50, F_GETFD) == 0);
    close(50);
    check("still open", write(1, "", 0) == 0);
    memset(&a, 0, sizeof a);
    a.exit_signal = SIGCHLD, a.flags = CLONE_FS;
    child = clone3(&a, sizeof a);
    if (!child)
        _exit(chdir("/dev") ? 1 : 24);
    char here[64] = "";
    check("with our directory", reaped(child) == 24 && getcwd(here, sizeof here) && !strcmp(here, "/dev"));
    child = fork();
    if (!child) {
        memset(&a, 0, sizeof a);
        a.exit_signal = SIGCHLD, a.flags = CLONE_FILES | CLONE_FS;
        pid_t last = clone3(&a, sizeof a);
        if (!last) {
            if (unshare(CLONE_FILES | CLONE_FS))
                _exit(1);
            close(1);
            _exit(chdir("/proc") ? 1 : 25);
        }
        int first = reaped(last);
        _exit(first == 25 && fcntl(1, F_GETFD) == 0 && getcwd(here, sizeof here) && !strcmp(here, "/dev") ? 26 : 2);
    }
    check("unshared again", reaped(child) == 26);
    child = syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
    if (!child)
        _exit(27);
    check("another signal at the end", reaped(child) == 27 && handled == 1);
}

static int compare(pid_t a, pid_t b, int what, long x, long y)
{
    return syscall(SYS_kcmp, a, b, what, x, y);
}

static void comparisons(void)
{
    int copy = dup(1), other = open("/dev/null", O_RDONLY), p[2];
    pid_t own = getpid(), child;
    if (pipe(p))
        abort();
    struct args a;
    memset(&a, 0, sizeof a);
    a.exit_signal = SIGCHLD, a.flags = CLONE_FILES;
    child = clone3(&a, sizeof a);
    if (!child)
        for (;;)
            pause();
    int same = compare(own, own, 0, 1, copy), odd = compare(own, own, 0, 1, other);
    if (same == -1 && (lacks() || (errno == EPERM && getenv("HOST_KERNEL")))) { /* built without it, or a sandbox */
        check("same file", 1), check("other file", 1), check("same table", 1), check("nothing to undo", 1), check("own memory", 1);
    } else {
        check("same file", same == 0);
        check("other file", odd > 0 && compare(own, own, 0, other, 1) == 3 - odd);
        check("same table", compare(own, child, 2, 0, 0) == 0);
        check("nothing to undo", compare(own, child, 6, 0, 0) == 0 && compare(own, child, 5, 0, 0) == 0);
        check("own memory", compare(own, child, 1, 0, 0) > 0 && compare(own, 1 << 21, 1, 0, 0) == -1 && errno == ESRCH);
    }
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, 0, 0);
    }
    close(copy), close(other), close(p[0]), close(p[1]);
}

static char *const NOTHING[] = {0};

static void programs(char **argv)
{
    char *again[] = {argv[0], "again", 0};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    check("the program", fd >= 0);
    pid_t child = fork();
    if (!child) {
        syscall(SYS_execveat, fd, "", again, NOTHING, AT_EMPTY_PATH);
        _exit(1);
    }
    check("run by descriptor", reaped(child) == 33);
    check("no path", syscall(SYS_execveat, fd, "", again, NOTHING, 0) == -1 && errno == ENOENT);
    check("no such way", syscall(SYS_execveat, fd, "", again, NOTHING, 0x40000 | AT_EMPTY_PATH) == -1 && errno == EINVAL);
    int bad = open("/dev/null", O_RDONLY);
    check("no program", syscall(SYS_execveat, bad, "", again, NOTHING, AT_EMPTY_PATH) == -1 && errno == EACCES);
    close(fd), close(bad);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return 33;
    refusals();
    programs(argv);
    kinds();
    comparisons();
    return failed ? 1 : 42;
}
