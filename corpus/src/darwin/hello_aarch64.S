// Two system calls and nothing else; called as main.
    .text
    .globl _main
    .p2align 2
_main:
    mov x16, #4
    mov x0, #1
    adrp x1, text@PAGE
    add x1, x1, text@PAGEOFF
    mov x2, #6
    svc #0x80
    mov x16, #1
    mov x0, #42
    svc #0x80
    brk #1
    .section __TEXT,__const
text:
    .ascii "hello\n"
