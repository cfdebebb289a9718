// What FreeBSD promises: carry says failure and is cleared by success. amd64: rdx is the second result and keeps
// its value when there is none; r8, r9 and r10 come back as zero. arm64: x1 is zero unless a call has a second
// result or fails.
#pragma once
enum {
  NR_GETPID = SYS_getpid,
  NR_CLOSE = SYS_close,
  NR_WRITE = SYS_write,
  NR_NANOSLEEP = SYS_nanosleep,
  ERRORS_ARE_NEGATIVE = 0,
};
#define SLEEP_ARGUMENTS(time) argument(0, (s64)(time)), argument(1, 0)
struct second {
  int present;
  u64 value;
};

static void system_leaves(struct state *want, int failed, struct second second) {
  want->flags = failed ? want->flags | CARRY : want->flags & ~(u64)CARRY;
#if defined(__x86_64__)
  want->gpr[R8] = want->gpr[R9] = want->gpr[R10] = 0;
  if (second.present) want->gpr[RDX] = second.value;
#else
  if (!failed) want->gpr[X1] = second.present ? second.value : 0;
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

// pipe(2) of FreeBSD 10 and earlier answers with two descriptors in two registers.
static void check_second(void) {
  for (int f = 0; f < 2; f++) {
    char got[4];
    prepare(SYS_freebsd10_pipe, PAIR_FLAGS[f]);
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

// As libc's own stubs: the caller's eight arguments are those of the call, the number is the first.
#if defined(__x86_64__)
#define INDIRECT(name, nr)                                                                              \
  __attribute__((naked, noinline)) static s64 name(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f, s64 g) { \
    __asm__ volatile("mov $%c0, %%eax\nmov %%rcx, %%r10\nsyscall\njnc 1f\nneg %%rax\n1: ret\n" ::"i"(nr)); \
  }
#else
#define INDIRECT(name, nr)                                                                              \
  __attribute__((naked, noinline)) static s64 name(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f, s64 g) { \
    __asm__ volatile("mov x8, #%c0\nsvc #0\nb.cc 1f\nneg x0, x0\n1: ret\n" ::"i"(nr));                  \
  }
#endif
#pragma clang diagnostic ignored "-Wunused-parameter"
#pragma clang diagnostic ignored "-Wundefined-internal"
INDIRECT(indirect, SYS___syscall)
INDIRECT(indirect_old, SYS_syscall)

static void check_mapping(s64 (*call)(s64, s64, s64, s64, s64, s64, s64, s64)) {
  static const char scratch[] = "convention.tmp";
  s64 fd = sys_open(scratch, O_RDWR | O_CREAT | O_TRUNC, 0600);
  expect("lseek", 3 * 65536, (u64)sys_seek((int)fd, 3 * 65536, 0));
  expect("write", 8, (u64)sys_write((int)fd, "far away", 8));
  // the offset is the seventh word
  s64 at = call(SYS_mmap, 0, 65536, PROT_READ, MAP_PRIVATE, fd, 3 * 65536, 0);
  if (at < 0) fail("mmap", 0, (u64)at);
  else expect("bytes at the offset", 1, (u64)same((void *)at, "far away", 8));
  expect("getpid", (u64)sys_getpid(), (u64)call(SYS_getpid, 0, 0, 0, 0, 0, 0, 0));
  expect("close of a bad descriptor", (u64)-EBADF, (u64)call(SYS_close, 77, 0, 0, 0, 0, 0, 0));
  sys_munmap((void *)at, 65536), sys_close((int)fd), sys_unlink(scratch);
}

static void check_stack(void) {
  s64 sent = -1;
  check_mapping(indirect);
  check_mapping(indirect_old);
  // seven arguments behind the number: the sixth and seventh are on amd64's stack; sbytes is stored even so
  s64 fd = sys_open("/dev/null", O_RDWR, 0);
  expect("sendfile to no socket", (u64)-ENOTSOCK, (u64)indirect(SYS_sendfile, fd, fd, 0, 0, 0, (s64)&sent, 0));
  expect("sbytes", 0, (u64)sent);
  sys_close((int)fd);
}
