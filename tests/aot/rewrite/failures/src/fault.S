// A fault of the instruction behind a trap: its handler looks where that is, and goes on elsewhere.
#include "common.h"
_start:
#if defined(__x86_64__)
  mov $11, %edi
  lea action(%rip), %rsi
  xor %edx, %edx
  mov $8, %r10d
  mov $SIGACTION, %eax
  syscall
  test %eax, %eax
  nop
  jne bad
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
  ret
restore:
  mov $SIGRETURN, %eax
  syscall
  ud2
  nop
after:
#else
  mov x0, #11
  adr x1, action
  mov x2, #0
  mov x3, #8
  mov x8, #SIGACTION
  svc #0
  cbnz x0, bad
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
  mov x8, #SIGRETURN
  svc #0
  udf #2
  nop
  nop
after:
#endif
  end_with 0
bad: end_with 1
  .balign 8
action:
#if defined(__x86_64__)
  .quad handler, 0x04000004, restore, 0
#else
  .quad handler, 0x00000004, 0
#endif
  room
