// Code farther from the rest than a branch reaches.
#include "common.h"
_start:
#if defined(__x86_64__)
  movabs $distant, %rax
  call *%rax
  test %eax, %eax
  jle bad
#else
  ldr x1, =distant
  blr x1
  cmp x0, #0
  b.le bad
#endif
  end_with 0
bad: end_with 1
#if !defined(__x86_64__)
  .balign 8
  .ltorg
#endif
  room
.section .distant, "ax"
distant:
#if defined(__x86_64__)
  mov $GETPID, %eax
  syscall
  ret
  nop
  nop
  nop
  nop
#else
  mov x8, #GETPID
  svc #0
  ret
  nop
  nop
#endif
