// What the native kernel hands to a program beyond what every System V start has.
#pragma once
enum { ENTRY_SP = 0 };

static void check_own_entries(const u64 *auxv, const u8 *present, u64 *argc, char **environment) {
  (void)argc, (void)environment;
  expect("AT_RANDOM", 1, present[AT_RANDOM] && auxv[AT_RANDOM]);
  u64 bits = 0;
  for (int i = 0; i < 16; i++) bits |= ((const u8 *)auxv[AT_RANDOM])[i];
  expect("16 random bytes", 1, bits != 0);
}

#if defined(__x86_64__)
static s64 set_thread_pointer(void *to) { return ask(HELCTIC_OP_SET_TLS, 0, (s64)to, 0, 0, 0, 0); }
#endif
