// A leaf that builds the argument vector below the stack pointer and runs the program again with it.
#include "common.h"
_start:
#if defined(__x86_64__)
  cmpq $2, (%rsp)
  je second
  mov 8(%rsp), %rdi
  mov %rdi, -24(%rsp)
  movq $word, -16(%rsp)
  movq $0, -8(%rsp)
  lea -24(%rsp), %rsi
  xor %edx, %edx
  mov $EXECVE, %eax
  syscall
  jmp bad
  nop
  nop
  nop
second:
  mov 16(%rsp), %rax
  cmpb $'w', (%rax)
  jne bad
#else
  ldr x0, [sp]
  cmp x0, #2
  b.eq second
  ldr x0, [sp, #8]
  stur x0, [sp, #-24]
  ldr x1, =word
  stur x1, [sp, #-16]
  stur xzr, [sp, #-8]
  sub x1, sp, #24
  mov x2, #0
  mov x8, #EXECVE
  svc #0
  b bad
  nop
  nop
second:
  ldr x0, [sp, #16]
  ldrb w0, [x0]
  cmp w0, #'w'
  b.ne bad
#endif
  end_with 0
bad: end_with 1
#if !defined(__x86_64__)
  .balign 8
  .ltorg
#endif
  room
.data
word: .asciz "word"
