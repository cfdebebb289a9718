// One context of several: 10,000 calls with a pattern in every v register, in callee-saved registers and behind
// TPIDR_EL0. x0 = pattern, the stack and the base are this context's own. Ends with exit(42), or exit_group(1).
  .globl _start
_start:
  mov x19, x0
  mov w20, #10000
  stp x19, x19, [sp, #-16]!
again:
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  ldr q\n, [sp]
  .endr
  mov x0, #0
  mov x8, #155
  svc #0
  tbnz x0, #63, wrong
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  mov x9, v\n\().d[0]
  cmp x9, x19
  b.ne wrong
  mov x9, v\n\().d[1]
  cmp x9, x19
  b.ne wrong
  .endr
  mrs x9, tpidr_el0
  ldr x9, [x9]
  cmp x9, x19
  b.ne wrong
  subs w20, w20, #1
  b.ne again
  mov x0, #42
  mov x8, #93
  svc #0
wrong:
  mov x0, #1
  mov x8, #94
  svc #0
