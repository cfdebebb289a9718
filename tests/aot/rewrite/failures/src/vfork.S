// A child that runs on its parent's stack and overwrites what is below the stack pointer.
#include "common.h"
_start:
#if defined(__x86_64__)
  mov $(0x4100 | 17), %edi
  xor %esi, %esi
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
  .rept 32
    push $0
  .endr
  end_with 0
#else
  mov x0, #(0x4100 | 17)
  mov x1, #0
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
  adrp x1, status
  ldr w1, [x1, :lo12:status]
  cbnz w1, bad
  end_with 0
child:
  .rept 32
    stp xzr, xzr, [sp, #-16]!
  .endr
  end_with 0
#endif
bad: end_with 1
  room
.bss
status: .skip 8
