/* Signals as a Linux program uses them: handlers, masks, queues, stacks, faults, interrupted waits, timers. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

static volatile int hits, last, code, value, inside;
static void *volatile address;
static char stack[65536];
static sigjmp_buf back;
static pthread_t first;
static int ends[2];

static void count(int n)
{
    hits++;
    last = n;
}

static void note(int n, siginfo_t *info, void *context)
{
    char here;
    (void)context;
    count(n);
    code = info->si_code;
    value = info->si_value.sival_int;
    address = info->si_addr;
    inside = &here >= stack && &here < stack + sizeof stack;
}

static void escape(int n, siginfo_t *info, void *context)
{
    note(n, info, context);
    siglongjmp(back, 1);
}

/* Go on behind the instruction that faulted. */
static void skip(int n, siginfo_t *info, void *context)
{
    ucontext_t *c = context;
    note(n, info, context);
#ifdef __x86_64__
    c->uc_mcontext.gregs[REG_RIP] += 2;
    c->uc_mcontext.gregs[REG_RBX] = 77;
#else
    c->uc_mcontext.pc += 4;
    c->uc_mcontext.regs[19] = 77;
#endif
}

static void handle(int n, void (*f)(int), int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = f;
    a.sa_flags = flags;
    sigaction(n, &a, 0);
}

static void handle_info(int n, void (*f)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = f;
    a.sa_flags = flags | SA_SIGINFO;
    sigaction(n, &a, 0);
}

static sigset_t only(int n)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, n);
    return set;
}

static void sending(void)
{
    sigset_t usr1 = only(SIGUSR1), rt = only(SIGRTMIN + 1), old, pending;
    siginfo_t info;
    struct timespec moment = {0, 1000000};
    handle(SIGUSR1, count, 0);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    check("sent", hits == 2 && last == SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, &old);
    raise(SIGUSR1);
    raise(SIGUSR1);
    sigpending(&pending);
    check("blocked", hits == 2 && sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_SETMASK, &old, 0);
    check("unblocked", hits == 3);
    handle_info(SIGRTMIN + 1, note, 0);
    sigprocmask(SIG_BLOCK, &rt, 0);
    hits = 0;
    for (int i = 7; i < 10; i++)
        sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i});
    check("taken", sigwaitinfo(&rt, &info) == SIGRTMIN + 1 && info.si_code == SI_QUEUE &&
          info.si_value.sival_int == 7 && info.si_pid == getpid());
    sigprocmask(SIG_UNBLOCK, &rt, 0);
    check("queued", hits == 2 && code == SI_QUEUE && value == 9);
    check("waited in vain", sigtimedwait(&rt, 0, &moment) == -1 && errno == EAGAIN);
    handle(SIGUSR1, count, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction now;
    sigaction(SIGUSR1, 0, &now);
    check("once", now.sa_handler == SIG_DFL);
}

static void stacks(void)
{
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack}, was;
    sigaltstack(&own, 0);
    handle_info(SIGUSR2, note, SA_ONSTACK);
    raise(SIGUSR2);
    check("alternate stack", inside && code == SI_TKILL);
    handle_info(SIGUSR2, note, 0);
    raise(SIGUSR2);
    sigaltstack(0, &was);
    check("own stack", !inside && was.ss_sp == stack && was.ss_flags == 0);
}

static void faults(void)
{
    char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    handle_info(SIGSEGV, escape, SA_ONSTACK);
    if (!sigsetjmp(back, 1))
        *(volatile int *)0x1234 = 1;
    check("unmapped", last == SIGSEGV && code == SEGV_MAPERR && address == (void *)0x1234 && inside);
    if (!sigsetjmp(back, 1))
        *(volatile char *)(page + 5) = 1;
    check("read only", last == SIGSEGV && code == SEGV_ACCERR && address == page + 5);
    handle_info(SIGILL, skip, 0);
    handle_info(SIGFPE, skip, 0);
    long kept = 1;
#ifdef __x86_64__
    __asm__ volatile("mov $1, %%rbx; ud2; mov %%rbx, %0" : "=r"(kept) : : "rbx");
    check("undefined", last == SIGILL && kept == 77);
    __asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; cdq; idiv %%ecx" : : : "eax", "ebx", "ecx", "edx");
    check("division", last == SIGFPE && code == FPE_INTDIV);
#else
    __asm__ volatile("mov x19, #1; udf #0; mov %0, x19" : "=r"(kept) : : "x19");
    check("undefined", last == SIGILL && kept == 77);
    int zero;
    __asm__ volatile("mov w9, #1; udiv %w0, w9, wzr" : "=r"(zero) : : "w9");
    check("division", zero == 0);
#endif
}

static void spoil(int n)
{
    double x = n;
    count(n);
#ifdef __x86_64__
    __asm__ volatile("movsd %0, %%xmm7; fninit; fldpi" : : "m"(x) : "xmm7");
#else
    __asm__ volatile("ldr d9, %0" : : "m"(x) : "d9");
#endif
}

/* Vector and floating-point registers and flags come back from a handler. */
static void registers(void)
{
    double in = 3.25, out = 0;
    long number = 0, pid = getpid(), carry = 0;
    handle(SIGUSR1, spoil, 0);
#ifdef __x86_64__
    long double deep = 0;
    __asm__ volatile("movsd %3, %%xmm7; fldl %3; stc; syscall; setc %b2; movsd %%xmm7, %1; fstpt %4"
                     : "=a"(number), "=m"(out), "+r"(carry), "+m"(in), "=m"(deep)
                     : "0"(62L), "D"(pid), "S"((long)SIGUSR1) : "rcx", "r11", "xmm7", "memory");
    check("registers", out == 3.25 && deep == 3.25L && number == 0);
    (void)carry;
#else
    register long x0 __asm__("x0") = pid, x1 __asm__("x1") = SIGUSR1, x8 __asm__("x8") = 129;
    __asm__ volatile("ldr d9, %3; cmp xzr, xzr; svc #0; cset %2, eq; str d9, %1"
                     : "+r"(x0), "=m"(out), "=r"(carry) : "m"(in), "r"(x1), "r"(x8) : "d9", "memory", "cc");
    number = x0;
    check("registers", out == 3.25 && carry == 1 && number == 0);
#endif
}

static void *disturb(void *then_write)
{
    struct timespec wait = {0, 30000000};
    nanosleep(&wait, 0);
    pthread_kill(first, SIGUSR1);
    nanosleep(&wait, 0);
    if (then_write && write(ends[1], "x", 1) != 1)
        abort();
    return 0;
}

static void waits(void)
{
    pthread_t thread;
    char c;
    struct timespec wait = {5, 0}, left = {0, 0};
    first = pthread_self();
    if (pipe(ends))
        abort();
    handle(SIGUSR1, count, SA_RESTART);
    hits = 0;
    pthread_create(&thread, 0, disturb, ends);
    check("read restarts", read(ends[0], &c, 1) == 1 && hits == 1);
    pthread_join(thread, 0);
    handle(SIGUSR1, count, 0);
    pthread_create(&thread, 0, disturb, ends);
    check("read ends", read(ends[0], &c, 1) == -1 && errno == EINTR && hits == 2);
    pthread_join(thread, 0);
    handle(SIGUSR1, count, SA_RESTART);
    pthread_create(&thread, 0, disturb, 0);
    check("sleep ends", nanosleep(&wait, &left) == -1 && errno == EINTR && left.tv_sec == 4);
    pthread_join(thread, 0);
    struct pollfd none = {-1, POLLIN, 0};
    pthread_create(&thread, 0, disturb, 0);
    check("poll ends", poll(&none, 1, 5000) == -1 && errno == EINTR);
    pthread_join(thread, 0);
}

static void masks(void)
{
    sigset_t usr1 = only(SIGUSR1), old, now;
    struct timespec wait = {5, 0};
    handle(SIGUSR1, count, 0);
    sigprocmask(SIG_BLOCK, &usr1, &old);
    hits = 0;
    raise(SIGUSR1);
    check("suspend", sigsuspend(&old) == -1 && errno == EINTR && hits == 1);
    sigprocmask(SIG_BLOCK, 0, &now);
    check("mask put back", sigismember(&now, SIGUSR1));
    raise(SIGUSR1);
    check("ppoll", ppoll(0, 0, &wait, &old) == -1 && errno == EINTR && hits == 2);
    sigprocmask(SIG_BLOCK, 0, &now);
    check("mask put back again", sigismember(&now, SIGUSR1));
    sigprocmask(SIG_SETMASK, &old, 0);
}

static void timers(void)
{
    struct itimerval every = {{0, 10000}, {0, 10000}}, never = {{0, 0}, {0, 0}}, left;
    handle(SIGALRM, count, 0);
    hits = 0;
    setitimer(ITIMER_REAL, &every, 0);
    while (hits < 3)
        pause();
    getitimer(ITIMER_REAL, &left);
    setitimer(ITIMER_REAL, &never, 0);
    check("interval timer", last == SIGALRM && left.it_interval.tv_usec == 10000);
    check("alarm", alarm(100) == 0 && alarm(0) == 100);
}

static void pipes(void)
{
    int p[2];
    handle(SIGPIPE, count, 0);
    if (pipe(p))
        abort();
    close(p[0]);
    last = 0;
    check("broken pipe", write(p[1], "x", 1) == -1 && errno == EPIPE && last == SIGPIPE);
    handle(SIGPIPE, SIG_IGN, 0);
    check("ignored", write(p[1], "x", 1) == -1 && errno == EPIPE);
}

int main(void)
{
    sending();
    stacks();
    faults();
    registers();
    waits();
    masks();
    timers();
    pipes();
    return failed ? 1 : 42;
}
