// Launcher of a native ELF on aarch64 Linux: execs `helctic-aot run --argv0 ARGV0 FILE ARGS...`, FILE being this
// file; the program is $HELCTIC_AOT, else found on PATH. code.py holds the assembled bytes, test_launcher.py
// compares them. Position independent.
//   x21 envp   x22 FILE   x23 argv of the new program   sp path buffer, longer than any variable (128 KiB)
start:
    ldp x9, x5, [sp]                // argc, argv[0]: both slots become the end of what is put in front
    add x21, sp, x9, lsl #3
    add x21, x21, #16
    sub x22, sp, #1, lsl #12
    sub x22, x22, #64
    stp x5, x22, [sp]
    sub x23, sp, #24
    adr x2, tool
    adr x3, run
    stp x2, x3, [x23]
    adr x4, argv0
    str x4, [x23, #16]
    sub sp, sp, #34, lsl #12
    adr x1, self
    mov x2, x22
    mov x3, #4095
    mov x8, #78                     // readlinkat; when it fails FILE is empty and `run` says so
    svc #0
    bic x0, x0, x0, asr #63
    strb wzr, [x22, x0]
    adr x1, override
    mov x2, #12
    bl find
    cbz x0, search
    bl execute
    b missing
search:
    adr x1, path
    mov x2, #5
    bl find
    cbz x0, missing
    mov x25, x0
directory:                          // x25: next entry of PATH
    mov x9, sp
copy:
    ldrb w26, [x25], #1
    cbz w26, copied
    cmp w26, #58                    // colon
    b.eq copied
    strb w26, [x9], #1
    b copy
copied:
    mov x0, sp
    cmp x9, x0                      // an empty entry means the current directory: skipped
    b.eq next
    mov w10, #47                    // slash
    strb w10, [x9], #1
    adr x11, tool
name:
    ldrb w10, [x11], #1
    strb w10, [x9], #1
    cbnz w10, name
    bl execute
next:
    cbnz w26, directory
missing:
    mov x0, #2
    adr x1, message
    mov x2, #47
    mov x8, #64                     // write
    svc #0
    mov x0, #127
    mov x8, #93                     // exit
    svc #0
execute:                            // x0: path; returns only when it fails
    mov x1, x23
    mov x2, x21
    mov x8, #221                    // execve
    svc #0
    ret
find:                               // x1, x2: "NAME=" and its length; x0: its value or 0
    mov x9, x21
variable:
    ldr x0, [x9], #8
    cbz x0, found
    mov x10, #0
compare:
    ldrb w11, [x0], #1
    ldrb w12, [x1, x10]
    cmp w11, w12
    b.ne variable
    add x10, x10, #1
    cmp x10, x2
    b.ne compare
found:
    ret
self:
    .asciz "/proc/self/exe"
argv0:
    .asciz "--argv0"
run:
    .asciz "run"
tool:
    .asciz "helctic-aot"
override:
    .ascii "HELCTIC_AOT="
path:
    .ascii "PATH="
message:
    .ascii "helctic-aot not found: set PATH or HELCTIC_AOT\n"
