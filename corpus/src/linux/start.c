/* The start state: what the auxiliary vector, the vDSO and the thread's own area of the kernel say. */
#define _GNU_SOURCE
#include "check.h"
#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static int refused(long result, int error)
{
    return result == -1 && errno == error;
}

static void vector(char **argv)
{
    char *name = (char *)getauxval(AT_EXECFN), *platform = (char *)getauxval(AT_PLATFORM);
    Elf64_Phdr *headers = (Elf64_Phdr *)getauxval(AT_PHDR);
    check("page", getauxval(AT_PAGESZ) == 4096 && getauxval(AT_CLKTCK) == 100);
    check("headers", headers && getauxval(AT_PHENT) == sizeof *headers && getauxval(AT_PHNUM) > 2);
    check("ids", getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid() && !getauxval(AT_SECURE));
    check("random", getauxval(AT_RANDOM) > (uintptr_t)argv);
    check("names", name && strrchr(name, '/') && platform && (!strcmp(platform, "x86_64") || !strcmp(platform, "aarch64")));
    check("features", getauxval(AT_HWCAP) != 0);
}

/* A function of the vDSO by name, the way C libraries find it. */
static void *find(const char *wanted)
{
    char *base = (char *)getauxval(AT_SYSINFO_EHDR);
    Elf64_Ehdr *head = (Elf64_Ehdr *)base;
    Elf64_Dyn *dynamic = 0;
    char *at = 0, *strings = 0;
    Elf64_Sym *symbols = 0;
    uint32_t *table = 0;
    if (!base)
        return 0;
    for (int i = 0; i < head->e_phnum; i++) {
        Elf64_Phdr *p = (Elf64_Phdr *)(base + head->e_phoff) + i;
        if (p->p_type == PT_LOAD)
            at = base - p->p_vaddr + p->p_offset;
        else if (p->p_type == PT_DYNAMIC)
            dynamic = (Elf64_Dyn *)(base + p->p_offset);
    }
    for (; dynamic && dynamic->d_tag; dynamic++) {
        if (dynamic->d_tag == DT_STRTAB)
            strings = at + dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_SYMTAB)
            symbols = (Elf64_Sym *)(at + dynamic->d_un.d_ptr);
        else if (dynamic->d_tag == DT_HASH)
            table = (uint32_t *)(at + dynamic->d_un.d_ptr);
    }
    for (uint32_t i = 0; table && i < table[1]; i++)
        if (symbols[i].st_shndx && !strcmp(strings + symbols[i].st_name, wanted))
            return at + symbols[i].st_value;
    return 0;
}

#ifdef __x86_64__
#define VDSO "__vdso_"
#define SIGNATURE 0x53053053u
#else
#define VDSO "__kernel_"
#define SIGNATURE 0xd428bc00u
#endif

static void functions(void)
{
    int (*clock)(int, struct timespec *) = find(VDSO "clock_gettime"), (*day)(struct timeval *, void *) = find(VDSO "gettimeofday");
    int (*resolution)(int, struct timespec *) = find(VDSO "clock_getres");
    struct timespec a, b, c;
    struct timeval now;
    if (!clock || !day || !resolution) { /* a kernel without one */
        check("clocks", 0);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &a);
    int ok = !clock(CLOCK_MONOTONIC, &b);
    clock_gettime(CLOCK_MONOTONIC, &c);
    int64_t x = a.tv_sec * 1000000000ll + a.tv_nsec, y = b.tv_sec * 1000000000ll + b.tv_nsec, z = c.tv_sec * 1000000000ll + c.tv_nsec;
    check("clocks", ok && x <= y && y <= z);
    check("the day", !day(&now, 0) && llabs(now.tv_sec - time(0)) < 3);
    check("resolution", !resolution(CLOCK_REALTIME, &a) && !a.tv_sec && a.tv_nsec > 0);
    check("no such clock", clock(999, &a) == -EINVAL);
}

struct area {
    uint32_t first, cpu;
    uint64_t section;
    uint32_t flags, rest[3];
} __attribute__((aligned(32)));

struct section {
    uint32_t version, flags;
    uint64_t start, length, elsewhere;
} __attribute__((aligned(32)));

static struct area area, other;
static volatile int handled;

static void on_fault(int n)
{
    (void)n;
    handled++;
}

/* Reads in a restartable sequence; 0 when it got to the end, 1 when it was left. */
__attribute__((noinline)) static int sequence(volatile int *go)
{
    static struct section here;
    int left;
#ifdef __x86_64__
    __asm__ volatile(
        "lea 1f(%%rip), %%rax\n mov %%rax, 8(%[here])\n lea 2f(%%rip), %%rcx\n sub %%rax, %%rcx\n mov %%rcx, 16(%[here])\n"
        "lea 4f(%%rip), %%rax\n mov %%rax, 24(%[here])\n mov %[here], 8(%[area])\n"
        "1: mov (%[go]), %%ecx\n nop\n"
        "2: xor %[left], %[left]\n jmp 5f\n"
        ".byte 0x0f, 0xb9, 0x3d\n .long 0x53053053\n"
        "4: mov $1, %[left]\n"
        "5:"
        : [left] "=&r"(left)
        : [here] "r"(&here), [area] "r"(&area), [go] "r"(go)
        : "rax", "rcx", "memory", "cc");
#else
    __asm__ volatile(
        "adr x9, 1f\n str x9, [%[here], #8]\n adr x10, 2f\n sub x10, x10, x9\n str x10, [%[here], #16]\n"
        "adr x9, 4f\n str x9, [%[here], #24]\n str %[here], [%[area], #8]\n"
        "1: ldr w9, [%[go]]\n nop\n"
        "2: mov %w[left], #0\n b 5f\n"
        ".inst 0xd428bc00\n"
        "4: mov %w[left], #1\n"
        "5:"
        : [left] "=&r"(left)
        : [here] "r"(&here), [area] "r"(&area), [go] "r"(go)
        : "x9", "x10", "memory", "cc");
#endif
    return left;
}

static long rseq(void *at, unsigned size, int flags, unsigned signature)
{
    return syscall(SYS_rseq, at, size, flags, signature);
}

static void sequences(void)
{
    static volatile int word;
    check("registered", !rseq(&area, sizeof area, 0, SIGNATURE));
    check("processor", area.cpu == area.first && (int)area.cpu == sched_getcpu());
    check("once", refused(rseq(&area, sizeof area, 0, SIGNATURE), EBUSY));
    check("another", refused(rseq(&other, sizeof other, 0, SIGNATURE), EINVAL));
    check("signature", refused(rseq(&area, sizeof area, 0, SIGNATURE + 1), EPERM));
    check("flags", refused(rseq(&area, sizeof area, 2, SIGNATURE), EINVAL));
    signal(SIGSEGV, on_fault);
    check("left by a signal", sequence(0) == 1 && handled == 1 && !area.section);
    check("to the end", sequence(&word) == 0 && area.section && handled == 1);
    int status;
    pid_t pid = fork();
    if (!pid)
        _exit(!refused(rseq(&area, sizeof area, 0, SIGNATURE), EBUSY));
    waitpid(pid, &status, 0);
    check("kept by fork", status == 0);
    check("given back", !rseq(&area, sizeof area, 1, SIGNATURE) && area.cpu == -1u);
    check("not there", refused(rseq(&area, sizeof area, 1, SIGNATURE), EINVAL));
    check("crooked", refused(rseq((char *)&area + 8, sizeof area, 0, SIGNATURE), EINVAL) && refused(rseq(&area, 16, 0, SIGNATURE), EINVAL));
}

int main(int argc, char **argv)
{
    (void)argc;
    vector(argv);
    functions();
    sequences();
    return failed ? 1 : 42;
}
