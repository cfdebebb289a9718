// Code that appears at run time asks too, and does it twice from the same place with another number.
#include "common.h"
_start:
#if defined(__x86_64__)
  xor %edi, %edi
  mov $4096, %esi
  mov $7, %edx
  mov $0x22, %r10d
  mov $-1, %r8
  xor %r9d, %r9d
  request MMAP
  cmp $-4096, %rax
  ja bad
  mov %rax, %rbx
  movabs $0xc3050f00000000b8, %rcx
  mov %rcx, (%rbx)
  movl $(GETPID + BASE), 1(%rbx)
  call *%rbx
  test %eax, %eax
  jle bad
  mov %eax, %ebp
  movl $(110 + BASE), 1(%rbx)
  call *%rbx
  cmp %eax, %ebp
  je bad
  cmp $-38, %eax
  je bad
#else
  mov x0, #0
  mov x1, #4096
  mov x2, #7
  mov x3, #0x22
  mov x4, #-1
  mov x5, #0
  request MMAP
  cmn x0, #4096
  b.hi bad
  mov x19, x0
  ldr w1, code
  ldr w2, code + 4
  ldr w3, code + 8
  stp w1, w2, [x19]
  str w3, [x19, #8]
  bl clean
  blr x19
  cmp x0, #0
  b.le bad
  mov x20, x0
  ldr w1, other
  str w1, [x19]
  bl clean
  blr x19
  cmp x0, x20
  b.eq bad
  cmn x0, #38
  b.eq bad
#endif
  end_with 0
bad: end_with 1
#if !defined(__x86_64__)
clean:
  dc cvau, x19
  dsb ish
  ic ivau, x19
  dsb ish
  isb
  ret
  .balign 8
// words, not instructions: what the program writes
code: .long 0xd2800008 | (GETPID + BASE) << 5, 0xd4000001, 0xd65f03c0
other: .long 0xd2800008 | (173 + BASE) << 5
#endif
  room
