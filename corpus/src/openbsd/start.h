// What OpenBSD hands to a program beyond what every System V start has.
#pragma once
enum { ENTRY_SP = 0 };
#define IMAGE_BIAS auxv[AUX_base]

static void check_own_entries(const u64 *auxv, const u8 *present, u64 *argc, char **environment) {
  const struct phdr {
    u32 type, flags;
    u64 offset, address;
  } *first = (const struct phdr *)auxv[AUX_phdr];
  (void)argc;
  expect("AUX_base", 1, present[AUX_base] && !(auxv[AUX_base] & 4095));
  expect("AUX_base is the bias", (u64)first, auxv[AUX_base] + first->address);  // PT_PHDR comes first
  const u64 *entry = (const u64 *)environment;
  u64 timekeep = 1;
  while (*entry) entry++;
  for (entry++; entry[0]; entry += 2)
    if (entry[0] == AUX_openbsd_timekeep) timekeep = entry[1];
  expect("AUX_openbsd_timekeep", 0, timekeep & 4095);
}

static s64 set_thread_pointer(void *to) { return ask(SYS___set_tcb, (s64)to, 0, 0, 0, 0, 0); }
