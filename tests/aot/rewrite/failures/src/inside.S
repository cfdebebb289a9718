// The bytes of a trap in the middle of another instruction (x86_64: on aarch64 every instruction is a word).
#include "common.h"
_start:
  mov $0x050f1234, %eax
  cmp $0x050f1234, %eax
  jne bad
  movabs $0x1122050f33445566, %rbx
  mov %rbx, %rcx
  shr $32, %rcx
  cmp $0x1122050f, %ecx
  jne bad
  end_with 0
bad: end_with 1
  room
