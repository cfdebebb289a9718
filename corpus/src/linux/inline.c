/* Calls that guest code may answer itself, in every state that decides whether it may: made in place, where a number
   is known, and by the C library's syscall(), which always asks the kernel. */
#define _GNU_SOURCE
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define TIMES 100

static inline __attribute__((always_inline)) long raw(long number, long a, long b, long c, long d, long e)
{
#ifdef __x86_64__
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return number;
#else
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d, x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#endif
}

static long asked(long result)
{
    return result < 0 ? -errno : result;
}

#define FUTEX(where, op, value, more, other) raw(SYS_futex, (long)(where), op, value, (long)(more), (long)(other))
#define WAKE(where) FUTEX(where, FUTEX_WAKE_PRIVATE, 1, 0, 0)

static _Alignas(256) int words[256]; /* words[i] and words[i + 64] end in the same byte */
static int *const a = words, *const like_a = words + 64, *const b = words + 1;

static void *waits(void *timeout)
{
    while (FUTEX(a, FUTEX_WAIT_PRIVATE, 0, timeout, 0) == -EINTR)
        ;
    return 0;
}

static pthread_t waiter(struct timespec *timeout)
{
    pthread_t thread;
    pthread_create(&thread, 0, waits, timeout);
    return thread;
}

static int nobody(void)
{
    int ok = 1;
    for (int i = 0; i < TIMES; i++)
        ok &= WAKE(a) == 0 && FUTEX(b, FUTEX_WAKE, TIMES, 0, 0) == 0;
    for (int op = -1; op < 16; op++) /* what is no wake-up, and what is none that exists */
        if (op != FUTEX_WAIT && op != FUTEX_LOCK_PI && op != FUTEX_UNLOCK_PI && op != FUTEX_TRYLOCK_PI && op != 11 && op != 13 && op != 9)
            ok &= FUTEX(a, op, 0, 0, b) == asked(syscall(SYS_futex, a, op, 0, 0, b, 0));
    for (int i = 0; i < 8; i++) {
        char *odd = (char *)a + i;
        ok &= WAKE(odd) == asked(syscall(SYS_futex, odd, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
    }
    long high = FUTEX_WAKE_PRIVATE | 7l << 32; /* the kernel looks at an int */
    return ok && FUTEX(a, high, 1, 0, 0) == 0;
}

static int woken(void)
{
    pthread_t thread = waiter(0);
    int ok = 1, tries = 0;
    while (!WAKE(a)) { /* the first to say so is the first after the thread waits */
        ok &= WAKE(b) == 0;
        tries++;
        sched_yield();
    }
    pthread_join(thread, 0);
    ok &= (tries < 1000 || getenv("HOST_KERNEL")) && WAKE(a) == 0; /* another processor may take its time */
    thread = waiter(0);
    while (!FUTEX(a, FUTEX_REQUEUE_PRIVATE, 0, 1, b))
        ok &= WAKE(b) == 0 && WAKE(like_a) == 0, sched_yield();
    ok &= WAKE(a) == 0 && WAKE(like_a) == 0 && WAKE(b) == 1; /* at once: it was moved while this thread ran */
    pthread_join(thread, 0);
    struct timespec soon = {0, 2000000};
    thread = waiter(&soon);
    pthread_join(thread, 0);
    return ok && WAKE(a) == 0;
}

static int shared(void)
{
    int *word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), status = -1;
    pid_t child = fork();
    if (!child)
        _exit((int)-FUTEX(word, FUTEX_WAIT, 0, 0, 0));
    while (!FUTEX(word, FUTEX_WAKE, 1, 0, 0))
        raw(SYS_sched_yield, 0, 0, 0, 0, 0);
    return waitpid(child, &status, 0) == child && status == 0;
}

static int yields(void)
{
    int ok = 1;
    for (int i = 0; i < TIMES; i++)
        ok &= raw(SYS_sched_yield, 0, 0, 0, 0, 0) == 0;
    return ok;
}

static volatile int turn;

static void *answers(void *unused)
{
    while (turn != 1)
        raw(SYS_sched_yield, 0, 0, 0, 0, 0);
    turn = 2;
    return unused;
}

static int yields_to_others(void)
{
    pthread_t thread;
    pthread_create(&thread, 0, answers, 0);
    turn = 1;
    for (int i = 0; turn != 2 && i < 100000; i++)
        raw(SYS_sched_yield, 0, 0, 0, 0, 0);
    int ok = turn == 2;
    pthread_join(thread, 0);
    return ok;
}

static long group(void)
{
#ifdef SYS_getpgrp
    long direct = raw(SYS_getpgrp, 0, 0, 0, 0, 0);
#else
    long direct = raw(SYS_getpgid, 0, 0, 0, 0, 0);
#endif
    return direct == getpgid(0) ? direct : -1;
}

static int groups(void)
{
    int status = -1, there[2], back[2];
    char byte;
    if (pipe(there) || pipe(back))
        return 0;
    pid_t child = fork();
    if (!child) {
        int same = group() == getpgid(getppid());
        if (write(there[1], "x", 1) != 1 || read(back[0], &byte, 1) != 1) /* the parent moves it now */
            _exit(2);
        same &= group() == getpid();
        pid_t grandchild = fork();
        if (!grandchild)
            _exit(setsid() != getpid() || group() != getpid());
        _exit(!(same && waitpid(grandchild, &status, 0) == grandchild && status == 0));
    }
    if (read(there[0], &byte, 1) != 1 || setpgid(child, child) || write(back[1], "x", 1) != 1)
        return 0;
    return waitpid(child, &status, 0) == child && status == 0 && group() != child;
}

int main(void)
{
    check("alone", yields());
    check("nobody waits", nobody());
    check("somebody waits", woken());
    check("not alone", yields_to_others());
    check("waiting in another process", shared());
    check("alone again", yields());
    check("groups", groups());
    return failed ? 1 : 42;
}
