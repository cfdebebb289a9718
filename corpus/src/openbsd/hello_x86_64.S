// The smallest program: two calls.
#include <sys/syscall.h>
    .globl _start
    .type _start, @function
_start:
    mov $1, %edi
    lea text(%rip), %rsi
    mov $(text_end - text), %edx
    mov $SYS_write, %eax
    syscall
    mov $42, %edi
    mov $SYS_exit, %eax
    syscall
    ud2
    .size _start, . - _start

    .section .rodata
text:
    .ascii "hello\n"
text_end:

    .section .note.openbsd.ident, "a", %note
    .p2align 2
    .int 8, 4, 1
    .asciz "OpenBSD"
    .int 0
    .section .note.GNU-stack, "", @progbits
