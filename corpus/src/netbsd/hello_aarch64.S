// The smallest program: two calls.
#include <sys/syscall.h>
    .globl _start
    .type _start, @function
_start:
    mov x0, #1
    adrp x1, text
    add x1, x1, :lo12:text
    mov x2, #(text_end - text)
    svc #SYS_write
    mov x0, #42
    svc #SYS_exit
    udf #0
    .size _start, . - _start

    .section .rodata
text:
    .ascii "hello\n"
text_end:

    .section .note.netbsd.ident, "a", %note
    .p2align 2
    .int 7, 4, 1
    .asciz "NetBSD\0"
    .int 1001000000
    .section .note.GNU-stack, "", @progbits
