// A branch into the bytes behind a trap, and a retry loop that goes back to the trap itself.
#include "common.h"
#if defined(__x86_64__)
_start:
  xor %ebx, %ebx
  jmp 2f
1:
  mov $GETPID, %eax
retry:
  syscall
2:
  inc %ebx
  cmp $3, %ebx
  jb 1b
  cmp $4, %ebx
  mov $GETPID, %eax
  jbe retry
  cmp $5, %ebx
  jne bad
#else
_start:
  mov x19, #0
  b 2f
1:
  mov x8, #GETPID
retry:
  svc #0
2:
  add x19, x19, #1
  cmp x19, #3
  b.lo 1b
  cmp x19, #4
  mov x8, #GETPID
  b.ls retry
  cmp x19, #5
  b.ne bad
#endif
  end_with 0
bad: end_with 1
  room
