/* A random walk through mappings: the same calls give the same results and leave the same memory everywhere. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define PAGE 4096ul
#define PAGES 48
#define BASE 0x100000000ul
#define STEPS 24
#define WALKS 60

static uint64_t seed = 88172645463325252ull;
static int file, still, verbose; /* `still` is not written while it is mapped */

static unsigned below(unsigned n)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (seed >> 33) % n;
}

static char *page(unsigned n)
{
    return (char *)(BASE + n * PAGE);
}

static long outcome(long result)
{
    if (result == -1)
        return -errno;
    return result >= (long)BASE ? (result - (long)BASE) / (long)PAGE + 1000 : result;
}

static const int RIGHTS[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC};

/* One call; what it answered. */
static long step(char *said)
{
    unsigned at = below(PAGES), count = 1 + below(8), to = below(PAGES), kind = below(12);
    int prot = RIGHTS[below(5)], flags = MAP_FIXED;
    if (at + count > PAGES)
        count = PAGES - at;
    unsigned more = 1 + below(PAGES - to < 8 ? PAGES - to : 8);
    sprintf(said, "%u at %u count %u to %u more %u prot %d", kind, at, count, to, more, prot);
    switch (kind) {
    case 0:
    case 1:
        return outcome((long)mmap(page(at), count * PAGE, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    case 2:
        return outcome((long)mmap(page(at), count * PAGE, prot, flags | MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    case 3:
        return outcome((long)mmap(page(at), count * PAGE, prot, flags | MAP_PRIVATE, still, to % 16 * PAGE));
    case 4:
        return outcome((long)mmap(page(at), count * PAGE, prot, flags | MAP_SHARED, file, to % 16 * PAGE));
    case 5:
        return outcome(munmap(page(at), count * PAGE));
    case 6:
        return outcome(mprotect(page(at), count * PAGE, prot));
    case 7: /* resized where it is, or not */
        return to + more <= at || at + count <= to ? outcome((long)mremap(page(at), count * PAGE, more * PAGE, 0)) : 0;
    case 8: /* newer kernels move several mappings at once when the size stays */
        if (more == count)
            more = count = 1;
        return outcome((long)mremap(page(at), count * PAGE, more * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page(to)));
    case 9:
        return outcome(madvise(page(at), count * PAGE, MADV_DONTNEED));
    case 10:
        return outcome((long)mremap(page(at), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | 4, page(to)));
    default:
        return outcome(mmap(page(at), count * PAGE, prot, MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
    }
}

static int readable(unsigned n, unsigned char *value)
{
    struct iovec mine = {value, 1}, theirs = {page(n) + 5, 1};
    return process_vm_readv(getpid(), &mine, 1, &theirs, 1, 0) == 1;
}

/* A different byte into every page that takes one. */
static void fill(unsigned walk)
{
    for (unsigned n = 0; n < PAGES; n++) {
        unsigned char value = walk * 7 + n + 1;
        struct iovec mine = {&value, 1}, theirs = {page(n) + 5, 1};
        process_vm_writev(getpid(), &mine, 1, &theirs, 1, 0);
    }
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 1099511628211ull;
}

/* Rights of every page as /proc/self/maps has them. */
static uint64_t rights(uint64_t hash)
{
    static char text[1 << 16];
    unsigned char found[PAGES] = {0};
    int fd = open("/proc/self/maps", O_RDONLY), size = 0, got;
    while ((got = read(fd, text + size, sizeof text - 1 - size)) > 0)
        size += got;
    close(fd);
    text[size] = 0;
    for (char *line = text; line && *line; line = strchr(line, '\n'), line += line != 0) {
        char *next;
        uint64_t start = strtoull(line, &next, 16), end = strtoull(next + 1, &next, 16);
        for (unsigned n = 0; n < PAGES; n++)
            if (start <= BASE + n * PAGE && BASE + n * PAGE < end)
                found[n] = 128 | (next[1] == 'r') | (next[2] == 'w') << 1 | (next[3] == 'x') << 2 | (next[4] == 's') << 3;
    }
    for (unsigned n = 0; n < PAGES; n++) {
        hash = mix(hash, found[n]);
        if (verbose)
            printf("%02x%s", found[n], n == PAGES - 1 ? "\n" : " ");
    }
    return hash;
}

static uint64_t walk(unsigned number)
{
    uint64_t hash = 1469598103934665603ull;
    char said[100];
    munmap(page(0), PAGES * PAGE);
    for (int i = 0; i < STEPS; i++) {
        long result = step(said);
        hash = mix(hash, result);
        if (i % 4 == 3)
            fill(number + i);
        for (unsigned n = 0; n < PAGES; n++) {
            unsigned char value = 0;
            int there = readable(n, &value);
            hash = mix(hash, there << 8 | value);
            if (verbose)
                printf(there ? "%02x " : "-- ", value);
        }
        if (verbose)
            printf("%u.%d: %s = %ld\n", number, i, said, result);
    }
    return rights(hash);
}

int main(int argc, char **argv)
{
    verbose = argc > 2;
    file = memfd_create("walk", 0), still = memfd_create("still", 0);
    for (int i = 0; i < 20; i++) {
        char text[PAGE];
        memset(text, 200 + i, sizeof text);
        if (write(file, text, sizeof text) != sizeof text || write(still, text, sizeof text) != sizeof text)
            return 1;
    }
    unsigned walks = argc > 1 ? atoi(argv[1]) : WALKS;
    uint64_t all = 0;
    for (unsigned i = 0; i < walks; i++) {
        uint64_t one = walk(i);
        all = mix(all, one);
        if (verbose)
            printf("%016lx\n", one);
    }
    printf("%016lx\n", all);
    return 42;
}
