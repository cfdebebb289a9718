/* Guest loops for `make bench`: calls WHICH COUNT PATH, where WHICH is getpid, write, put (64 bytes
 * to PATH), read (64 bytes of PATH), file (open, fstat, read, close), clock, unpark (a futex nobody waits at), yield
 * (nobody else is there) or loop. `loop` is the loop alone. Raw Linux system calls, no libc. With -DTABLE every number
 * comes in a variable, as in a `syscall()` wrapper whose callers nobody knows.
 * Numbers: asm/unistd_64.h and asm-generic/unistd.h. */
#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, CLOSE = 3, FSTAT = 5, GETPID = 39, EXIT = 60, OPENAT = 257, PREAD = 17, PWRITE = 18,
       CLOCK = 228, YIELD = 24, FUTEX = 202 };
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call entry\n");
#define TRAP(nr, a, b, c, d)                                                                          \
    ({                                                                                                \
        register long r10 __asm__("r10") = (long)(d);                                                 \
        long result_;                                                                                 \
        __asm__ volatile("syscall"                                                                    \
                         : "=a"(result_)                                                              \
                         : "a"(nr), "D"((long)(a)), "S"((long)(b)), "d"((long)(c)), "r"(r10)          \
                         : "rcx", "r11", "memory");                                                   \
        result_;                                                                                      \
    })
#else
enum { READ = 63, WRITE = 64, CLOSE = 57, FSTAT = 80, GETPID = 172, EXIT = 93, OPENAT = 56, PREAD = 67, PWRITE = 68,
       CLOCK = 113, YIELD = 124, FUTEX = 98 };
__asm__(".globl _start\n_start: mov x0, sp\n bl entry\n");
#define TRAP(nr, a, b, c, d)                                                                          \
    ({                                                                                                \
        register long x8 __asm__("x8") = (nr);                                                        \
        register long x0 __asm__("x0") = (long)(a);                                                   \
        register long x1 __asm__("x1") = (long)(b);                                                   \
        register long x2 __asm__("x2") = (long)(c);                                                   \
        register long x3 __asm__("x3") = (long)(d);                                                   \
        __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");        \
        x0;                                                                                           \
    })
#endif

#ifdef TABLE
__attribute__((noinline)) static long call(long nr, long a, long b, long c, long d) {
    return TRAP(nr, a, b, c, d);
}
static volatile long unknown; /* 0 */
#define CALL(nr, a, b, c, d) call(unknown + (nr), (long)(a), (long)(b), (long)(c), (long)(d))
#else
#define CALL TRAP
#endif

static char buffer[64] __attribute__((aligned(64)));
static char status[256];

static long number(const char *s) {
    long n = 0;
    while (*s) n = n * 10 + (*s++ - '0');
    return n;
}

static void fail(void) {
    CALL(WRITE, 2, "a call failed\n", 14, 0);
    CALL(EXIT, 1, 0, 0, 0);
}

void entry(long *stack) {
    char **argv = (char **)(stack + 1);
    long count = number(argv[2]);
    switch (argv[1][0]) {
    case 'g':
        for (long i = 0; i < count; i++)
            if (CALL(GETPID, 0, 0, 0, 0) <= 0) fail();
        break;
    case 'w': {
        long fd = CALL(OPENAT, -100, "/dev/null", 1, 0);
        if (fd < 0) fail();
        for (long i = 0; i < count; i++)
            if (CALL(WRITE, fd, buffer, 64, 0) != 64) fail();
        break;
    }
    case 'f':
        for (long i = 0; i < count; i++) {
            long fd = CALL(OPENAT, -100, argv[3], 0, 0);
            if (fd < 0 || CALL(FSTAT, fd, status, 0, 0) < 0 || CALL(READ, fd, buffer, 64, 0) < 1 ||
                CALL(CLOSE, fd, 0, 0, 0) < 0)
                fail();
        }
        break;
    case 'r':
    case 'p': {
        long fd = CALL(OPENAT, -100, argv[3], 2, 0);
        if (fd < 0) fail();
        for (long i = 0; i < count; i++)
            if (CALL(argv[1][0] == 'r' ? PREAD : PWRITE, fd, buffer, 64, 0) != 64) fail();
        break;
    }
    case 'c':
        for (long i = 0; i < count; i++)
            if (CALL(CLOCK, 1, status, 0, 0) < 0) fail();
        break;
    case 'u':
        for (long i = 0; i < count; i++)
            if (CALL(FUTEX, buffer, 1 | 128, 1, 0)) fail();
        break;
    case 'y':
        for (long i = 0; i < count; i++)
            if (CALL(YIELD, 0, 0, 0, 0)) fail();
        break;
    default:
        for (long i = 0; i < count; i++) __asm__ volatile("");
    }
    CALL(EXIT, 0, 0, 0, 0);
}
