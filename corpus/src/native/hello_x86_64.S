// The smallest program: two calls.
#include "native.h"
    .globl _start
    .type _start, @function
_start:
    mov $1, %edi
    lea text(%rip), %rsi
    mov $(text_end - text), %edx
    mov $HELCTIC_OP_WRITE, %eax
    syscall
    mov $42, %edi
    mov $HELCTIC_OP_EXIT, %eax
    syscall
    ud2
    .size _start, . - _start

    .section .rodata
text:
    .ascii "hello\n"
text_end:
    .section .note.GNU-stack, "", @progbits
