/* A shared object with traps of its own: opened, used, closed and opened again by loads.c. */

#include <stddef.h>

static long trap3(long number, long a, long b, long c)
{
#ifdef __x86_64__
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#endif
}

#ifdef __x86_64__
enum { READ = 0, GETPPID = 110, NANOSLEEP = 35 };
#else
enum { READ = 63, GETPPID = 173, NANOSLEEP = 101 };
#endif

static __thread long used;
static int constructed;

__attribute__((constructor)) static void construct(void) { constructed = 1; }

__attribute__((noinline)) long plugin_parent(void) { return trap3(GETPPID, 0, 0, 0); }

__attribute__((noinline)) long plugin_read(int fd, void *to, unsigned long size)
{
    used++;
    return trap3(READ, fd, (long)to, (long)size);
}

__attribute__((noinline)) long plugin_sleep(long seconds)
{
    long span[2] = {seconds, 0};
    used++;
    return trap3(NANOSLEEP, (long)span, 0, 0);
}

/* The number is the caller's. */
__attribute__((noinline)) long plugin_any(long number, long a, long b, long c) { return trap3(number, a, b, c); }

long plugin_used(void) { return used; }
int plugin_constructed(void) { return constructed; }
