/* Code that the program makes while it runs, in every way that JIT compilers and unpackers do it. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)
#define RWX (RW | PROT_EXEC)

typedef long (*function)(void);

static long parent, user;

/* A function at `at` that makes the call `number` without arguments; its bytes. */
static unsigned emit(void *at, unsigned number)
{
#ifdef __x86_64__
    unsigned char code[] = {0xb8, number, number >> 8, 0, 0, 0x0f, 0x05, 0xc3};
#else
    uint32_t code[] = {0xd2800008 | number << 5, 0xd4000001, 0xd65f03c0};
#endif
    memcpy(at, code, sizeof code);
    __builtin___clear_cache((char *)at, (char *)at + sizeof code);
    return sizeof code;
}

/* The same, whose number is the argument, entered behind its first instruction. */
static long behind(void *at, long number)
{
#ifdef __x86_64__
    static const unsigned char code[] = {0x48, 0x89, 0xf8, 0x0f, 0x05, 0xc3}; /* mov rax, rdi; syscall; ret */
    long result, start = (long)at + 3;
    memcpy(at, code, sizeof code);
    __asm__ volatile("call *%1" : "=a"(result) : "r"(start), "a"(number) : "rcx", "r11", "memory");
    return result;
#else
    static const uint32_t code[] = {0xaa0003e8, 0xd4000001, 0xd65f03c0}; /* mov x8, x0; svc; ret */
    register long x8 __asm__("x8") = number, result __asm__("x0");
    long start = (long)at + 4;
    memcpy(at, code, sizeof code);
    __builtin___clear_cache((char *)at, (char *)at + sizeof code);
    __asm__ volatile("blr %2" : "=r"(result), "+r"(x8) : "r"(start) : "x30", "memory");
    return result;
#endif
}

static long call(void *at)
{
    return ((function)at)();
}

static void *fresh(int prot)
{
    return mmap(NULL, 2 * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void written_first(void)
{
    char *at = fresh(RW);
    unsigned size = emit(at, SYS_getppid);
    check("writable, then executable", !mprotect(at, PAGE, RX) && call(at) == parent && call(at) == parent);
    unsigned char want[16], got[16];
    emit(want, SYS_getppid);
    memcpy(got, at, size);
    check("it reads as it was written", !memcmp(want, got, size));
    char *copy = fresh(RWX);
    memcpy(copy, at, size);
    __builtin___clear_cache(copy, copy + size);
    check("a copy of it works", call(copy) == parent);
    int held = 1;
    for (int i = 0; i < 20; i++) {
        held &= !mprotect(at, PAGE, RW);
        emit(at, i & 1 ? SYS_getppid : SYS_getuid);
        held &= !mprotect(at, PAGE, RX) && call(at) == (i & 1 ? parent : user);
    }
    check("rights go back and forth", held);
    char *moved = mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, fresh(PROT_NONE));
    check("moved", moved != MAP_FAILED && call(moved) == parent);
    munmap(moved, PAGE);
    check("another in its place", mmap(moved, PAGE, RWX, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == moved);
    emit(moved, SYS_getuid);
    check("which is its own", call(moved) == user);
}

/* What a compiler made of a call; the bytes in memory must be these, whoever runs the program. */
__attribute__((noinline, aligned(64))) static long compiled(void)
{
#ifdef __x86_64__
    long result;
    __asm__ volatile("mov $110, %%eax\n syscall" : "=a"(result) : : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = SYS_getppid, result __asm__("x0");
    __asm__ volatile("svc #0" : "=r"(result) : "r"(x8) : "memory");
    return result;
#endif
}

static void copied(void)
{
    char *at = fresh(RWX);
    int held = compiled() == parent;
    memcpy(at, (void *)compiled, 64);
    __builtin___clear_cache(at, at + 64);
    check("a copy of compiled code", held && call(at) == parent && compiled() == parent);
}

static void always_writable(void)
{
    char *at = fresh(RWX);
    int held = 1;
    for (int i = 0; i < 64; i++) {
        emit(at + 32 * i, i & 1 ? SYS_getppid : SYS_getuid);
        held &= call(at + 32 * i) == (i & 1 ? parent : user) && call(at + 32 * i) == (i & 1 ? parent : user);
    }
    for (int i = 0; i < 64; i++) {
        emit(at, i & 1 ? SYS_getppid : SYS_getuid);
        held &= call(at) == (i & 1 ? parent : user);
    }
    check("written while it may run", held);
    check("entered in the middle", behind(at, SYS_getppid) == parent && behind(at, SYS_getuid) == user);
}

static void on_the_stack(void)
{
    char here[64] __attribute__((aligned(16)));
    emit(here, SYS_getppid);
    long first = call(here);
    emit(here, SYS_getuid);
    check("on the stack", first == parent && call(here) == user);
}

static void at_two_addresses(void)
{
    int fd = memfd_create("code", 0), held = !ftruncate(fd, 4 * PAGE);
    char *write_ = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0), *run = mmap(NULL, 2 * PAGE, RX, MAP_SHARED, fd, PAGE);
    for (int i = 0; i < 20; i++) {
        emit(write_ + PAGE + 64, i & 1 ? SYS_getppid : SYS_getuid);
        __builtin___clear_cache(run + 64, run + 128);
        held &= call(run + 64) == (i & 1 ? parent : user);
    }
    check("a file at two addresses", held);
    char *one = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *two = mremap(one, 0, PAGE, MREMAP_MAYMOVE);
    held = !mprotect(two, PAGE, RX);
    for (int i = 0; i < 20; i++) {
        emit(one, i & 1 ? SYS_getppid : SYS_getuid);
        __builtin___clear_cache(two, two + 64);
        held &= call(two) == (i & 1 ? parent : user);
    }
    check("memory at two addresses", held);
    char *private = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, PAGE);
    emit(private, SYS_getuid);
    check("a file's pages, written and then executed", !mprotect(private, PAGE, RX) && call(private) == user);
    close(fd);
}

static void in_a_copy(void)
{
    char *at = fresh(RWX);
    emit(at, SYS_getppid), emit(at + 64, SYS_getuid);
    call(at), call(at + 64);
    pid_t child = fork();
    if (!child) {
        int held = call(at) == getppid();
        emit(at, SYS_getuid);
        emit(at + 64, SYS_getppid);
        _exit(held && call(at) == user && call(at + 64) == getppid() ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    check("a copy of the process writes its own", !status && call(at) == parent && call(at + 64) == user);
}

static char *caught;
static volatile int signals;

static void handler(int number)
{
    signals += call(caught) == parent ? number : -1000;
}

static void interrupted(void)
{
    caught = fresh(RWX);
    emit(caught, SYS_getppid);
    char *waits = fresh(RWX);
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGALRM, &action, NULL);
    emit(waits, SYS_sched_yield);
    for (int i = 0; i < 3; i++)
        raise(SIGALRM), call(waits);
    check("called by a signal's handler", signals == 3 * SIGALRM);
#ifdef __x86_64__
    static const unsigned char code[] = {0xb8, 35, 0, 0, 0, 0x0f, 0x05, 0xc3}; /* nanosleep */
#else
    static const uint32_t code[] = {0xd2800008 | 101 << 5, 0xd4000001, 0xd65f03c0};
#endif
    memcpy(waits, code, sizeof code);
    __builtin___clear_cache(waits, waits + sizeof code);
    struct timespec time = {10, 0}, rest;
    ualarm(5000, 0);
    long got = ((long (*)(void *, void *))waits)(&time, &rest);
    check("a wait in it is interrupted", got == -EINTR && signals == 4 * SIGALRM);
}

static void *other_thread(void *at)
{
    long sum = 0;
    for (int i = 0; i < 200; i++)
        sum += call(at) == parent;
    return (void *)sum;
}

static void in_threads(void)
{
    char *at = fresh(RWX);
    emit(at, SYS_getppid);
    pthread_t threads[3];
    long sum = 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, other_thread, at);
    for (int i = 0; i < 3; i++) {
        void *got;
        pthread_join(threads[i], &got);
        sum += (long)got;
    }
    check("called by threads", sum == 600);
}

int main(int argc, char **argv)
{
    parent = getppid(), user = getuid();
    if (argc > 1 && !strcmp(argv[1], "stack")) { /* built to have a stack that may be executed */
        on_the_stack();
        return failed ? 1 : 42;
    }
    written_first();
    copied();
    always_writable();
    char *stack = (char *)((long)&argc & -PAGE) - PAGE;
    check("the stack has other rights now", !mprotect(stack, 2 * PAGE, RWX));
    on_the_stack();
    at_two_addresses();
    in_a_copy();
    interrupted();
    in_threads();
    return failed ? 1 : 42;
}
