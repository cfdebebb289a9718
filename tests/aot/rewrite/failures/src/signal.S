// A handler looks where it interrupted the program, and returns by a sigreturn of its own that wants its frame at the stack
// pointer.
#include "common.h"
_start:
#if defined(__x86_64__)
  handle 10
  mov $GETPID, %eax
  syscall
  mov %eax, %edi
  nop
  mov $10, %esi
  mov $0x1357, %ebx
  mov $KILL, %eax
  syscall
after:
  test %eax, %eax
  nop
  jne bad
  cmp $0x1357, %ebx
  jne bad
  cmpl $1, seen(%rip)
  jne bad
  end_with 0
handler:
  lea after(%rip), %rax
  cmp %rax, 168(%rdx)
  jne bad
  incl seen(%rip)
  xor %ebx, %ebx
  leave_handler
#else
  handle 10
  mov x8, #GETPID
  svc #0
  mov x1, #10
  mov x19, #0x1357
  mov x8, #KILL
  svc #0
after:
  cbnz x0, bad
  mov x1, #0x1357
  cmp x19, x1
  b.ne bad
  adrp x1, seen
  ldr w1, [x1, :lo12:seen]
  cmp w1, #1
  b.ne bad
  end_with 0
handler:
  adr x0, after
  ldr x1, [x2, #440]
  cmp x0, x1
  b.ne bad
  adrp x1, seen
  mov w0, #1
  str w0, [x1, :lo12:seen]
  mov x19, #0
  leave_handler
#endif
bad: end_with 1
  action_data
  room
.bss
seen: .skip 8
