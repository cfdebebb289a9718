// The smallest program that imports: kernel32 writes, ntdll ends the process.
    .globl mainCRTStartup
mainCRTStartup:
    sub sp, sp, #32
    mov w0, #-11
    adrp x8, __imp_GetStdHandle
    ldr x8, [x8, :lo12:__imp_GetStdHandle]
    blr x8
    adrp x1, text
    add x1, x1, :lo12:text
    mov w2, #(text_end - text)
    mov x3, sp
    mov x4, #0
    adrp x8, __imp_WriteFile
    ldr x8, [x8, :lo12:__imp_WriteFile]
    blr x8
    mov x0, #-1
    mov w1, #42
    adrp x8, __imp_NtTerminateProcess
    ldr x8, [x8, :lo12:__imp_NtTerminateProcess]
    blr x8
    udf #0

    .section .rdata, "dr"
text:
    .ascii "hello\n"
text_end:
