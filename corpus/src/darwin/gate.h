// What Darwin promises. BSD calls: carry says failure and is cleared by success; the second result register is
// written by every success, with zero when there is one result, on arm64 by failures too. Mach traps touch the result
// register alone.
#pragma once
enum {
  NR_GETPID = SYS_getpid,
  NR_CLOSE = SYS_close,
  NR_WRITE = SYS_write,
  NR_NANOSLEEP = SYS_poll,
  ERRORS_ARE_NEGATIVE = 0,
};
#define SLEEP_ARGUMENTS(time) ((void)(time), argument(0, 0), argument(1, 0), argument(2, 2))
struct second {
  int present;
  u64 value;
};

static void system_leaves(struct state *want, int failed, struct second second) {
  want->flags = failed ? want->flags | CARRY : want->flags & ~(u64)CARRY;
  u64 value = second.present ? second.value : 0;
#if defined(__x86_64__)
  if (!failed) want->gpr[RDX] = value;
#else
  want->gpr[X1] = failed ? 0 : value;
#endif
}

static int is_lost(int i) {
#if defined(__x86_64__)
  return i == RCX || i == R11;
#else
  return i == 18;  // the platform's own register
#endif
}

static void expect_kept(const char *name, s64 result, int failed, struct second second);
static void expect_register(const char *name, u64 expected, u64 got);
static void prepare(s64 number, u64 flags);
static void argument(int position, s64 value);
static const char *call_name;
void probe_any(void);

static const u64 PAIR_FLAGS[] = {ALL_FLAGS, 0};

// pipe(2) answers with two descriptors in two registers.
static void check_pair(void) {
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

// A Mach trap: every flag and every register but the result stay.
static void check_mach(void) {
  for (int f = 0; f < 2; f++) {
    prepare(MACH_task_self_trap, PAIR_FLAGS[f]);
    probe_any();
    call_name = "task_self_trap";
    expect_register("flags", before.flags & ALL_FLAGS, after.flags & ALL_FLAGS);
    for (int i = 0; i < GPRS; i++)
      if (i != RESULT && !is_lost(i)) expect_register(REGISTER_NAMES[i], before.gpr[i], after.gpr[i]);
    expect("a port", 1, after.gpr[RESULT] != 0);
  }
}

static void check_second(void) {
  check_pair();
  check_mach();
}

// As libc's own stub: the caller's eight arguments are those of the call, the number is the first.
#if defined(__x86_64__)
__attribute__((naked, noinline)) static s64 indirect(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f, s64 g) {
  __asm__ volatile("mov $%c0, %%eax\nmov %%rcx, %%r10\nsyscall\njnc 1f\nneg %%rax\n1: ret\n" ::"i"(SYS_syscall));
}
#else
__attribute__((naked, noinline)) static s64 indirect(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f, s64 g) {
  __asm__ volatile("mov x16, #0\nsvc #0x80\nb.cc 1f\nneg x0, x0\n1: ret\n");
}
#endif
#pragma clang diagnostic ignored "-Wunused-parameter"

static void check_stack(void) {
  static const char scratch[] = "convention.tmp";
  s64 fd = sys_open(scratch, O_RDWR | O_CREAT | O_TRUNC, 0600);
  expect("lseek", 3 * 65536, (u64)sys_seek((int)fd, 3 * 65536, 0));
  expect("write", 8, (u64)sys_write((int)fd, "far away", 8));
  // the offset is the seventh word
  s64 at = indirect(SYS_mmap & 0xffff, 0, 65536, PROT_READ, MAP_PRIVATE, fd, 3 * 65536, 0);
  if (at < 0) fail("mmap", 0, (u64)at);
  else expect("bytes at the offset", 1, (u64)same((void *)at, "far away", 8));
  expect("getpid", (u64)sys_getpid(), (u64)indirect(SYS_getpid & 0xffff, 0, 0, 0, 0, 0, 0, 0));
  expect("close of a bad descriptor", (u64)-EBADF, (u64)indirect(SYS_close & 0xffff, 77, 0, 0, 0, 0, 0, 0));
  sys_munmap((void *)at, 65536), sys_close((int)fd), sys_unlink(scratch);
}
