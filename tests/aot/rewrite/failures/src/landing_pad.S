// What an indirect branch must find at its target stays there; a signed return address is returned to.
#include "common.h"
_start:
#if defined(__x86_64__)
  mov $GETPID, %eax
  lea target(%rip), %rbx
  call *%rbx
  test %eax, %eax
  jle bad
  cmpl $0xfa1e0ff3, (%rbx)
  jne bad
  end_with 0
bad: end_with 1
target:
  endbr64
  syscall
  ret
  .fill 8, 1, 0xcc
#else
  mov x8, #GETPID
  adr x19, target
  blr x19
  cmp x0, #0
  b.le bad
  ldr w1, [x19]
  ldr w2, pad
  cmp w1, w2
  b.ne bad
  adr x19, signed
  blr x19
  cmp x0, #0
  b.le bad
  end_with 0
bad: end_with 1
target:
  hint #34 // bti c
  svc #0
  ret
  nop
signed:
  hint #25 // paciasp
  svc #0
  hint #29 // autiasp
  ret
  nop
  .balign 8
pad: .long 0xd503245f
#endif
  room
