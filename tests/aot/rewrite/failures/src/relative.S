// Neighbours of the trap that say where something is by how far away it is.
#include "common.h"
#if defined(__x86_64__)
_start:
  mov $GETPID, %eax
  syscall
  lea here(%rip), %rsi
  mov $here, %rdi
  cmp %rsi, %rdi
  jne bad
  mov $GETPID, %eax
  syscall
  cmpl $77, here(%rip)
  jne bad
  mov $GETPID, %eax
  syscall
  test %eax, %eax
  jg 1f
  jmp bad
1:
#else
_start:
  mov x8, #GETPID
  svc #0
  adr x1, here
  ldr x2, =here
  nop
  cmp x1, x2
  b.ne bad
  mov x8, #GETPID
  svc #0
  ldr w1, here
  cmp w1, #77
  b.ne bad
  mov x8, #GETPID
  svc #0
  cbnz x0, 1f
  b bad
  nop
  nop
1:
#endif
  end_with 0
bad: end_with 1
  .balign 8
here: .long 77
#if !defined(__x86_64__)
  .ltorg
#endif
  room
