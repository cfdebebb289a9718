// What the system leaves behind: every register, flag and vector register before and after a call, its error
// convention, second results, arguments on the stack, and memory below the stack pointer.
#include "raw.h"
#if defined(__x86_64__)
#include "registers_x86_64.h"
#else
#include "registers_aarch64.h"
#endif
#include "gate.h"

// The number arrives in a register from memory, or stands right before the trap.
PROBE(probe_any, "", 0)
PROBE(probe_getpid, SET_NUMBER, NR_GETPID)
PROBE(probe_close, SET_NUMBER, NR_CLOSE)
PROBE(probe_write, SET_NUMBER, NR_WRITE)
PROBE(probe_sleep, SET_NUMBER, NR_NANOSLEEP)

// What the probe itself put into the number register.
#ifndef NUMBER_LOADED
#define NUMBER_LOADED(number) set_number(number)
#endif

static const u64 CANARY = 0xc0ffee00c0ffee00;

static void prepare(s64 number, u64 flags) {
  for (int i = 0; i < GPRS; i++) before.gpr[i] = 0x0101010101010101u * (u64)(i + 1) ^ 0xa5a50000deadbeef;
  for (int i = 0; i < VECTORS; i++) {
    before.vector[i][0] = 0x1111111111111111u * (u64)(i & 15) + (u64)i;
    before.vector[i][1] = ~before.vector[i][0] ^ 0x5a5a5a5a5a5a5a5a;
  }
  before.flags = flags;
  before.gpr[SP] = (u64)STACK_AT;
  set_number(number);
  memset(&after, 0x77, sizeof after);
  for (int i = 0; i < 32; i++) guarded[i] = CANARY + (u64)i;
}

static void argument(int position, s64 value) { before.gpr[ARGUMENTS[position]] = (u64)value; }

static const char *call_name;

static void expect_register(const char *name, u64 expected, u64 got) {
  if (expected == got) return;
  put("in ");
  put(call_name);
  put(": ");
  fail(name, expected, got);
}

// Compares the state after one call with what this system promises.
static NOINLINE void expect_kept(const char *name, s64 result, int failed, struct second second) {
  struct state want = before;
  call_name = name;
  want.gpr[RESULT] = (u64)result;
  system_leaves(&want, failed, second);
  for (int i = 0; i <= GPRS && i < (int)(sizeof REGISTER_NAMES / sizeof *REGISTER_NAMES); i++)
    if (!is_lost(i)) expect_register(REGISTER_NAMES[i], want.gpr[i], after.gpr[i]);
  expect_register("flags", want.flags & ALL_FLAGS, after.flags & ALL_FLAGS);
  for (int i = 0; i < VECTORS; i++) {
    expect_register("vector low", want.vector[i][0], after.vector[i][0]);
    expect_register("vector high", want.vector[i][1], after.vector[i][1]);
  }
  for (int i = 0; i < 32; i++) expect_register("below the stack pointer", CANARY + (u64)i, guarded[i]);
}

static const u64 FLAGS[] = {ALL_FLAGS, 0, ALL_FLAGS & ~(u64)CARRY, CARRY};
#define EACH_FLAGS(flags) for (int f = 0; f < 4; f++) for (u64 flags = FLAGS[f], once = 1; once; once = 0)

static void check_success(void) {
  s64 pid = sys_getpid();
  EACH_FLAGS(flags) {
    prepare(NR_GETPID, flags);
    probe_any();
    expect_kept("getpid", pid, 0, (struct second){0, 0});
    prepare(0x123456, flags);
    probe_getpid();
    NUMBER_LOADED(NR_GETPID);
    expect_kept("getpid, number in place", pid, 0, (struct second){0, 0});
  }
}

static void check_arguments(void) {
  EACH_FLAGS(flags) {
    prepare(NR_WRITE, flags);
    argument(0, 1), argument(1, (s64) "nothing"), argument(2, 0);
    probe_any();
    expect_kept("write", 0, 0, (struct second){0, 0});
    prepare(0x123456, flags);
    argument(0, 1), argument(1, (s64) "nothing"), argument(2, 0);
    probe_write();
    NUMBER_LOADED(NR_WRITE);
    expect_kept("write, number in place", 0, 0, (struct second){0, 0});
  }
}

static void check_failure(void) {
  s64 error = ERRORS_ARE_NEGATIVE ? -EBADF : EBADF;
  EACH_FLAGS(flags) {
    prepare(NR_CLOSE, flags);
    argument(0, 77);
    probe_any();
    expect_kept("close", error, 1, (struct second){0, 0});
    prepare(0x123456, flags);
    argument(0, 77);
    probe_close();
    NUMBER_LOADED(NR_CLOSE);
    expect_kept("close, number in place", error, 1, (struct second){0, 0});
  }
}

// A call that has to wait leaves the CPU and is finished later.
static void check_waiting(void) {
  static struct timespec little = {0, 2000000};
  EACH_FLAGS(flags) {
    prepare(NR_NANOSLEEP, flags);
    SLEEP_ARGUMENTS(&little);
    probe_any();
    expect_kept("nanosleep", 0, 0, (struct second){0, 0});
    prepare(0x123456, flags);
    SLEEP_ARGUMENTS(&little);
    probe_sleep();
    NUMBER_LOADED(NR_NANOSLEEP);
    expect_kept("nanosleep, number in place", 0, 0, (struct second){0, 0});
  }
}

int program(u64 *argc, u64 entry_sp) {
  (void)argc, (void)entry_sp;
  group("success", check_success);
  group("arguments", check_arguments);
  group("failure", check_failure);
  group("waiting", check_waiting);
  group("second result", check_second);
  group("stack arguments", check_stack);
  return failures ? BROKEN : PASSED;
}
