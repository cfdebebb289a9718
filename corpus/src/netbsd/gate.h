// What NetBSD promises: carry says failure and is cleared by success; every success writes the second result
// register, with zero when the call has one result. A number is taken modulo the size of the call table.
#pragma once
enum {
  NR_GETPID = SYS_getpid,
  NR_CLOSE = SYS_close,
  NR_WRITE = SYS_write,
  NR_NANOSLEEP = SYS___nanosleep50,
  ERRORS_ARE_NEGATIVE = 0,
};
#define SLEEP_ARGUMENTS(time) argument(0, (s64)(time)), argument(1, 0)
struct second {
  int present;
  u64 value;
};

static void system_leaves(struct state *want, int failed, struct second second) {
  want->flags = failed ? want->flags | CARRY : want->flags & ~(u64)CARRY;
  if (failed) return;
#if defined(__x86_64__)
  want->gpr[RDX] = second.present ? second.value : 0;
#else
  want->gpr[X1] = second.present ? second.value : 0;
#endif
}

static int is_lost(int i) {
#if defined(__x86_64__)
  return i == RCX || i == R11;
#else
  return (void)i, 0;
#endif
}

static void expect_kept(const char *name, s64 result, int failed, struct second second);
static void prepare(s64 number, u64 flags);
static void argument(int position, s64 value);
void probe_any(void);

static const u64 PAIR_FLAGS[] = {ALL_FLAGS, 0};

// pipe(2) answers with two descriptors in two registers.
static void check_second(void) {
  for (int f = 0; f < 2; f++) {
    char got[4];
    prepare(SYS_pipe, PAIR_FLAGS[f]);
    probe_any();
#if defined(__x86_64__)
    u64 to_read = after.gpr[RAX], to_write = after.gpr[RDX];
#else
    u64 to_read = after.gpr[X0], to_write = after.gpr[X1];
#endif
    expect_kept("pipe", (s64)to_read, 0, (struct second){1, to_write});
    if (to_read == to_write) fail("pipe's second result", to_read + 1, to_write);
    expect("write to the second result", 4, (u64)sys_write((int)to_write, "pair", 4));
    expect("read from the first result", 4, (u64)sys_read((int)to_read, got, 4));
    expect("bytes through the pipe", 1, (u64)same(got, "pair", 4));
    sys_close((int)to_read), sys_close((int)to_write);
  }
}

// As libc's own stubs. amd64: the caller's arguments are those of the call, the number is the first of them.
// arm64: the number goes to x17 and the arguments keep their places.
#if defined(__x86_64__)
#define INDIRECT(name, nr)                                                                              \
  __attribute__((naked, noinline)) static s64 name(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f, s64 g) { \
    __asm__ volatile("mov $%c0, %%eax\nmov %%rcx, %%r10\nsyscall\njnc 1f\nneg %%rax\n1: ret\n" ::"i"(nr)); \
  }
#else
#define INDIRECT(name, nr)                                                                              \
  __attribute__((naked, noinline)) static s64 name(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f, s64 g) { \
    __asm__ volatile("mov x17, x0\nmov x0, x1\nmov x1, x2\nmov x2, x3\nmov x3, x4\nmov x4, x5\nmov x5, x6\n" \
                     "mov x6, x7\nsvc %0\nb.cc 1f\nneg x0, x0\n1: ret\n" ::"i"(nr));                   \
  }
#endif
#pragma clang diagnostic ignored "-Wunused-parameter"
INDIRECT(indirect, SYS___syscall)
INDIRECT(indirect_old, SYS_syscall)

static void check_mapping(s64 (*call)(s64, s64, s64, s64, s64, s64, s64, s64)) {
  static const char scratch[] = "convention.tmp";
  s64 fd = sys_open(scratch, O_RDWR | O_CREAT | O_TRUNC, 0600);
  expect("lseek", 3 * 65536, (u64)sys_seek((int)fd, 3 * 65536, 0));
  expect("write", 8, (u64)sys_write((int)fd, "far away", 8));
  // the offset is the seventh word, behind its padding
  s64 at = call(SYS_mmap, 0, 65536, PROT_READ, MAP_PRIVATE, fd, 0, 3 * 65536);
  if (at < 0) fail("mmap", 0, (u64)at);
  else expect("bytes at the offset", 1, (u64)same((void *)at, "far away", 8));
  expect("getpid", (u64)sys_getpid(), (u64)call(SYS_getpid, 0, 0, 0, 0, 0, 0, 0));
  expect("close of a bad descriptor", (u64)-EBADF, (u64)call(SYS_close, 77, 0, 0, 0, 0, 0, 0));
  expect("a number beyond the table", (u64)sys_getpid(), (u64)call(SYS_NSYSENT + SYS_getpid, 0, 0, 0, 0, 0, 0, 0));
  sys_munmap((void *)at, 65536), sys_close((int)fd), sys_unlink(scratch);
}

static void check_stack(void) {
  check_mapping(indirect);
  check_mapping(indirect_old);
  // seven arguments with the number in its own place; the last is on amd64's stack
  s64 at = sys_mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect("mmap", 1, at > 0);
  expect("munmap", 0, (u64)sys_munmap((void *)at, 65536));
}
