/* Processes that share an address space, and futexes in memory that several processes map. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;
static volatile int word;
static char stack[65536] __attribute__((aligned(16)));

static int ended(pid_t pid)
{
    int status = -1;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int body(void *argument)
{
    word = *(int *)argument;
    for (int i = 0; i < 100; i++)
        sched_yield();
    word++;
    _exit(5);
}

static int lingering(void *argument)
{
    volatile int *go = argument;
    while (!*go)
        sched_yield();
    void *p = malloc(3 << 20);
    memset(p, 1, 3 << 20);
    word = 99;
    syscall(SYS_futex, &word, FUTEX_WAKE, 9, 0, 0, 0);
    syscall(SYS_exit, 0);
    return 0;
}

static void processes(void)
{
    int value = 20;
    pid_t pid = clone(body, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &value);
    check("the caller waits", pid > 0 && word == 21);
    check("its status", ended(pid) == 5);
    volatile int go = 0;
    pid = clone(lingering, stack + sizeof stack, CLONE_VM | SIGCHLD, (void *)&go);
    check("side by side", pid > 0 && word == 21);
    go = 1;
    while (word != 99)
        syscall(SYS_futex, &word, FUTEX_WAIT, 21, 0, 0, 0);
    check("woken through shared memory", word == 99 && ended(pid) == 0);
    word = 1;
    pid = vfork();
    if (!pid) {
        word = 2;
        _exit(3);
    }
    check("vfork", word == 2 && ended(pid) == 3);
}

static void spawned(void)
{
    pid_t pid;
    char *none[] = {"nothing", 0}, *self[] = {"again", "child", 0};
    check("no such program", posix_spawn(&pid, "/no/such/program", 0, 0, none, environ) == ENOENT);
    check("none left", waitpid(-1, 0, 0) == -1 && errno == ECHILD);
    check("spawned", posix_spawn(&pid, "/proc/self/exe", 0, 0, self, environ) == 0 && ended(pid) == 7);
}

static void futexes(void)
{
    volatile int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (!pid) {
        while (!*shared)
            syscall(SYS_futex, shared, FUTEX_WAIT, 0, 0, 0, 0);
        _exit(*shared);
    }
    usleep(1000);
    *shared = 11;
    syscall(SYS_futex, shared, FUTEX_WAKE, 1, 0, 0, 0);
    check("anonymous, across fork", ended(pid) == 11);
    int fd = memfd_create("futex", 0);
    volatile int *a, *b;
    if (ftruncate(fd, 8192))
        abort();
    a = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    b = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
    pid = fork();
    if (!pid) {
        while (!b[3])
            syscall(SYS_futex, b + 3, FUTEX_WAIT, 0, 0, 0, 0);
        _exit(b[3]);
    }
    usleep(1000);
    a[1024 + 3] = 12;
    syscall(SYS_futex, a + 1024 + 3, FUTEX_WAKE, 1, 0, 0, 0);
    check("a file at two addresses", ended(pid) == 12);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return argv[1][0] == 'c' ? 7 : 8;
    processes();
    spawned();
    futexes();
    return failed ? 1 : 42;
}
