// What the native interface promises: the result register changes, syscall loses rcx and r11, everything else is kept.
#pragma once
enum {
  NR_GETPID = HELCTIC_OP_GETPID,
  NR_CLOSE = HELCTIC_OP_CLOSE,
  NR_WRITE = HELCTIC_OP_WRITE,
  NR_NANOSLEEP = HELCTIC_OP_NANOSLEEP,
  ERRORS_ARE_NEGATIVE = 1,
};
#define SLEEP_ARGUMENTS(time) argument(0, CLOCK_MONOTONIC), argument(1, (s64)(time)), argument(2, 0)
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

static void check_second(void) {}  // every op has one result
static void check_stack(void) {}   // at most six arguments
