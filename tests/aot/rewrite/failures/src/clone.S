// A child that begins on a stack of its own, right behind the trap.
#include "common.h"
_start:
#if defined(__x86_64__)
  mov $17, %edi
  lea stack + 4096(%rip), %rsi
  xor %edx, %edx
  xor %r10d, %r10d
  xor %r8d, %r8d
  mov $CLONE, %eax
  syscall
  test %eax, %eax
  nop
  js bad
  jz child
  mov %eax, %edi
  lea status(%rip), %rsi
  mov $0x40000000, %edx
  xor %r10d, %r10d
  mov $WAIT4, %eax
  syscall
  test %eax, %eax
  nop
  js bad
  cmpl $0, status(%rip)
  jne bad
  end_with 0
child:
  lea stack + 4096(%rip), %rax
  cmp %rax, %rsp
  jne bad
  end_with 0
#else
  mov x0, #17
  adrp x1, stack
  add x1, x1, :lo12:stack
  add x1, x1, #4096
  mov x19, x1
  mov x2, #0
  mov x3, #0
  mov x4, #0
  mov x8, #CLONE
  svc #0
  cbz x0, child
  nop
  nop
  tbnz x0, #63, bad
  adrp x1, status
  add x1, x1, :lo12:status
  mov x2, #0x40000000
  mov x3, #0
  mov x8, #WAIT4
  svc #0
  tbnz x0, #63, bad
  nop
  nop
  adrp x1, status
  ldr w1, [x1, :lo12:status]
  cbnz w1, bad
  end_with 0
child:
  mov x1, sp
  cmp x1, x19
  b.ne bad
  end_with 0
#endif
bad: end_with 1
  room
.bss
  .balign 16
stack: .skip 4096
status: .skip 8
