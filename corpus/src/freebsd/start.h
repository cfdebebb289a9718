// What FreeBSD hands to a program beyond what every System V start has. amd64's stack is as after a call.
#pragma once
#include <machine/sysarch.h>
#include <sys/exec.h>
#if defined(__x86_64__)
enum { ENTRY_SP = 8 };
#else
enum { ENTRY_SP = 0 };
#endif

static void check_own_entries(const u64 *auxv, const u8 *present, u64 *argc, char **environment) {
  const struct ps_strings *strings = (const struct ps_strings *)auxv[AT_PS_STRINGS];
  expect("AT_CANARY", 1, present[AT_CANARY] && auxv[AT_CANARY]);
  u64 bits = 0;
  for (u64 i = 0; i < auxv[AT_CANARYLEN]; i++) bits |= ((const u8 *)auxv[AT_CANARY])[i];
  expect("random canary", 1, bits != 0);
  expect("AT_ARGC", *argc, auxv[AT_ARGC]);
  expect("AT_ARGV", (u64)(argc + 1), auxv[AT_ARGV]);
  expect("AT_ENVV", (u64)environment, auxv[AT_ENVV]);
  expect("AT_PAGESIZES", auxv[AT_PAGESZ], *(const u64 *)auxv[AT_PAGESIZES]);
  expect("AT_OSRELDATE", 1, auxv[AT_OSRELDATE] >= 1200000);
  expect("AT_NCPUS", 1, auxv[AT_NCPUS] >= 1);
  expect("AT_STACKPROT", PROT_READ | PROT_WRITE, auxv[AT_STACKPROT]);
  expect("AT_EXECPATH", 1, present[AT_EXECPATH] && length((const char *)auxv[AT_EXECPATH]) > 0);
  if (!expect("AT_PS_STRINGS", 1, strings != 0)) return;
  expect("ps_nargvstr", *argc, strings->ps_nargvstr);
  expect("ps_argvstr", (u64)(argc + 1), (u64)strings->ps_argvstr);
  expect("ps_envstr", (u64)environment, (u64)strings->ps_envstr);
}

#if defined(__x86_64__)
static s64 set_thread_pointer(void *to) { return ask(SYS_sysarch, AMD64_SET_FSBASE, (s64)&to, 0, 0, 0, 0); }
#endif
