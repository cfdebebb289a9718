// A program that writes into its own code: the number of a call that is loaded right before its trap.
#include "common.h"
_start:
#if defined(__x86_64__)
#ifndef OPEN
  lea site(%rip), %rdi
  and $-4096, %rdi
  mov $8192, %esi
  mov $7, %edx
  mov $MPROTECT, %eax
  syscall
  test %eax, %eax
  jne bad
#endif
  movl $110, site + 1(%rip)
  call ask
  mov %eax, %ebx
  movl $GETPID, site + 1(%rip)
  call ask
  cmp %eax, %ebx
  je bad
  mov $GETPID, %eax
  nop
  nop
  nop
  syscall
  nop
  nop
  nop
  cmp %eax, %ebp
  jne bad
  end_with 0
ask:
site:
  mov $GETPID, %eax
  syscall
  mov %eax, %ebp
  nop
  ret
#else
#ifndef OPEN
  adr x0, site
  and x0, x0, #-4096
  mov x1, #8192
  mov x2, #7
  mov x8, #MPROTECT
  svc #0
  cbnz x0, bad
#endif
  adr x21, site
  ldr w1, other
  bl change
  bl site
  mov x19, x0
  ldr w1, code
  bl change
  bl site
  cmp x0, x19
  b.eq bad
  end_with 0
change:
  str w1, [x21]
  dc cvau, x21
  dsb ish
  ic ivau, x21
  dsb ish
  isb
  ret
site:
  mov x8, #GETPID
  svc #0
  ret
  .balign 8
code: .long 0xd2800008 | GETPID << 5
other: .long 0xd2800008 | 173 << 5
#endif
bad: end_with 1
  room
