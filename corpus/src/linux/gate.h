// What Linux promises: the result register changes, syscall loses rcx and r11, everything else is kept.
#pragma once
enum {
  NR_GETPID = __NR_getpid,
  NR_CLOSE = __NR_close,
  NR_WRITE = __NR_write,
  NR_NANOSLEEP = __NR_nanosleep,
  ERRORS_ARE_NEGATIVE = 1,
};
#define SLEEP_ARGUMENTS(time) argument(0, (s64)(time)), argument(1, 0)
struct second {
  int present;
  u64 value;
};

static void system_leaves(struct state *want, int failed, struct second second) {
  (void)want, (void)failed, (void)second;
}

static int is_lost(int i) {
#if defined(__x86_64__)
  return i == RCX || i == R11;
#else
  return (void)i, 0;
#endif
}

static void check_second(void) {}  // pipe and fork answer in memory and in one register
static void check_stack(void) {}   // at most six arguments
