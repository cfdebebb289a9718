// The smallest program that imports: kernel32 writes, ntdll ends the process.
    .globl mainCRTStartup
mainCRTStartup:
    sub $0x38, %rsp
    mov $-11, %ecx
    call *__imp_GetStdHandle(%rip)
    mov %rax, %rcx
    lea text(%rip), %rdx
    mov $(text_end - text), %r8d
    lea 0x30(%rsp), %r9
    movq $0, 0x20(%rsp)
    call *__imp_WriteFile(%rip)
    or $-1, %rcx
    mov $42, %edx
    call *__imp_NtTerminateProcess(%rip)
    ud2

    .section .rdata, "dr"
text:
    .ascii "hello\n"
text_end:
