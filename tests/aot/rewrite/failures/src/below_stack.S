// A leaf function keeps its variables below the stack pointer (x86_64: the red zone; Go does on both).
#include "common.h"
_start:
#if defined(__x86_64__)
  movq $0x1234, -8(%rsp)
  movq $0x5678, -16(%rsp)
  movq $0x9abc, -128(%rsp)
  mov $GETPID, %eax
  syscall
  nop
  nop
  nop
  cmpq $0x1234, -8(%rsp)
  jne bad
  cmpq $0x5678, -16(%rsp)
  jne bad
  cmpq $0x9abc, -128(%rsp)
  jne bad
#else
  mov x1, #0x1234
  stur x1, [sp, #-8]
  stur x1, [sp, #-16]
  stur x1, [sp, #-128]
  mov x8, #GETPID
  svc #0
  nop
  ldur x2, [sp, #-8]
  ldur x3, [sp, #-16]
  ldur x4, [sp, #-128]
  cmp x2, x1
  ccmp x3, x1, #0, eq
  ccmp x4, x1, #0, eq
  b.ne bad
#endif
  end_with 0
bad: end_with 1
  room
