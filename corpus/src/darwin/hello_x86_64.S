// Two system calls and nothing else; called as main.
    .text
    .globl _main
_main:
    mov $0x2000004, %eax
    mov $1, %edi
    lea text(%rip), %rsi
    mov $6, %edx
    syscall
    mov $0x2000001, %eax
    mov $42, %edi
    syscall
    ud2
    .section __TEXT,__const
text:
    .ascii "hello\n"
