// What a program finds when it starts: arguments, environment, the strings behind them, the commpage, its
// initialisers and thread-local variables. Run as: CORPUS=check args one "two words" ""
#include "raw.h"

static u64 *start_argc, stack_at_entry;
static char **environment, **apple;
static int initialised_with;

static int equal(const char *left, const char *right) {
  return length(left) == length(right) && same(left, right, length(left));
}

static int begins(const char *text, const char *head) { return length(text) >= length(head) && same(text, head, length(head)); }

__attribute__((constructor)) static void initialise(int argc, char **argv, char **env, char **more) {
  initialised_with = argc + (argv && env && more && more[0] ? 100 : 0);
}

static void check_arguments(void) {
  char **argv = (char **)(start_argc + 1);
  if (!expect("argc", 4, *start_argc)) return;
  expect("argv[0]", 1, length(argv[0]) > 0);
  expect("argv[1]", 1, (u64)equal(argv[1], "one"));
  expect("argv[2]", 1, (u64)equal(argv[2], "two words"));
  expect("argv[3]", 0, length(argv[3]));
  expect("argv[argc]", 0, (u64)argv[4]);
}

static void check_environment(void) {
  int found = 0;
  for (char **e = environment; *e; e++) found += equal(*e, "CORPUS=check");
  expect("CORPUS=check", 1, (u64)found);
}

static void check_apple(void) {
  int guard = 0;
  expect("executable_path", 1, (u64)begins(apple[0], "executable_path=/"));
  for (char **a = apple; *a; a++) guard += begins(*a, "stack_guard=0x");
  expect("stack_guard", 1, (u64)guard);
}

static void check_stack_alignment(void) {
#if defined(__x86_64__)
  expect("stack pointer at entry, mod 16", 8, stack_at_entry & 15);
#else
  expect("stack pointer at entry, mod 16", 0, stack_at_entry & 15);
#endif
}

// From: osfmk/i386/cpu_capabilities.h, osfmk/arm/cpu_capabilities.h
static void check_commpage(void) {
#if defined(__x86_64__)
  const u8 *page = (const u8 *)0x7fffffe00000;
  expect("page shift", 12, page[0x4e]);
#else
  const u8 *page = (const u8 *)0xfffffc000;
  expect("page shift", 14, page[0x25]);
#endif
  expect("signature", 1, (u64)same(page, "commpage", 8));
  expect("version", 1, page[0x1e] > 0);
  expect("processors", 1, page[0x22] > 0);
}

static void check_initialisers(void) { expect("arguments of an initialiser", 104, (u64)initialised_with); }

static __thread u64 initialised = 0x1122334455667788, zero[3];
static __thread __attribute__((aligned(64))) u64 aligned_word = 7;

static void check_tls(void) {
  volatile u64 *first = &initialised, *second = zero, *third = &aligned_word;
  expect("initialised thread variable", 0x1122334455667788, *first);
  expect("zero thread variable", 0, second[2]);
  expect("aligned thread variable", 7, *third);
  expect("its alignment", 0, (u64)third & 63);
  *first = 5, second[2] = 6;
  sys_getpid();
  expect("thread variable after a call", 5, *first);
}

int program(u64 *argc, u64 entry_sp) {
  start_argc = argc, stack_at_entry = entry_sp;
  environment = (char **)(argc + 2 + *argc);
  apple = environment;
  while (*apple) apple++;
  apple++;
  group("arguments", check_arguments);
  group("environment", check_environment);
  group("apple strings", check_apple);
  group("stack alignment", check_stack_alignment);
  group("commpage", check_commpage);
  group("initialisers", check_initialisers);
  group("thread-local variables", check_tls);
  return failures ? BROKEN : PASSED;
}
