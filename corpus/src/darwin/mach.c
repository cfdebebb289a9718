// The Mach traps and what is no BSD call: memory, ports, time, scheduling, and wild pointers in them.
#include "raw.h"
#include <mach/kern_return.h>
#include <mach/mach_time.h>
#include <mach/vm_prot.h>

static u64 self;

static s64 mach(s64 number, s64 a, s64 b, s64 c, s64 d, s64 e) { return trap(number, a, b, c, d, e, 0).value; }

static void check_ports(void) {
  self = (u64)mach(MACH_task_self_trap, 0, 0, 0, 0, 0);
  expect("task_self_trap", 1, self != 0);
  expect("the same port again", self, (u64)mach(MACH_task_self_trap, 0, 0, 0, 0, 0));
  expect("thread_self_trap", 1, mach(MACH_thread_self_trap, 0, 0, 0, 0, 0) != 0);
  expect("host_self_trap", 1, mach(MACH_host_self_trap, 0, 0, 0, 0, 0) != 0);
  s64 reply = mach(MACH_mach_reply_port, 0, 0, 0, 0, 0);
  expect("mach_reply_port", 1, reply != 0);
  expect("port_deallocate", KERN_SUCCESS, (u64)mach(MACH__kernelrpc_mach_port_deallocate_trap, (s64)self, reply, 0, 0, 0));
}

static void check_memory(void) {
  u64 at = 0;
  const s64 size = 65536;
  expect("vm_allocate", KERN_SUCCESS, (u64)mach(MACH__kernelrpc_mach_vm_allocate_trap, (s64)self, (s64)&at, size, 1, 0));
  if (!expect("an address", 1, at != 0)) return;
  *(volatile u64 *)at = 7;
  expect("vm_protect", KERN_SUCCESS,
         (u64)mach(MACH__kernelrpc_mach_vm_protect_trap, (s64)self, (s64)at, size, 0, VM_PROT_READ));
  expect("kept contents", 7, *(volatile u64 *)at);
  expect("read into what may not be written", (u64)-EFAULT, (u64)ask(SYS_gettimeofday, (s64)at, 0, 0, 0, 0, 0));
  expect("vm_deallocate", KERN_SUCCESS, (u64)mach(MACH__kernelrpc_mach_vm_deallocate_trap, (s64)self, (s64)at, size, 0, 0));
  u64 *beyond = (u64 *)at;
  expect("wild address", KERN_INVALID_ADDRESS,
         (u64)mach(MACH__kernelrpc_mach_vm_allocate_trap, (s64)self, (s64)beyond, size, 1, 0));
}

static void check_time(void) {
  mach_timebase_info_data_t base = {0, 0};
  expect("mach_timebase_info", KERN_SUCCESS, (u64)mach(MACH_mach_timebase_info_trap, (s64)&base, 0, 0, 0, 0));
  expect("numer", 1, base.numer > 0);
  expect("denom", 1, base.denom > 0);
  expect("wild address", KERN_INVALID_ADDRESS, (u64)mach(MACH_mach_timebase_info_trap, 16, 0, 0, 0, 0));
  expect("mach_wait_until", KERN_SUCCESS, (u64)mach(MACH_mach_wait_until_trap, 1, 0, 0, 0, 0));
#if defined(__aarch64__)
  s64 first = mach(-3, 0, 0, 0, 0, 0), later = mach(-3, 0, 0, 0, 0, 0), always = mach(-4, 0, 0, 0, 0, 0);
  expect("mach_absolute_time", 1, first > 0 && later >= first);
  expect("mach_continuous_time", 1, always >= later);
#endif
}

static void check_scheduling(void) {
  expect("swtch_pri", KERN_SUCCESS, (u64)mach(MACH_swtch_pri, 0, 0, 0, 0, 0));
  expect("swtch", KERN_SUCCESS, (u64)mach(MACH_swtch, 0, 0, 0, 0, 0));
  expect("thread_switch", KERN_SUCCESS, (u64)mach(MACH_thread_switch, 0, 0, 0, 0, 0));
}

static void check_unknown(void) {
  expect("a trap nobody serves", KERN_INVALID_ARGUMENT, (u64)mach(MACH_mach_msg_trap, 0, 0, 0, 0, 0));
#if defined(__x86_64__)
  static u64 word = 0x1234567;
  u64 got, *pointer = &word;
  mach(MACHDEP_thread_fast_set_cthread_self64, (s64)&pointer, 0, 0, 0, 0);
  __asm__ volatile("mov %%gs:0, %0" : "=r"(got));
  expect("thread pointer", (u64)&word, got);
#else
  expect("platform call", KERN_INVALID_ARGUMENT, (u64)mach((s64)0x80000000, 0, 0, 0, 3, 0));
#endif
}

int program(u64 *argc, u64 entry_sp) {
  (void)argc, (void)entry_sp;
  group("ports", check_ports);
  group("memory", check_memory);
  group("time", check_time);
  group("scheduling", check_scheduling);
  group("unknown", check_unknown);
  return failures ? BROKEN : PASSED;
}
