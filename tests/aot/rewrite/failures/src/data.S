// Constants between functions that read like traps.
#include "common.h"
_start:
#if defined(__x86_64__)
  mov table(%rip), %rax
  add table + 8(%rip), %rax
  movabs $(0x050f050f050f050f + 0x0000050f90900000), %rbx
  cmp %rax, %rbx
  jne bad
#else
  ldr x0, table
  ldr x1, table + 8
  ldr x2, sum
  add x0, x0, x1
  cmp x0, x2
  b.ne bad
#endif
  end_with 0
bad: end_with 1
  .balign 8
table:
#if defined(__x86_64__)
  .quad 0x050f050f050f050f, 0x0000050f90900000
#else
  .quad 0xd4000001d4000001, 0x00000000d4000001
sum: .quad 0xd4000001d4000001 + 0x00000000d4000001
#endif
  room
