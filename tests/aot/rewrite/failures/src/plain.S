// Nothing special: what even a naive rewriter gets right.
#include "common.h"
_start:
#if defined(__x86_64__)
  request GETPID
  test %eax, %eax
  jle bad
  mov %eax, %ebx
  request GETPID
  cmp %eax, %ebx
  jne bad
#else
  request GETPID
  cmp x0, #0
  mov x19, x0
  b.le bad
  request GETPID
  cmp x0, x19
  nop
  b.ne bad
#endif
  end_with 0
bad: end_with 1
  room
