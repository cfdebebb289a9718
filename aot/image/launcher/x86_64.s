# Launcher of a native ELF on x86_64 Linux: execs `helctic-aot run --argv0 ARGV0 FILE ARGS...`, FILE being this
# file; the program is $HELCTIC_AOT, else found on PATH. code.py holds the assembled bytes, test_launcher.py
# compares them. Position independent.
#   rbx strings   rbp argv of the new program   r14 envp   rsp path buffer, longer than any variable (128 KiB)
start:
    lea rbx, [rip + strings]
    pop rcx                         # argc
    lea r14, [rsp + rcx*8 + 8]
    pop rdx                         # argv[0]; its slot and argc's become the end of what is put in front
    lea rsi, [rsp - 4352]
    push rsi
    push rdx
    lea rax, [rbx + 15]             # --argv0
    push rax
    lea rax, [rbx + 23]             # run
    push rax
    lea rax, [rbx + 27]             # helctic-aot
    push rax
    mov rbp, rsp
    sub rsp, 139264
    mov rdi, rbx
    mov edx, 4095
    push 89                         # readlink; when it fails FILE is empty and `run` says so
    pop rax
    syscall
    mov byte ptr [rsi + rax], 0
    lea rsi, [rbx + 39]             # HELCTIC_AOT=
    push 12
    pop rcx
    call find
    jnz search
    call execute
    jmp missing
search:
    lea rsi, [rbx + 51]             # PATH=
    push 5
    pop rcx
    call find
    jnz missing
    mov rsi, rdi
directory:                          # rsi: next entry of PATH
    mov rdi, rsp
copy:
    lodsb
    test al, al
    jz copied
    cmp al, 58                      # colon
    je copied
    stosb
    jmp copy
copied:
    movzx r12d, al
    cmp rdi, rsp                    # an empty entry means the current directory: skipped
    je next
    mov al, 47                      # slash
    stosb
    mov r13, rsi
    lea rsi, [rbx + 27]             # helctic-aot
    push 12
    pop rcx
    rep movsb
    mov rdi, rsp
    call execute
    mov rsi, r13
next:
    test r12d, r12d
    jnz directory
missing:
    push 2
    pop rdi
    lea rsi, [rbx + 56]             # message
    push 47
    pop rdx
    push 1                          # write
    pop rax
    syscall
    push 127
    pop rdi
    push 60                         # exit
    pop rax
    syscall
execute:                            # rdi: path; returns only when it fails
    mov rsi, rbp
    mov rdx, r14
    push 59                         # execve
    pop rax
    syscall
    ret
find:                               # rsi, ecx: "NAME=" and its length; zero flag set, rdi: its value
    mov r9, r14
    mov r8, rsi
    mov edx, ecx
variable:
    mov rdi, [r9]
    add r9, 8
    test rdi, rdi
    jz absent
    mov rsi, r8
    mov ecx, edx
    repe cmpsb
    jne variable
    ret
absent:
    inc edx                         # clears the zero flag
    ret
strings:
    .asciz "/proc/self/exe"
    .asciz "--argv0"
    .asciz "run"
    .asciz "helctic-aot"
    .ascii "HELCTIC_AOT="
    .ascii "PATH="
    .ascii "helctic-aot not found: set PATH or HELCTIC_AOT\n"
