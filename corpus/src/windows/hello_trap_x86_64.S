// The smallest program: two services by trap. Called with the PEB in rcx and a return address on the stack.
#include "numbers.h"
    .globl mainCRTStartup
mainCRTStartup:
    sub $0x58, %rsp              // [rsp] is the return address of a stub, then 32 bytes of home space
    mov 0x20(%rcx), %rax         // ProcessParameters
    mov 0x28(%rax), %r10         // hStdOutput
    xor %edx, %edx               // Event
    xor %r8d, %r8d               // ApcRoutine
    xor %r9d, %r9d               // ApcContext
    lea 0x50(%rsp), %rax
    mov %rax, 0x28(%rsp)         // IoStatusBlock; its second half is above this frame
    lea text(%rip), %rax
    mov %rax, 0x30(%rsp)         // Buffer
    movq $(text_end - text), 0x38(%rsp)
    mov %rdx, 0x40(%rsp)         // ByteOffset
    mov %rdx, 0x48(%rsp)         // Key
    mov $NR_NtWriteFile, %eax
    syscall
    or $-1, %r10                 // the process itself
    mov $42, %edx
    mov $NR_NtTerminateProcess, %eax
    syscall
    ud2

    .section .rdata, "dr"
text:
    .ascii "hello\n"
text_end:
