// The smallest program: two calls.
#include <asm/unistd.h>
    .globl _start
    .type _start, @function
_start:
    mov x0, #1
    adrp x1, text
    add x1, x1, :lo12:text
    mov x2, #(text_end - text)
    mov x8, #__NR_write
    svc #0
    mov x0, #42
    mov x8, #__NR_exit_group
    svc #0
    udf #0
    .size _start, . - _start

    .section .rodata
text:
    .ascii "hello\n"
text_end:
    .section .note.GNU-stack, "", @progbits
