// What NetBSD hands to a program beyond what every System V start has: ps_strings in a register, and entries
// above the usual numbers.
#pragma once
#include <sys/exec.h>
enum { ENTRY_SP = 0 };


static void check_own_entries(const u64 *auxv, const u8 *present, u64 *argc, char **environment) {
  u64 own[16] = {0};
  const u64 *entry = (const u64 *)environment;
  while (*entry) entry++;
  for (entry++; entry[0]; entry += 2)
    if (entry[0] - AT_EUID < 16) own[entry[0] - AT_EUID] = entry[1];
  const char *name = (const char *)own[AT_SUN_EXECNAME - AT_EUID];
  expect("AT_STACKBASE", 1, present[AT_STACKBASE] && auxv[AT_STACKBASE] > (u64)argc);
  expect("AT_EUID", (u64)ASK(SYS_geteuid, 0, 0, 0), own[0]);
  expect("AT_RUID", (u64)ASK(SYS_getuid, 0, 0, 0), own[AT_RUID - AT_EUID]);
  expect("AT_EGID", (u64)ASK(SYS_getegid, 0, 0, 0), own[AT_EGID - AT_EUID]);
  expect("AT_RGID", (u64)ASK(SYS_getgid, 0, 0, 0), own[AT_RGID - AT_EUID]);
  expect("AT_SUN_EXECNAME", 1, name && length(name) > 0);
  const struct ps_strings *strings = ps_strings_at_entry;
  if (!expect("ps_strings", 1, strings != 0)) return;
  expect("ps_nargvstr", *argc, (u64)strings->ps_nargvstr);
  expect("ps_argvstr", (u64)(argc + 1), (u64)strings->ps_argvstr);
  expect("ps_envstr", (u64)environment, (u64)strings->ps_envstr);
}

static s64 set_thread_pointer(void *to) { return ASK(SYS__lwp_setprivate, to, 0, 0); }
