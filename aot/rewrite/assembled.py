"""What Keystone gives for the templates of stubs: architecture -> text -> bytes, in hexadecimal.

Written by `python -m corpus.templates` (make gen); a test compares it with Keystone.
"""

# ruff: noqa: E501
# fmt: off
from __future__ import annotations

ASSEMBLED: dict[str, dict[str, str]] = {
    "x86_64": {
        "jmp 0x7a010203": "e9fe01017a",
        "jmp qword ptr [rip + 0x7a010203]": "ff250302017a",
        "lea rcx, [rax + 0x7a010203]": "488d880302017a",
        "lea rcx, [rip + 0x7a010203]\nmov r11d, 0x7a020304\njmp qword ptr [rip + 0x7a030405]": "488d0d0302017a41bb0403027aff250504037a",
        "mov r11d, 0x7a010203; jmp qword ptr [rip + 0x7a020304]": "41bb0302017aff250403027a",
        "mov rcx, qword ptr [rip + 0x7a010203]\njrcxz fast\nlea rcx, [rip + 0x7a020304]\nmov r11d, 0x7a030405\njmp qword ptr [rip + 0x7a040506]\nfast:\nmov r11, qword ptr [rip + 0x7a050607]\nlea r11, [r11 + 1]\nmov qword ptr [rip + 0x7a060708], r11\nmov rax, qword ptr [rip + 0x7a070809]\nclc\nlea rcx, [rip + 0x7a08090a]\njmp 0x7a090a0b": "488b0d0302017ae313488d0d0403027a41bb0504037aff250605047a4c8b1d0706057a4d8d5b014c891d0807067a488b050908077af8488d0d0a09087ae9c909097a",
        "mov rcx, qword ptr [rip + 0x7a010203]\njrcxz fast\nlea rcx, [rip + 0x7a020304]\nmov r11d, 0x7a030405\njmp qword ptr [rip + 0x7a040506]\nfast:\nmov r11, qword ptr [rip + 0x7a050607]\nlea r11, [r11 + 1]\nmov qword ptr [rip + 0x7a060708], r11\nmov rax, qword ptr [rip + 0x7a070809]\nlea rcx, [rip + 0x7a08090a]\njmp 0x7a090a0b": "488b0d0302017ae313488d0d0403027a41bb0504037aff250605047a4c8b1d0706057a4d8d5b014c891d0807067a488b050908077a488d0d0a09087ae9ca09097a",
        "mov rcx, qword ptr [rip + 0x7a010203]\njrcxz fast\nlea rcx, [rip + 0x7a020304]\nmov r11d, 0x7a030405\njmp qword ptr [rip + 0x7a040506]\nfast:\nmov r11, qword ptr [rip + 0x7a050607]\nlea r11, [r11 + 1]\nmov qword ptr [rip + 0x7a060708], r11\nmov rax, qword ptr [rip + 0x7a070809]\nmov edx, 0\nclc\nlea rcx, [rip + 0x7a08090a]\njmp 0x7a090a0b": "488b0d0302017ae313488d0d0403027a41bb0504037aff250605047a4c8b1d0706057a4d8d5b014c891d0807067a488b050908077aba00000000f8488d0d0a09087ae9c409097a",
        "mov rcx, qword ptr [rip + 0x7a010203]\njrcxz fast\nlea rcx, [rip + 0x7a020304]\nmov r11d, 0x7a030405\njmp qword ptr [rip + 0x7a040506]\nfast:\nmov r11, qword ptr [rip + 0x7a050607]\nlea r11, [r11 + 1]\nmov qword ptr [rip + 0x7a060708], r11\nmov rax, qword ptr [rip + 0x7a070809]\nmov r8d, 0\nmov r9d, 0\nmov r10d, 0\nclc\nlea rcx, [rip + 0x7a08090a]\njmp 0x7a090a0b": "488b0d0302017ae313488d0d0403027a41bb0504037aff250605047a4c8b1d0706057a4d8d5b014c891d0807067a488b050908077a41b80000000041b90000000041ba00000000f8488d0d0a09087ae9b709097a",
        "movzx ecx, ah\nlea r11, [rip + 0x7a010203]\nmovzx ecx, word ptr [r11 + rcx * 2]\nlea r11, [r11 + rcx]\nmovzx ecx, al\nlea r11, [r11 + rcx * 8]\nmovsxd rcx, dword ptr [r11]\nlea rcx, [rax + rcx]\njrcxz found\njmp 0x7a020304\nfound:\nmovsxd rcx, dword ptr [r11 + 4]\nlea r11, [rip + 0x7a030405]\nlea r11, [r11 + rcx]\njmp r11": "0fb6cc4c8d1d0302017a410fb70c4b4d8d1c0b0fb6c84d8d1ccb49630b488d0c08e305e9dc02027a49634b044c8d1d0504037a4d8d1c0b41ffe3",
    },
    "aarch64": {
        "adrp x16, #0\nldr x16, [x16, #0]\ncbnz x16, bound\nadrp x16, #0\nldr x0, [x16, #0]\nadd x0, x0, #1\nstr x0, [x16, #0]\nadrp x16, #0\nldr x0, [x16, #0]\nmovz x1, #0\nmrs x16, nzcv\nand x16, x16, #0xffffffffdfffffff\nmsr nzcv, x16\nnop\nb #0\nbound:\nnop\nnop\ncbz x16, clear\nmrs x16, nzcv\norr x16, x16, #0x20000000\nmsr nzcv, x16\nb restore\nclear:\nmrs x16, nzcv\nand x16, x16, #0xffffffffdfffffff\nmsr nzcv, x16\nrestore:\nnop\nb #0": "10000090100240f9b00100b510000090000240f900040091000200f910000090000240f9010080d210423bd510fa629210421bd51f2003d5f2ffff171f2003d51f2003d5b00000b410423bd5100263b210421bd50400001410423bd510fa629210421bd51f2003d5e6ffff17",
        "adrp x8, #0\nldr x8, [x8, #0]\ncbnz x8, bound\nadrp x8, #0\nldr x0, [x8, #0]\nadd x0, x0, #1\nstr x0, [x8, #0]\nadrp x8, #0\nldr x0, [x8, #0]\nmovz x1, #0\nmrs x8, nzcv\nand x8, x8, #0xffffffffdfffffff\nmsr nzcv, x8\nnop\nb #0\nbound:\nnop\nnop\ncbz x8, clear\nmrs x8, nzcv\norr x8, x8, #0x20000000\nmsr nzcv, x8\nb restore\nclear:\nmrs x8, nzcv\nand x8, x8, #0xffffffffdfffffff\nmsr nzcv, x8\nrestore:\nnop\nb #0": "08000090080140f9a80100b508000090000140f900040091000100f908000090000140f9010080d208423bd508f9629208421bd51f2003d5f2ffff171f2003d51f2003d5a80000b408423bd5080163b208421bd50400001408423bd508f9629208421bd51f2003d5e6ffff17",
        "adrp x8, #0\nldr x8, [x8, #0]\ncbnz x8, bound\nadrp x8, #0\nldr x0, [x8, #0]\nadd x0, x0, #1\nstr x0, [x8, #0]\nadrp x8, #0\nldr x0, [x8, #0]\nmrs x8, nzcv\nand x8, x8, #0xffffffffdfffffff\nmsr nzcv, x8\nnop\nb #0\nbound:\nnop\nnop\ncbz x8, clear\nmrs x8, nzcv\norr x8, x8, #0x20000000\nmsr nzcv, x8\nb restore\nclear:\nmrs x8, nzcv\nand x8, x8, #0xffffffffdfffffff\nmsr nzcv, x8\nrestore:\nnop\nb #0": "08000090080140f9880100b508000090000140f900040091000100f908000090000140f908423bd508f9629208421bd51f2003d5f3ffff171f2003d51f2003d5a80000b408423bd5080163b208421bd50400001408423bd508f9629208421bd51f2003d5e7ffff17",
        "adrp x8, #0\nldr x8, [x8, #0]\ncbnz x8, bound\nadrp x8, #0\nldr x0, [x8, #0]\nadd x0, x0, #1\nstr x0, [x8, #0]\nadrp x8, #0\nldr x0, [x8, #0]\nnop\nb #0\nbound:\nnop\nnop\nnop\nb #0": "08000090080140f9280100b508000090000140f900040091000100f908000090000140f91f2003d5f6ffff171f2003d51f2003d51f2003d5f2ffff17",
        "b #0": "00000014",
        "nop": "1f2003d5",
        "nop\nb #0": "1f2003d5ffffff17",
        "nop\nnop\ncbz x16, clear\nmrs x16, nzcv\norr x16, x16, #0x20000000\nmsr nzcv, x16\nb restore\nclear:\nmrs x16, nzcv\nand x16, x16, #0xffffffffdfffffff\nmsr nzcv, x16\nrestore:\nnop\nb #0": "1f2003d51f2003d5b00000b410423bd5100263b210421bd50400001410423bd510fa629210421bd51f2003d5f5ffff17",
        "nop\nnop\ncbz x8, clear\nmrs x8, nzcv\norr x8, x8, #0x20000000\nmsr nzcv, x8\nb restore\nclear:\nmrs x8, nzcv\nand x8, x8, #0xffffffffdfffffff\nmsr nzcv, x8\nrestore:\nnop\nb #0": "1f2003d51f2003d5a80000b408423bd5080163b208421bd50400001408423bd508f9629208421bd51f2003d5f5ffff17",
        "nop\nnop\nnop\nb #0": "1f2003d51f2003d51f2003d5fdffff17",
        "nop\nnop\nnop\nnop\nb #0": "1f2003d51f2003d51f2003d51f2003d5fcffff17",
        "nop\nnop\nret": "1f2003d51f2003d5c0035fd6",
    },
}
