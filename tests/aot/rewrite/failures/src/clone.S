// A child that begins on a stack of its own, right behind the trap.
#include "common.h"
_start:
#if defined(__x86_64__)
  mov $17, %edi
  lea stack + 4096(%rip), %rsi
  clone_and_wait
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
  clone_and_wait
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
