/* What handlers find and leave: restarted calls, stacks that disarm, faults, registers of every kind. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <linux/futex.h>
#include <time.h>
#include <ucontext.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static volatile int hits, order, code;
static void *volatile address;
static sigjmp_buf back;
static char stack[65536];

static void note(int n, siginfo_t *info, void *context)
{
    (void)context;
    hits++;
    order = order * 100 + n;
    code = info->si_code;
    address = info->si_addr;
}

static void escape(int n, siginfo_t *info, void *context)
{
    note(n, info, context);
    siglongjmp(back, 1);
}

static void handle(int n, void (*f)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = f;
    a.sa_flags = flags | SA_SIGINFO;
    sigaction(n, &a, 0);
    hits = order = 0;
}

/* Alarm after 20 ms, again every 20 ms: what a call that waits answers, once the second has come. */
static void soon(int flags)
{
    struct itimerval t = {{0, 20000}, {0, 20000}};
    handle(SIGALRM, note, flags);
    setitimer(ITIMER_REAL, &t, 0);
}

static void calm(void)
{
    struct itimerval t = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &t, 0);
}

static int fds[2], timer_fd, event_fd, lock_fd;
static pid_t child;

static long wait_read(void) { char c; return read(fds[0], &c, 1); }
static long wait_poll(void) { struct pollfd p = {fds[0], POLLIN, 0}; return poll(&p, 1, -1); }
static long wait_select(void) { fd_set s; FD_ZERO(&s); FD_SET(fds[0], &s); return select(fds[0] + 1, &s, 0, 0, 0); }
static long wait_epoll(void) { struct epoll_event e; return epoll_wait(event_fd, &e, 1, -1); }
static long wait_sleep(void) { struct timespec t = {100, 0}; return nanosleep(&t, 0); }
static long wait_pause(void) { return pause(); }
static long wait_futex(void) { static int word; return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0); }
static long wait_futex_timed(void)
{
    static int word;
    struct timespec t = {100, 0};
    return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, 0, 0);
}
static long wait_child(void) { return waitpid(child, 0, 0); }
static long wait_timer(void) { uint64_t n; return read(timer_fd, &n, 8); }
static long wait_lock(void) { return flock(lock_fd, LOCK_EX); }
static long wait_signal(void) { sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR2); return syscall(SYS_rt_sigtimedwait, &s, 0, 0, 8); }

/* A call that is made again ends when the child, told by the second signal, writes, ends, or is killed. */
static void rescue(int n, siginfo_t *info, void *context)
{
    note(n, info, context);
    if (hits < 3)
        return;
    calm();
    siglongjmp(back, 2);
}

static void interrupted(const char *name, long (*call)(void), int restarts)
{
    char line[64];
    int result;
    soon(0);
    result = (int)call();
    calm();
    snprintf(line, sizeof line, "%s is interrupted", name);
    check(line, result == -1 && errno == EINTR && hits >= 1);
    handle(SIGALRM, rescue, SA_RESTART);
    struct itimerval t = {{0, 20000}, {0, 20000}};
    int how = sigsetjmp(back, 1);
    if (!how) {
        setitimer(ITIMER_REAL, &t, 0);
        result = (int)call();
        how = 3;
    }
    calm();
    snprintf(line, sizeof line, "%s is %s", name, restarts ? "made again" : "not made again");
    check(line, restarts ? how == 2 : how == 3 && errno == EINTR);
}

static void matrix(void)
{
    if (pipe(fds))
        abort();
    event_fd = epoll_create1(0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
    lock_fd = open("locked", O_RDWR | O_CREAT, 0600);
    int other = open("locked", O_RDWR);
    flock(other, LOCK_EX);
    child = fork();
    if (child < 0)
        abort();
    if (!child)
        for (;;)
            pause();
    interrupted("read", wait_read, 1);
    interrupted("poll", wait_poll, 0);
    interrupted("select", wait_select, 0);
    interrupted("epoll_wait", wait_epoll, 0);
    interrupted("nanosleep", wait_sleep, 0);
    interrupted("pause", wait_pause, 0);
    interrupted("futex", wait_futex, 1);
    interrupted("futex with a timeout", wait_futex_timed, 0);
    interrupted("waitpid", wait_child, 1);
    interrupted("timerfd", wait_timer, 1);
    interrupted("flock", wait_lock, 1);
    interrupted("sigtimedwait", wait_signal, 0);
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
    close(other), close(lock_fd), unlink("locked");
}

static volatile int armed, inside;

static void on_stack(int n, siginfo_t *info, void *context)
{
    stack_t now;
    char here;
    note(n, info, context);
    inside = &here >= stack && &here < stack + sizeof stack;
    sigaltstack(0, &now);
    armed = now.ss_flags;
}

static void stacks(void)
{
    stack_t s = {stack, (int)SS_AUTODISARM, sizeof stack}, now;
    check("a stack that disarms", sigaltstack(&s, 0) == 0);
    handle(SIGUSR1, on_stack, SA_ONSTACK);
    raise(SIGUSR1);
    check("disarmed inside", inside && armed == SS_DISABLE);
    check("armed again", sigaltstack(0, &now) == 0 && now.ss_sp == stack && (unsigned)now.ss_flags == SS_AUTODISARM);
    s.ss_flags = 0;
    sigaltstack(&s, 0);
    raise(SIGUSR1);
    check("in use inside", inside && armed == SS_ONSTACK);
    s.ss_flags = SS_DISABLE;
    sigaltstack(&s, 0);
}

static void queued(void)
{
    sigset_t all, old, none;
    sigfillset(&all);
    for (int n = SIGRTMIN; n < SIGRTMIN + 3; n++)
        handle(n, note, 0);
    sigprocmask(SIG_BLOCK, &all, &old);
    for (int n = SIGRTMIN + 2; n >= SIGRTMIN; n--)
        sigqueue(getpid(), n, (union sigval){.sival_int = n});
    order = 0;
    sigemptyset(&none);
    check("several at once", sigsuspend(&none) == -1 && errno == EINTR && hits == 3);
    check("the lowest returns last", order == (SIGRTMIN + 2) * 10000 + (SIGRTMIN + 1) * 100 + SIGRTMIN);
    sigprocmask(SIG_SETMASK, &old, 0);
}

static int ends_by(void (*what)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (!pid) {
        what();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static volatile int *volatile nowhere;

static void again(int n, siginfo_t *info, void *context)
{
    note(n, info, context);
    *nowhere = 1;
}

static void nested(void)
{
    handle(SIGSEGV, again, 0);
    *nowhere = 1;
}

static void blocked(void)
{
    sigset_t all;
    sigfillset(&all);
    handle(SIGSEGV, note, 0);
    sigprocmask(SIG_BLOCK, &all, 0);
    *nowhere = 1;
}

static void ignored(void)
{
    signal(SIGSEGV, SIG_IGN);
    *nowhere = 1;
}

static void closed_pipe(void)
{
    int p[2];
    if (!pipe(p)) {
        close(p[0]);
        if (write(p[1], "x", 1) < 0)
            _exit(1);
    }
}

static void reset(void)
{
    handle(SIGUSR1, note, SA_RESETHAND);
    raise(SIGUSR1);
    if (hits == 1)
        raise(SIGUSR1);
}

static void faults(void)
{
    char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    handle(SIGSEGV, escape, SA_NODEFER);
    if (!sigsetjmp(back, 1))
        *nowhere = 1;
    check("nothing there", hits == 1 && code == SEGV_MAPERR && address == 0);
    if (!sigsetjmp(back, 1))
        page[123] = 1;
    check("no right to it", hits == 2 && code == SEGV_ACCERR && address == page + 123);
    int fd = open("short", O_RDWR | O_CREAT, 0600);
    char *volatile file = ftruncate(fd, 10) ? 0 : mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0);
    handle(SIGBUS, escape, 0);
    if (!sigsetjmp(back, 1))
        code = file[5000];
    check("behind the file", hits == 1 && code == BUS_ADRERR && address == file + 5000);
    close(fd), unlink("short");
    handle(SIGILL, escape, 0);
    if (!sigsetjmp(back, 1))
#ifdef __x86_64__
        __asm__ volatile("ud2");
#else
        __asm__ volatile(".inst 0");
#endif
    check("no instruction", hits == 1 && (code == ILL_ILLOPN || code == ILL_ILLOPC));
#ifdef __x86_64__
    handle(SIGFPE, escape, 0);
    if (!sigsetjmp(back, 1)) {
        unsigned rest, result, zero = 0;
        __asm__ volatile("div %4" : "=a"(result), "=d"(rest) : "a"(1), "d"(0), "r"(zero));
    }
    check("by zero", hits == 1 && code == FPE_INTDIV && address);
    handle(SIGTRAP, note, 0);
    __asm__ volatile("int3");
    check("breakpoint", hits == 1 && code == SI_KERNEL);
#else
    check("by zero", 1);
    handle(SIGTRAP, escape, 0);
    if (!sigsetjmp(back, 1))
        __asm__ volatile("brk #7");
    check("breakpoint", hits == 1 && code == TRAP_BRKPT);
#endif
    check("nested", ends_by(nested) == SIGSEGV);
    check("blocked", ends_by(blocked) == SIGSEGV);
    check("ignored", ends_by(ignored) == SIGSEGV);
    check("a pipe nobody reads", ends_by(closed_pipe) == SIGPIPE);
    check("handled once", ends_by(reset) == SIGUSR1);
}

/* Handlers use every register; nothing of it is left behind. */
static void clobbers(int n, siginfo_t *info, void *context)
{
    note(n, info, context);
#ifdef __x86_64__
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm7; movdqa %%xmm0, %%xmm15; fldz; fldz"
                     ::: "xmm0", "xmm7", "xmm15");
    uint32_t csr = 0x5f80;
    __asm__ volatile("ldmxcsr %0" ::"m"(csr));
    char *fp = (char *)((ucontext_t *)context)->uc_mcontext.fpregs;
    *(uint32_t *)(fp + 160 + 16 * 9) = 4242; /* xmm9: a change that the return takes along */
#else
    __asm__ volatile("movi v0.16b, #255; movi v7.16b, #255; movi v31.16b, #255" ::: "v0", "v7", "v31");
    uint32_t *record = (void *)((ucontext_t *)context)->uc_mcontext.__reserved;
    if (record[0] == 0x46508001)
        record[4 + 4 * 9] = 4242;
#endif
}

static void registers(void)
{
    uint64_t kept[4] = {0}, before[2] = {0x1122334455667788, 0x99aabbccddeeff00};
    uint32_t changed = 0;
    long tid = getpid();
    handle(SIGUSR1, clobbers, 0);
#ifdef __x86_64__
    long result = SYS_kill;
    uint32_t csr = 0;
    __asm__ volatile("movdqu (%[b]), %%xmm0; movdqu (%[b]), %%xmm7; movdqu (%[b]), %%xmm15; syscall;"
                     "movdqu %%xmm7, (%[k]); movdqu %%xmm15, 16(%[k]); movd %%xmm9, %[c]; stmxcsr %[m]"
                     : "+a"(result), [c] "=r"(changed), [m] "=m"(csr)
                     : [b] "r"(before), [k] "r"(kept), "D"(tid), "S"((long)SIGUSR1)
                     : "rcx", "r11", "memory", "xmm0", "xmm7", "xmm9", "xmm15");
    check("control words", csr == 0x1f80);
#else
    register long x0 __asm__("x0") = tid;
    register long x1 __asm__("x1") = SIGUSR1;
    register long x8 __asm__("x8") = SYS_kill;
    __asm__ volatile("ldr q7, [%[b]]; ldr q31, [%[b]]; svc #0; str q7, [%[k]]; str q31, [%[k], #16]; fmov %w[c], s9"
                     : "+r"(x0), [c] "=&r"(changed)
                     : [b] "r"(before), [k] "r"(kept), "r"(x1), "r"(x8)
                     : "memory", "v7", "v9", "v31");
    check("control words", 1);
#endif
    check("vectors", hits == 1 && kept[0] == before[0] && kept[1] == before[1] && kept[2] == before[0] && kept[3] == before[1]);
    check("a changed one", changed == 4242);
}

int main(void)
{
    matrix();
    stacks();
    queued();
    faults();
    registers();
    return failed ? 1 : 42;
}
