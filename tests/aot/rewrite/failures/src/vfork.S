// A child that runs on its parent's stack and overwrites what is below the stack pointer.
#include "common.h"
_start:
#if defined(__x86_64__)
  mov $(0x4100 | 17), %edi
  xor %esi, %esi
  clone_and_wait
child:
  .rept 32
    push $0
  .endr
  end_with 0
#else
  mov x0, #(0x4100 | 17)
  mov x1, #0
  clone_and_wait
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
