// Everything that Linux keeps over a call, filled and compared: general registers, flags, vectors, x87, their controls.
#include "common.h"
#if defined(__x86_64__)
.macro every_vector what
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \what \n
  .endr
.endm
.macro fill n
  movdqu pattern + 16 * \n(%rip), %xmm\n
.endm
.macro look n
  movdqu pattern + 16 * \n(%rip), %xmm15
  pcmpeqb %xmm\n, %xmm15
  pmovmskb %xmm15, %eax
  cmp $0xffff, %eax
  jne bad
.endm
.macro same register, value
  mov $\value, %rax
  cmp %rax, \register
  jne bad
.endm
_start:
  finit
  fldcw control(%rip)
  ldmxcsr vector_control(%rip)
  fld1
  fldpi
  every_vector fill
  mov $0x1010101011111111, %rbx
  mov $0x2020202022222222, %rbp
  mov $0x3030303033333333, %rsi
  mov $0x4040404044444444, %rdi
  mov $0x5050505055555555, %rdx
  mov $0x6060606066666666, %r8
  mov $0x7070707077777777, %r9
  mov $0x8080808088888888, %r10
  mov $0x9090909099999999, %r12
  mov $0xa0a0a0a0aaaaaaaa, %r13
  mov $0xb0b0b0b0bbbbbbbb, %r14
  mov $0xc0c0c0c0cccccccc, %rcx
  mov %rsp, save(%rip)
  pushq $0x8d7
  popfq
  mov $GETPID, %eax
  mov %rcx, %r15
  syscall
  pushfq
  pop %rax
  cld
  and $0xcd5, %eax
  cmp $0x8d5, %eax
  jne bad
  cmp save(%rip), %rsp
  jne bad
  same %rbx, 0x1010101011111111
  same %rbp, 0x2020202022222222
  same %rsi, 0x3030303033333333
  same %rdi, 0x4040404044444444
  same %rdx, 0x5050505055555555
  same %r8, 0x6060606066666666
  same %r9, 0x7070707077777777
  same %r10, 0x8080808088888888
  same %r12, 0x9090909099999999
  same %r13, 0xa0a0a0a0aaaaaaaa
  same %r14, 0xb0b0b0b0bbbbbbbb
  same %r15, 0xc0c0c0c0cccccccc
  movdqu %xmm15, last(%rip)
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
    look \n
  .endr
  movdqu last(%rip), %xmm14
  movdqu pattern + 16 * 15(%rip), %xmm13
  pcmpeqb %xmm13, %xmm14
  pmovmskb %xmm14, %eax
  cmp $0xffff, %eax
  jne bad
  stmxcsr save(%rip)
  mov save(%rip), %eax
  and $0xffc0, %eax
  cmp $0x7f80, %eax
  jne bad
  fnstcw save(%rip)
  cmpw $0x0f7f, save(%rip)
  jne bad
  fldpi
  fcomip %st(1), %st
  jne bad
  jp bad
  fstp %st(0)
  fld1
  fcomip %st(1), %st
  jne bad
  jp bad
  fstp %st(0)
  emms
  movq pattern(%rip), %mm3
  mov $GETPID, %eax
  syscall
  nop
  nop
  nop
  movq %mm3, save(%rip)
  mov save(%rip), %rax
  cmp pattern(%rip), %rax
  jne bad
  end_with 0
bad: end_with 1
control: .word 0x0f7f
  .balign 4
vector_control: .long 0x7f80
  .balign 16
pattern:
  .set at, 1
  .rept 256
    .byte at & 0xff
    .set at, at * 5 + 3
  .endr
  room
.data
  .balign 16
save: .quad 0
  .quad 0
last: .quad 0, 0
#else
.macro every what
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    \what \n
  .endr
.endm
.macro fill n
  mov x\n, #(\n * 257 + 1)
  movk x\n, #0xbeef, lsl #48
.endm
.macro vector n
  ldr q\n, pattern + 16 * \n
.endm
.macro look n
  .if \n != 0
  mov x0, #(\n * 257 + 1)
  movk x0, #0xbeef, lsl #48
  cmp x0, x\n
  b.ne bad
  .endif
.endm
.macro look_vector n
  adr x1, pattern + 16 * \n
  ldp x2, x3, [x1]
  mov x4, v\n\().d[0]
  mov x5, v\n\().d[1]
  cmp x2, x4
  ccmp x3, x5, #0, eq
  b.ne bad
.endm
.macro vectors what
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \what \n
  .endr
.endm
_start:
  mov x0, #0x00c00000
  msr fpcr, x0
  mov x0, #0x1f
  msr fpsr, x0
  vectors vector
  mov x0, #0xa0000000
  msr nzcv, x0
  every fill
  mov x8, #GETPID
  svc #0
  nop
  nop
  mrs x0, nzcv
  tbz x0, #31, bad
  tbnz x0, #30, bad
  tbz x0, #29, bad
  tbnz x0, #28, bad
  cmp x8, #GETPID
  b.ne bad
  every look
  vectors look_vector
  mrs x0, fpcr
  cmp x0, #0x00c00000
  b.ne bad
  mrs x0, fpsr
  and x0, x0, #0x1f
  cmp x0, #0x1f
  b.ne bad
  end_with 0
bad: end_with 1
  .balign 16
pattern:
  .set at, 1
  .rept 512
    .byte at & 0xff
    .set at, at * 5 + 3
  .endr
  room
#endif
