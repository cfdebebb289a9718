// The smallest program: two calls.
#include <sys/elf_common.h>
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
    mov x0, #42
    mov x8, #SYS__exit
    svc #0
    udf #0
    .size _start, . - _start

    .section .rodata
text:
    .ascii "hello\n"
text_end:

    .section .note.tag, "a", %note
    .p2align 2
    .int 8, 4, NT_FREEBSD_ABI_TAG
    .asciz "FreeBSD"
    .int __FreeBSD_version
    .section .note.GNU-stack, "", @progbits
