// What OpenBSD promises: carry says failure and is cleared by success; there is no second result. arm64 resumes
// behind the two instructions that follow the trap, whatever they are.
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
  (void)second;
  want->flags = failed ? want->flags | CARRY : want->flags & ~(u64)CARRY;
}

static int is_lost(int i) {
#if defined(__x86_64__)
  return i == RCX || i == R11;
#else
  return (void)i, 0;
#endif
}

static void check_second(void) {}

#if defined(__aarch64__)
// Neither of the two instructions behind the trap is executed.
__attribute__((noinline)) static s64 skipping(s64 number, s64 argument) {
  register s64 x8 __asm__("x8") = number, x0 __asm__("x0") = argument, x9 __asm__("x9") = 1;
  __asm__ volatile("svc #0\n\tmov x9, #2\n\tudf #1\n\tb.cc 1f\n\tneg x0, x0\n1:"
                   : "+r"(x0), "+r"(x9)
                   : "r"(x8)
                   : "memory", "cc");
  expect("the instruction behind the trap", 1, (u64)x9);
  return x0;
}
#endif

static void check_stack(void) {
#if defined(__aarch64__)
  expect("getpid over the barriers", (u64)sys_getpid(), (u64)skipping(SYS_getpid, 0));
  expect("close over the barriers", (u64)-EBADF, (u64)skipping(SYS_close, 77));
#endif
}
