// A fault of the instruction behind a trap: its handler looks where that is, and goes on elsewhere.
#include "common.h"
_start:
#if defined(__x86_64__)
  handle 11
  xor %ebx, %ebx
  mov $GETPID, %eax
  jmp 1f
  nop
1:
  syscall
faults:
  mov (%rbx), %rbx
  jmp bad
  nop
  nop
handler:
  lea faults(%rip), %rax
  cmp %rax, 168(%rdx)
  jne bad
  lea after(%rip), %rax
  mov %rax, 168(%rdx)
  leave_handler
after:
#else
  handle 11
  mov x19, #0
  mov x8, #GETPID
  svc #0
faults:
  ldr x19, [x19]
  b bad
  nop
handler:
  adr x0, faults
  ldr x1, [x2, #440]
  cmp x0, x1
  b.ne bad
  adr x0, after
  str x0, [x2, #440]
  leave_handler
after:
#endif
  end_with 0
bad: end_with 1
  action_data
  room
