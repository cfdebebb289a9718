# One context of several: 10,000 calls with a pattern in every xmm register, in callee-saved registers and behind
# fs:0. rdi = pattern, the stack and the base of fs are this context's own. Ends with exit(42), or exit_group(1).
  .intel_syntax noprefix
  .globl _start
_start:
  mov r12, rdi
  mov r13d, 10000
  push r12
  push r12
again:
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
  movdqu xmm\n, [rsp]
  .endr
  xor edi, edi
  mov eax, 121
  syscall
  test rax, rax
  js wrong
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
  movdqu [rsp-32], xmm\n
  cmp [rsp-32], r12
  jne wrong
  cmp [rsp-24], r12
  jne wrong
  .endr
  cmp r12, fs:0
  jne wrong
  dec r13d
  jnz again
  mov edi, 42
  mov eax, 60
  syscall
wrong:
  mov edi, 1
  mov eax, 231
  syscall
  .section .note.GNU-stack,"",@progbits
