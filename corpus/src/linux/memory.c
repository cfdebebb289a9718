/* Memory calls: what mmap, mremap, mprotect, madvise and their like do to a program's pages. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static sigjmp_buf back;
static volatile int caught, code;
static void *volatile where;

static void on_fault(int n, siginfo_t *info, void *context)
{
    (void)context;
    caught = n, code = info->si_code, where = info->si_addr;
    siglongjmp(back, 1);
}

/* The signal that touching a byte raises, 0 for none. */
static int touch(volatile char *at, int write)
{
    caught = 0;
    if (!sigsetjmp(back, 1)) {
        if (write)
            *at = 1;
        else
            (void)*at;
    }
    return caught;
}

static int raised(volatile char *at, int write, int signal, int why)
{
    return touch(at, write) == signal && code == why && where == at;
}

static char *map(size_t size, int prot, int flags)
{
    char *p = mmap(0, size, prot, flags, -1, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

static int refused(long result, int error)
{
    return result == -1 && errno == error;
}

static void faults(void)
{
    char *p = map(4 * PAGE, RW, ANON);
    int fd = memfd_create("short", 0);
    munmap(p + 2 * PAGE, PAGE);
    mprotect(p + PAGE, PAGE, PROT_READ);
    check("mapped", !touch(p, 1) && !touch(p + PAGE, 0));
    check("read only", raised(p + PAGE + 5, 1, SIGSEGV, SEGV_ACCERR));
    check("not mapped", raised(p + 2 * PAGE + 9, 0, SIGSEGV, SEGV_MAPERR));
    mprotect(p, PAGE, PROT_NONE);
    check("no rights", raised(p + 1, 0, SIGSEGV, SEGV_ACCERR));
    if (ftruncate(fd, PAGE + 10))
        abort();
    char *f = mmap(0, 4 * PAGE, RW, MAP_SHARED, fd, 0);
    check("beyond the end", !touch(f + PAGE + 20, 1) && raised(f + 2 * PAGE + 3, 1, SIGBUS, BUS_ADRERR));
    if (ftruncate(fd, 3 * PAGE))
        abort();
    check("not any more", !touch(f + 2 * PAGE + 3, 1) && f[PAGE + 20] == 1);
    if (ftruncate(fd, PAGE))
        abort();
    check("cut short", raised(f + PAGE, 0, SIGBUS, BUS_ADRERR) && !touch(f, 1));
    munmap(f, 4 * PAGE), munmap(p, 4 * PAGE), close(fd);
}

static void places(void)
{
    char *p = map(8 * PAGE, RW, ANON);
    munmap(p, 8 * PAGE);
    check("hint", mmap(p, PAGE, RW, ANON, -1, 0) == p);
    check("not replaced", mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
    p[5] = 7;
    check("replaced", mmap(p, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == p && !p[5]);
    check("nothing", refused((long)mmap(0, 0, RW, ANON, -1, 0), EINVAL));
    check("no kind", refused((long)mmap(0, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL));
    check("crooked", refused((long)mmap(p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL));
    check("too much", refused((long)mmap(0, 1ul << 60, RW, ANON, -1, 0), ENOMEM));
    check("no file", refused((long)mmap(0, PAGE, RW, MAP_PRIVATE, 99, 0), EBADF));
    check("no such pages", refused((long)mmap(0, 2 << 20, RW, ANON | MAP_HUGETLB, -1, 0), ENOMEM));
    munmap(p, 2 * PAGE);
#ifdef __x86_64__
    char *low = mmap(0, PAGE, RW, ANON | MAP_32BIT, -1, 0);
    check("low", (uintptr_t)low < 1ul << 31);
    munmap(low, PAGE);
#endif
    size_t huge = 256ul << 30;
    char *r = map(huge, PROT_NONE, ANON | MAP_NORESERVE), *s = map(huge, RW, ANON | MAP_NORESERVE);
    for (size_t at = 0; at < huge; at += huge / 16)
        s[at] = 3;
    check("reservations", !mprotect(r + huge / 2, PAGE, RW) && !touch(r + huge / 2, 1) && s[huge / 2] == 3);
    check("given back", !munmap(r, huge) && !munmap(s, huge));
}

static void growing(void)
{
    size_t room = 4 << 20;
    char *p = map(room, PROT_NONE, ANON);
    munmap(p, room);
    char *top = mmap(p + room - PAGE, PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
    check("grows", top == p + room - PAGE && !touch(top - 1, 1) && !touch(top - 40 * PAGE, 1));
    check("between", !touch(top - 20 * PAGE, 0));
    munmap(p, room);
}

static void moving(void)
{
    char *p = map(8 * PAGE, RW, ANON), *q;
    for (int i = 0; i < 8; i++)
        p[i * PAGE] = i + 1;
    munmap(p + 4 * PAGE, 4 * PAGE);
    check("in place", mremap(p, 4 * PAGE, 6 * PAGE, 0) == p && p[3 * PAGE] == 4 && !p[5 * PAGE]);
    check("smaller", mremap(p, 6 * PAGE, 2 * PAGE, 0) == p && raised(p + 2 * PAGE, 0, SIGSEGV, SEGV_MAPERR));
    char *wall = mmap(p + 2 * PAGE, PAGE, PROT_NONE, ANON | MAP_FIXED, -1, 0);
    check("no room", refused((long)mremap(p, 2 * PAGE, 4 * PAGE, 0), ENOMEM));
    q = mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
    check("moved", q != p && q[0] == 1 && q[PAGE] == 2 && !q[2 * PAGE] && touch(p, 0) == SIGSEGV);
    char *target = map(4 * PAGE, RW, ANON);
    target[0] = 9;
    check("moved here", mremap(q, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    check("with its pages", target[0] == 1 && target[PAGE] == 2 && touch(q, 0) == SIGSEGV);
    check("onto itself", refused((long)mremap(target, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE), EINVAL));
    check("not there", refused((long)mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT));
    check("nothing left", refused((long)mremap(target, PAGE, 0, 0), EINVAL));
    q = mremap(target, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | 4, 0);
    check("left behind", q != target && q[PAGE] == 2 && !target[PAGE] && !touch(target, 1));
    pid_t pid = fork();
    if (!pid) {
        char *r = mremap(q, 4 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
        r[1] = 5;
        _exit(r[PAGE] == 2 && r[0] == 1 && !r[15 * PAGE] ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    check("in a copy", status == 0 && q[PAGE] == 2 && !q[1]);
    munmap(q, 4 * PAGE), munmap(target, 4 * PAGE), munmap(wall, PAGE);
    size_t size = 64 << 20;
    char *big = map(size, RW, ANON);
    for (size_t at = 0; at < size; at += PAGE)
        *(size_t *)(big + at) = at;
    big = mremap(big, size, 2 * size, MREMAP_MAYMOVE);
    int good = 1;
    for (size_t at = 0; at < size; at += PAGE)
        good &= *(size_t *)(big + at) == at;
    check("a big one", good && !big[2 * size - 1]);
    munmap(big, 2 * size);
}

static void sharing(void)
{
    int fd = memfd_create("file", 0), status;
    if (ftruncate(fd, 4 * PAGE))
        abort();
    char *a = mmap(0, 4 * PAGE, RW, MAP_SHARED, fd, 0), *b = mmap(0, PAGE, RW, MAP_SHARED, fd, 2 * PAGE);
    char *c = mmap(0, PAGE, RW, MAP_PRIVATE, fd, 2 * PAGE), *s = map(2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
    b[7] = 1;
    check("two views", a[2 * PAGE + 7] == 1 && c[7] == 1);
    c[7] = 2;
    check("a private one", a[2 * PAGE + 7] == 1);
    if (pwrite(fd, "written", 7, PAGE) != 7)
        abort();
    check("file to memory", !memcmp(a + PAGE, "written", 7));
    pid_t pid = fork();
    if (!pid) {
        a[3] = 3, s[PAGE] = 4, c[7] = 5;
        _exit(0);
    }
    waitpid(pid, &status, 0);
    check("across fork", a[3] == 3 && s[PAGE] == 4 && c[7] == 2);
    char *again = mremap(s, 0, 2 * PAGE, MREMAP_MAYMOVE);
    check("once more", again != MAP_FAILED && again[PAGE] == 4 && !touch(s, 1));
    again[PAGE] = 6;
    check("the same", s[PAGE] == 6);
    char *m = mremap(b, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    check("a file, moved and grown", m[7] == 1 && !touch(m + PAGE, 1) && a[3 * PAGE] == 1);
    check("another part", !remap_file_pages(m, PAGE, 0, 1, 0) && !memcmp(m, "written", 7));
    check("read only file", refused((long)mmap(0, PAGE, RW, MAP_SHARED, open("/proc/self/exe", O_RDONLY), 0), EACCES));
    check("on disk", !msync(a, 4 * PAGE, MS_SYNC) && refused(msync(a, PAGE, MS_SYNC | MS_ASYNC), EINVAL));
    munmap(m, 2 * PAGE), munmap(a, 4 * PAGE);
}

static int in_memory(char *p, int pages)
{
    unsigned char found[16] = {0};
    int count = 0;
    if (mincore(p, pages * PAGE, found))
        return -1;
    for (int i = 0; i < pages; i++)
        count += found[i] & 1;
    return count;
}

static void advice(void)
{
    char *p = map(8 * PAGE, RW, ANON);
    madvise(p, 8 * PAGE, MADV_NOHUGEPAGE);
    check("not touched", in_memory(p, 8) == 0);
    p[0] = p[3 * PAGE] = 1;
    check("touched", in_memory(p, 8) == 2);
    check("dropped", !madvise(p, 4 * PAGE, MADV_DONTNEED) && !p[3 * PAGE]);
    check("populated", !madvise(p, 8 * PAGE, MADV_POPULATE_WRITE) && in_memory(p, 8) == 8);
    check("free", !madvise(p, PAGE, MADV_FREE) && !touch(p, 1));
    check("no advice", refused(madvise(p, PAGE, 77), EINVAL) && refused(madvise(p + 1, PAGE, 0), EINVAL));
    munmap(p + 4 * PAGE, PAGE);
    p[5 * PAGE] = 1;
    check("a hole", refused(madvise(p, 8 * PAGE, MADV_DONTNEED), ENOMEM) && !p[5 * PAGE]);
    check("asking there", in_memory(p, 8) == -1 && errno == ENOMEM);
    check("rights up to it", refused(mprotect(p, 8 * PAGE, PROT_READ), ENOMEM) && touch(p, 1) && !touch(p + 6 * PAGE, 1));
    mprotect(p, 4 * PAGE, RW);
    p[0] = p[PAGE] = p[2 * PAGE] = 1;
    madvise(p + PAGE, PAGE, MADV_WIPEONFORK), madvise(p + 2 * PAGE, PAGE, MADV_DONTFORK);
    int status;
    pid_t pid = fork();
    if (!pid)
        _exit(p[0] != 1 || p[PAGE] != 0 || touch(p + 2 * PAGE, 0) != SIGSEGV);
    waitpid(pid, &status, 0);
    check("on fork", status == 0 && p[PAGE] == 1 && p[2 * PAGE] == 1);
    char *s = map(2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
    s[0] = s[PAGE] = 1;
    check("still behind it", !madvise(s, PAGE, MADV_DONTNEED) && s[0] == 1);
    check("removed", !madvise(s, PAGE, MADV_REMOVE) && !s[0] && s[PAGE] == 1);
    check("no place for that", refused(madvise(s, PAGE, MADV_FREE), EINVAL) && refused(madvise(p, PAGE, MADV_REMOVE), EINVAL));
    munmap(p, 8 * PAGE), munmap(s, 2 * PAGE);
}

static void locking(void)
{
    char *p = map(4 * PAGE, RW, ANON);
    check("locked", !mlock(p, 4 * PAGE) && in_memory(p, 4) == 4);
    check("stays", refused(madvise(p, PAGE, MADV_DONTNEED), EINVAL) && refused(msync(p, PAGE, MS_INVALIDATE), EBUSY));
    check("unlocked", !munlock(p, 4 * PAGE) && !madvise(p, PAGE, MADV_DONTNEED));
    check("nowhere", refused(mlock((void *)(1ul << 40), PAGE), ENOMEM));
    check("everything", !mlockall(MCL_CURRENT) && !munlockall() && refused(mlockall(0), EINVAL));
    struct rlimit old, small = {64 << 20, 0};
    getrlimit(RLIMIT_AS, &old);
    small.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_AS, &small);
    check("limited", refused((long)mmap(0, 128 << 20, RW, ANON, -1, 0), ENOMEM));
    setrlimit(RLIMIT_AS, &old);
    check("not limited", mmap(0, 128 << 20, RW, ANON, -1, 0) != MAP_FAILED);
    munmap(p, 4 * PAGE);
}

static void across(void)
{
    int p[2], status;
    static char data[2 * 4096], got[2 * 4096];
    memset(data, 5, sizeof data);
    if (pipe(p))
        abort();
    pid_t pid = fork();
    if (!pid) {
        char c;
        memset(data, 6, sizeof data);
        if (write(p[1], "x", 1) != 1)
            _exit(9);
        while (!*(volatile char *)got)
            usleep(100);
        (void)c;
        _exit(got[0] + got[1]);
    }
    char c;
    if (read(p[0], &c, 1) != 1)
        abort();
    struct iovec mine[2] = {{got, 100}, {got + 200, 300}}, theirs[2] = {{data, 250}, {data + 4000, 150}};
    check("read", process_vm_readv(pid, mine, 2, theirs, 2, 0) == 400 && got[0] == 6 && got[499] == 6 && !got[150]);
    struct iovec bad[2] = {{data, 50}, {(void *)8, 50}}, one = {got, 400};
    check("in part", process_vm_readv(pid, &one, 1, bad, 2, 0) == 50);
    check("at all", refused(process_vm_readv(pid, &one, 1, bad + 1, 1, 0), EFAULT));
    check("nobody", refused(process_vm_readv(1 << 22, &one, 1, theirs, 1, 0), ESRCH));
    check("flags", refused(process_vm_readv(pid, &one, 1, theirs, 1, 1), EINVAL));
    char word[2] = {0, 4}, first[1] = {3};
    struct iovec from = {word + 1, 1}, to = {got + 1, 1}, from0 = {first, 1}, to0 = {got, 1};
    check("write", process_vm_writev(pid, &from, 1, &to, 1, 0) == 1 && process_vm_writev(pid, &from0, 1, &to0, 1, 0) == 1);
    waitpid(pid, &status, 0);
    check("arrived", WIFEXITED(status) && WEXITSTATUS(status) == 7);
    check("barriers", syscall(SYS_membarrier, 0, 0, 0) >= 0 && refused(syscall(SYS_membarrier, 8, 0, 0), EPERM) && !syscall(SYS_membarrier, 16, 0, 0) && !syscall(SYS_membarrier, 8, 0, 0));
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
    faults();
    places();
    growing();
    moving();
    sharing();
    advice();
    locking();
    across();
    return failed ? 1 : 42;
}
