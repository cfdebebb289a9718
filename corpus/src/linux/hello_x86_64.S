// The smallest program: two calls.
#include <asm/unistd.h>
    .globl _start
    .type _start, @function
_start:
    mov $1, %edi
    lea text(%rip), %rsi
    mov $(text_end - text), %edx
    mov $__NR_write, %eax
    syscall
    mov $42, %edi
    mov $__NR_exit_group, %eax
    syscall
    ud2
    .size _start, . - _start

    .section .rodata
text:
    .ascii "hello\n"
text_end:
    .section .note.GNU-stack, "", @progbits
