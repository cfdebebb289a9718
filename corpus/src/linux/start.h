// What Linux hands to a program beyond what every System V start has.
#pragma once
enum { ENTRY_SP = 0 };

static void check_own_entries(const u64 *auxv, const u8 *present, u64 *argc, char **environment) {
  (void)argc, (void)environment;
  expect("AT_RANDOM", 1, present[AT_RANDOM] && auxv[AT_RANDOM]);
  u64 bits = 0;
  for (int i = 0; i < 16; i++) bits |= ((const u8 *)auxv[AT_RANDOM])[i];
  expect("16 random bytes", 1, bits != 0);
  expect("AT_SECURE", 0, auxv[AT_SECURE]);
  expect("AT_UID", auxv[AT_EUID], auxv[AT_UID]);
  expect("AT_EXECFN", 1, present[AT_EXECFN] && length((const char *)auxv[AT_EXECFN]) > 0);
}

#if defined(__x86_64__)
#include <asm/prctl.h>
static s64 set_thread_pointer(void *to) { return ask(__NR_arch_prctl, ARCH_SET_FS, (s64)to, 0, 0, 0, 0); }
#endif
