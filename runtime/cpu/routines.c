/* Machine-code routines: calls that cannot block, answered behind the engine's hook without entering Python.

   Built for each guest architecture by `python -m corpus.routines` into runtime/cpu/routines_code.py, which
   is what runs; compile this file with -DGUEST_X86_64 or -DGUEST_AARCH64. Nothing here may need a
   relocation: no constants in memory, no library, no jump tables.

   An entry is what the engine's hook calls. It finds the routine of the crossing in a table (by site or by
   number) and either answers, exactly as the Python handler would have, or declines by a tail call of the
   Python hook. It declines whatever is not the plain case: pages that the kernel has not translated yet,
   descriptors that are no host file, every error. A declined call has had no effect, so Python makes it
   from the beginning and every rule stays in one place.

   `struct block` is laid out as runtime/cpu/routines.py says. */

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

enum { NONE, GETPID, GETTID, READ, WRITE, PREAD, PWRITE, LSEEK, CLOCK_GETTIME, GETTIMEOFDAY, TIME, READV,
       WRITEV, ROUTINES = 16 };
enum { BOUND, BOUND_CARRY, TABLE, TABLE_CARRY, IMPORT, RETURN, TRAP, KINDS }; /* GateKind, then the trap */
enum { HOST = 1, NULL_DEVICE, ZERO_DEVICE, STREAM }; /* what a descriptor is: bits 39:32 of its word */
#define CAN_READ (1ull << 40)
#define CAN_WRITE (1ull << 41)

struct page { u64 tag, delta; };   /* page number + 1; arena offset - address */
struct exit { u64 pc, kind_and_register; };
struct time { u64 sec, nsec; };
struct vec { u64 base, size; };

struct block {
    u64 *regs;
    u64 enabled;          /* bit of a kind: its crossings may be answered here */
    u64 slow[KINDS];      /* Python's hooks */
    u64 interrupt;        /* aarch64: the one for everything */
    u8 *sites; u64 site_count;
    u8 *numbers; u64 number_count;
    u64 *descriptors; u64 descriptor_count;
    struct page *reads, *writes; u64 page_mask;
    u64 arena;            /* host address of arena offset 0 */
    int (*clock)(int, struct time *);
    struct exit *exits; u64 exit_mask;
    u64 pid, tid;
    u64 made;             /* crossings since Python last looked; ring holds the last 8: 0 for one of Python's */
    u8 ring[8];
    u64 counts[KINDS][ROUTINES];
    u64 timed, clock_cost;        /* whether to note ns; of reading the clock, found when first needed */
    u64 spent[KINDS][ROUTINES];   /* ns inside routines, the reading of the clock taken off */
};

#ifdef GUEST_X86_64
enum { RESULT = 0, A0 = 7, A1 = 6, A2 = 2, A3 = 10, RCX = 1, R11 = 11, PC = 16, NUMBER = 0 };
#else
enum { RESULT = 0, A0 = 0, A1 = 1, A2 = 2, A3 = 3, PC = 32, NUMBER = 8 };
#endif
#define PIECES 33         /* pages of one transfer: 128 KiB at any offset */
#define VECTORS 8         /* pieces of a guest's own vector */
#define inline_ static inline __attribute__((always_inline))

inline_ u64 host(u64 number, u64 a, u64 b, u64 c, u64 d) {
    u64 result;
    register u64 r10 __asm__("r10") = d;
    register u64 r8 __asm__("r8") = 0; /* high half of preadv's offset: 64-bit hosts ignore it */
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

inline_ int failed(u64 result) { return result > -4096ull; }

/* Host address of guest memory inside one page, 0 where Python has not translated the page. */
inline_ u64 at(struct block *b, struct page *known, u64 address) {
    u64 number = address >> 12;
    struct page *page = known + (number & b->page_mask);
    return page->tag == number + 1 ? b->arena + page->delta + address : 0;
}

/* Add guest memory to a vector, merging what is adjacent; the new length, or 0 to decline. */
inline_ u64 pieces(struct block *b, struct page *known, u64 address, u64 size, struct vec *out, u64 n) {
    if (size > (u64)(PIECES - 1) << 12) return 0;
    while (size) {
        u64 here = at(b, known, address), part = 4096 - (address & 4095);
        if (!here) return 0;
        if (part > size) part = size;
        if (n && out[n - 1].base + out[n - 1].size == here) out[n - 1].size += part;
        else {
            if (n == PIECES) return 0;
            out[n].base = here, out[n].size = part, n++;
        }
        address += part, size -= part;
    }
    return n;
}

inline_ u64 total(struct vec *v, u64 n) {
    u64 sum = 0;
    for (u64 i = 0; i < n; i++) sum += v[i].size;
    return sum;
}

/* The word of a descriptor that may be used so, else 0. */
inline_ u64 descriptor(struct block *b, u64 right) {
    u32 fd = (u32)b->regs[A0];
    if (fd >= b->descriptor_count) return 0;
    u64 word = b->descriptors[fd];
    return word & right ? word : 0;
}

inline_ void zero(struct vec *v, u64 n) {
    for (u64 i = 0; i < n; i++) {
        u64 base = v[i].base, size = v[i].size;
        __asm__ volatile("rep stosb" : "+D"(base), "+c"(size) : "a"(0) : "memory");
    }
}

/* One transfer between a descriptor and `v`; 0 to decline. Result in `done`. */
inline_ int transfer(u64 word, struct vec *v, u64 n, int reading, int placed, u64 offset, u64 *done) {
    u64 kind = word >> 32 & 255, fd = (u32)word;
    if (kind == NULL_DEVICE || kind == ZERO_DEVICE) {
        if (placed && offset >> 63) return 0;
        *done = reading && kind == NULL_DEVICE ? 0 : total(v, n);
        if (reading && kind == ZERO_DEVICE) zero(v, n);
        return 1;
    }
    if (kind != HOST && (kind != STREAM || placed)) return 0;
    if (kind == STREAM && !reading && total(v, n) > 4096) return 0; /* PIPE_BUF: all or nothing */
    if (n == 1)
        *done = placed ? host(reading ? 17 : 18, fd, v->base, v->size, offset)
                       : host(reading ? 0 : 1, fd, v->base, v->size, 0);
    else
        *done = placed ? host(reading ? 295 : 296, fd, (u64)v, n, offset)
                       : host(reading ? 19 : 20, fd, (u64)v, n, 0);
    return !failed(*done);
}

inline_ int plain(struct block *b, int reading, int placed, u64 *done) {
    struct vec v[PIECES];
    u64 word = descriptor(b, reading ? CAN_READ : CAN_WRITE);
    if (!word) return 0;
    u64 n = pieces(b, reading ? b->writes : b->reads, b->regs[A1], b->regs[A2], v, 0);
    return n && transfer(word, v, n, reading, placed, b->regs[A3], done);
}

inline_ int vectored(struct block *b, int reading, u64 *done) {
    struct vec v[PIECES];
    u64 word = descriptor(b, reading ? CAN_READ : CAN_WRITE), count = b->regs[A2], address = b->regs[A1], n = 0;
    if (!word || count - 1 >= VECTORS || (address & 4095) > 4096 - count * 16) return 0;
    struct vec *wanted = (struct vec *)at(b, b->reads, address);
    if (!wanted) return 0;
    for (u64 i = 0; i < count; i++) {
        if (!wanted[i].size) continue;
        n = pieces(b, reading ? b->writes : b->reads, wanted[i].base, wanted[i].size, v, n);
        if (!n) return 0;
    }
    return n && transfer(word, v, n, reading, 0, 0, done);
}

inline_ int seek(struct block *b, u64 *done) {
    u64 word = descriptor(b, CAN_READ | CAN_WRITE), kind = word >> 32 & 255;
    u32 whence = (u32)b->regs[A2];
    if (whence > 2) return 0;
    if (kind == NULL_DEVICE || kind == ZERO_DEVICE) {
        *done = 0;
        return 1;
    }
    if (kind != HOST) return 0;
    *done = host(8, (u32)word, b->regs[A1], whence, 0);
    return !failed(*done);
}

/* Two words of guest memory that may be written, inside one page. */
inline_ u64 *pair(struct block *b, u64 address) {
    return (address & 4095) > 4080 ? 0 : (u64 *)at(b, b->writes, address);
}

inline_ int clocks(struct block *b, int routine, u64 *done) {
    struct time now;
    u64 *out = 0;
    u32 which = 0;
    if (routine == CLOCK_GETTIME) {
        which = (u32)b->regs[A0];
        out = pair(b, b->regs[A1]);
        if (which > 1 || !out) return 0;
    } else if (routine == GETTIMEOFDAY) {
        out = pair(b, b->regs[A0]);
        if (!out) return 0;
    } else if (b->regs[A0])
        return 0;
    if (b->clock((int)which, &now)) return 0;
    *done = 0;
    if (routine == TIME) *done = now.sec;
    else {
        out[0] = now.sec;
        out[1] = routine == GETTIMEOFDAY ? now.nsec / 1000 : now.nsec;
    }
    return 1;
}

static __attribute__((noinline)) int perform(struct block *b, u32 routine, u64 *done) {
    switch (routine) {
    case GETPID: *done = b->pid; return 1;
    case GETTID: *done = b->tid; return 1;
    case READ: return plain(b, 1, 0, done);
    case WRITE: return plain(b, 0, 0, done);
    case PREAD: return plain(b, 1, 1, done);
    case PWRITE: return plain(b, 0, 1, done);
    case READV: return vectored(b, 1, done);
    case WRITEV: return vectored(b, 0, done);
    case LSEEK: return seek(b, done);
    case CLOCK_GETTIME: case GETTIMEOFDAY: case TIME: return clocks(b, (int)routine, done);
    default: return 0;
    }
}

inline_ u64 clock_ns(struct block *b) {
    struct time now;
    b->clock(1, &now); /* CLOCK_MONOTONIC */
    return now.sec * 1000000000 + now.nsec;
}

static __attribute__((noinline)) int measured(struct block *b, u32 kind, u32 routine, u64 *done) {
    if (!b->clock_cost) {
        b->clock_cost = 1000;
        for (int i = 0; i < 100; i++) {
            u64 first = clock_ns(b), cost = clock_ns(b) - first;
            if (cost < b->clock_cost) b->clock_cost = cost;
        }
    }
    u64 begin = clock_ns(b);
    if (!perform(b, routine, done)) return 0;
    u64 spent = clock_ns(b) - begin;
    if (spent > b->clock_cost) b->spent[kind][routine] += spent - b->clock_cost;
    return 1;
}

/* Answer a crossing of `kind` whose routine is known; 0 to decline. */
static __attribute__((noinline)) int answer(struct block *b, u32 kind, u32 routine) {
    u64 done;
    int served = routine && b->enabled >> kind & 1
        && (b->timed ? measured(b, kind, routine, &done) : perform(b, routine, &done));
    if (served) {
        b->regs[RESULT] = done;
        b->counts[kind][routine]++;
    }
    b->ring[b->made++ & 7] = served ? (u8)routine : 0;
    return served;
}

inline_ u32 of_site(struct block *b, u64 site) { return site < b->site_count ? b->sites[site] : 0; }
inline_ u32 of_number(struct block *b, u64 number) { return number < b->number_count ? b->numbers[number] : 0; }

#ifdef GUEST_X86_64
typedef void hook(void *uc, struct block *b);
#define DECLINE(kind) ((hook *)b->slow[kind])(uc, b)

void bound(void *uc, struct block *b) {
    if (!answer(b, BOUND, of_site(b, b->regs[R11]))) DECLINE(BOUND);
}

void table(void *uc, struct block *b) {
    if (!answer(b, TABLE, of_number(b, b->regs[NUMBER]))) DECLINE(TABLE);
}

void trap(void *uc, struct block *b) {
    u64 pc = b->regs[PC];
    if (!answer(b, TRAP, of_number(b, b->regs[NUMBER]))) {
        DECLINE(TRAP);
        return;
    }
    b->regs[RCX] = pc + 2;
    b->regs[R11] = 0x246;
}
#else
typedef void hook(void *uc, u32 number, struct block *b);

void interrupt(void *uc, u32 number, struct block *b) {
    struct exit *known = b->exits + (b->regs[PC] >> 2 & b->exit_mask);
    if (number == 2 && known->pc == b->regs[PC]) {
        u32 kind = known->kind_and_register & 255, index = known->kind_and_register >> 8;
        u32 routine = kind == BOUND ? of_site(b, b->regs[index]) : of_number(b, b->regs[NUMBER]);
        if (answer(b, kind, routine)) return;
    }
    ((hook *)b->interrupt)(uc, number, b);
}
#endif
