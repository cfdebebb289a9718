// The smallest program: two calls.
#include <sys/syscall.h>
    .globl _start
    .type _start, @function
_start:
    mov x0, #1
    adrp x1, text
    add x1, x1, :lo12:text
    mov x2, #(text_end - text)
    mov x8, #SYS_write
    svc #0
    dsb nsh
    isb
    mov x0, #42
    mov x8, #SYS_exit
    svc #0
    dsb nsh
    isb
    udf #0
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
