// The smallest program: two calls.
#include "native.h"
    .globl _start
    .type _start, @function
_start:
    mov x0, #1
    adrp x1, text
    add x1, x1, :lo12:text
    mov x2, #(text_end - text)
    mov x8, #HELCTIC_OP_WRITE
    svc #0
    mov x0, #42
    mov x8, #HELCTIC_OP_EXIT
    svc #0
    udf #0
    .size _start, . - _start

    .section .rodata
text:
    .ascii "hello\n"
text_end:
    .section .note.GNU-stack, "", @progbits
