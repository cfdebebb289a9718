from __future__ import annotations

import pytest

from aot.analyze.model import Dynamic, Known, OneOf
from aot.image.model import Arch
from tests.aot.analyze.lab import AARCH64, BASE, IMMEDIATE, X86_64, assemble, found, image, only

TRAP = {X86_64: "syscall; ret", AARCH64: "svc #0; ret"}


def number_after(arch: Arch, text: str) -> Known | OneOf | Dynamic:
    return only(image(arch, text.replace("TRAP", TRAP[arch].replace("; ", "\n")))).number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mov eax, 39\nTRAP", 39),
        ("mov eax, -1\nTRAP", 0xFFFFFFFF),
        ("mov rax, -1\nTRAP", 0xFFFFFFFFFFFFFFFF),
        ("xor eax, eax\nTRAP", 0),
        ("push 60\npop rax\nTRAP", 60),
        ("xor eax, eax\nmov al, 12\nTRAP", 12),
        ("xor edi, edi\nlea eax, [rdi + 3]\nTRAP", 3),
        ("mov ecx, 7\nmov eax, ecx\nTRAP", 7),
        ("mov eax, 5\nadd eax, 2\nTRAP", 7),
        ("mov eax, 1\nsub rsp, 16\nmov [rsp + 8], rax\nmov rax, [rsp + 8]\nTRAP", 1),
        ("push rbp\nmov rbp, rsp\nmov dword ptr [rbp - 8], 20\nmov eax, [rbp - 8]\nTRAP", 20),
        ("mov ebx, 9\ncall 0x400000\nmov eax, ebx\nTRAP", 9),
        ("mov eax, 0x2000004\nTRAP", 0x2000004),
        ("mov eax, 1\nshl eax, 25\nmov eax, 4\nTRAP", 4),
        ("or rax, -1\nTRAP", 0xFFFFFFFFFFFFFFFF),
    ],
)
def test_constant_x86_64(text: str, value: int) -> None:
    number = number_after(X86_64, "nop\n" + text)
    assert isinstance(number, Known)
    assert number.value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mov x8, #64\nTRAP", 64),
        ("mov w8, #93\nTRAP", 93),
        ("movz x8, #1\nmovk x8, #2, lsl #16\nTRAP", 0x20001),
        ("mov x16, #-3\nmov x8, x16\nTRAP", 0xFFFFFFFFFFFFFFFD),
        ("orr w8, wzr, #7\nTRAP", 7),
        ("mov x8, xzr\nTRAP", 0),
        ("mov x9, #4\nadd x8, x9, #2\nTRAP", 6),
        ("sub sp, sp, #32\nmov x9, #8\nstr x9, [sp, #16]\nldr x8, [sp, #16]\nTRAP", 8),
        ("mov x19, #3\nbl #0x400000\nmov x8, x19\nTRAP", 3),
    ],
)
def test_constant_aarch64(text: str, value: int) -> None:
    number = number_after(AARCH64, "nop\n" + text)
    assert isinstance(number, Known)
    assert number.value == value


def test_load_is_the_instruction_that_only_sets_the_number() -> None:
    number = number_after(X86_64, "mov eax, 39\nmov edi, 1\nTRAP")
    assert number == Known(39, (BASE, 5))
    assert number_after(AARCH64, "mov x8, #64\nmov x0, #1\nTRAP") == Known(64, (BASE, 4))


@pytest.mark.parametrize(
    "text",
    [
        "mov eax, 1\nmov edi, eax\nTRAP",  # the number is also an argument
        "xor eax, eax\nTRAP",  # sets flags too
        "mov eax, 1\nl:\ndec edi\njne l\nTRAP",  # not in the block
    ],
)
def test_no_load_when_dropping_it_would_change_more(text: str) -> None:
    number = number_after(X86_64, text)
    assert isinstance(number, Known)
    assert number.load is None


def test_constants_of_two_paths() -> None:
    text = "mov eax, 1\ntest edi, edi\nje l\nmov eax, 2\nl:\nTRAP"
    assert number_after(X86_64, text) == OneOf((1, 2))
    text = "mov x8, #1\ncbz x0, l\nmov x8, #2\nl:\nTRAP"
    assert number_after(AARCH64, text) == OneOf((1, 2))


def test_same_constant_on_two_paths_is_known() -> None:
    text = "test edi, edi\nje a\nmov eax, 3\njmp l\na:\nmov eax, 3\nl:\nTRAP"
    assert number_after(X86_64, text) == Known(3, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mov rax, rdi\nTRAP", "parameter rdi"),
        ("mov rax, [rdi]\nTRAP", "memory"),
        ("call 0x400000\nTRAP", "result of a call"),
        ("mov eax, 2\nsyscall\nTRAP", "result of a system call"),
        ("mov eax, 1\nl:\nadd eax, 1\ncmp eax, 9\njne l\nTRAP", "computed in a loop"),
        ("imul eax, edi, 3\nTRAP", "imul"),
    ],
)
def test_dynamic_says_why(text: str, why: str) -> None:
    program = image(X86_64, text.replace("TRAP", "syscall\nret"))
    number = found(program).sites[-1].number
    assert isinstance(number, Dynamic)
    assert why in number.why


@pytest.mark.parametrize(
    ("arch", "text"),
    [
        (X86_64, "mov eax, 0x100cd3\ncwde\nTRAP"),  # 0xcd3
        (X86_64, "mov eax, 5\ncbw\nTRAP"),
        (X86_64, "mov eax, 5\nxlatb\nTRAP"),
        (X86_64, "mov ecx, 5\nl:\nloop l\nmov eax, ecx\nTRAP"),
        (X86_64, "sub rsp, 24\nmov dword ptr [rsp + 4], 5\nmov [rsp], rdi\nmov eax, [rsp + 4]\nTRAP"),
        (X86_64, "sub rsp, 24\nmov dword ptr [rsp], 5\nmov byte ptr [rsp + 1], 1\nmov eax, [rsp]\nTRAP"),
        (X86_64, "sub rsp, 24\nmov dword ptr [rsp], 5\nmov rax, [rsp]\nTRAP"),  # four bytes nobody set
        (X86_64, "push 5\nxchg rsp, rdi\npop rax\nTRAP"),
        (X86_64, "push 5\nand esp, 64\npop rax\nTRAP"),
        (AARCH64, "sub sp, sp, #32\nmov x1, #5\nstr x1, [sp]\nadd x2, sp, x3\nldr x8, [x2]\nTRAP"),
        (AARCH64, "sub sp, sp, #32\nmov x1, #5\nstr x1, [sp]\nstrb w3, [sp, #1]\nldr x8, [sp]\nTRAP"),
        (AARCH64, "sub sp, sp, #32\nmov w1, #5\nstr w1, [sp, #4]\nstr x3, [sp]\nldr w8, [sp, #4]\nTRAP"),
    ],
)
def test_what_changes_a_number_is_seen(arch: Arch, text: str) -> None:
    assert isinstance(number_after(arch, text), Dynamic)


def test_four_bytes_that_were_set_are_known() -> None:
    text = "sub rsp, 24\nmov dword ptr [rsp], 5\nmov dword ptr [rsp + 4], 6\nmov eax, [rsp]\nTRAP"
    assert number_after(X86_64, text) == Known(5, None)


def test_memory_a_call_may_have_changed_is_no_constant() -> None:
    text = (
        "sub rsp, 24\nmov qword ptr [rsp + 8], 5\nlea rdi, [rsp + 8]\ncall 0x400000\nmov rax, [rsp + 8]\nTRAP"
    )
    assert isinstance(number_after(X86_64, text), Dynamic)


def test_callers_of_a_register_wrapper_are_asked() -> None:
    wrapper = assemble(X86_64, "mov rax, rdi\nsyscall\nret").ljust(256, b"\xcc")
    callers = "mov edi, 1\ncall 0x400000\nmov edi, 60\njmp 0x400000"
    at = len(wrapper)
    code = wrapper + assemble(X86_64, callers, BASE + at)
    site = only(image(X86_64, code, functions=((0, at), (at, 0)), entry=at))
    assert site.number == Dynamic("parameter rdi")
    assert site.numbers == (1, 60)


def test_callers_of_callers_are_asked() -> None:
    inner = assemble(X86_64, "mov rax, rdi\nsyscall\nret")
    middle = assemble(X86_64, "push rbx\ncall 0x400000\npop rbx\nret", BASE + len(inner))
    at = len(inner) + len(middle)
    outer = assemble(X86_64, f"mov edi, 39\ncall {BASE + len(inner):#x}\nret", BASE + at)
    functions = ((0, len(inner)), (len(inner), at), (at, 0))
    site = only(image(X86_64, inner + middle + outer, functions=functions, entry=at))
    assert site.number == Dynamic("parameter rdi")
    assert site.numbers == (39,)


def test_callers_of_a_stack_wrapper_are_asked() -> None:
    wrapper = assemble(X86_64, "mov rax, [rsp + 8]\nmov rdi, [rsp + 16]\nsyscall\nret")
    at = len(wrapper)
    caller = "sub rsp, 32\nmov qword ptr [rsp], 4\nmov [rsp + 8], rdi\ncall 0x400000\nadd rsp, 32\nret"
    code = wrapper + assemble(X86_64, caller, BASE + at)
    site = only(image(X86_64, code, functions=((0, at), (at, 0)), entry=at))
    assert isinstance(site.number, Dynamic)
    assert site.numbers == (4,)


def test_callers_of_a_stack_wrapper_aarch64() -> None:
    wrapper = assemble(AARCH64, "ldr x8, [sp, #8]\nsvc #0\nret")
    at = len(wrapper)
    caller = "sub sp, sp, #32\nmov x9, #73\nstr x9, [sp, #8]\nbl #0x400000\nadd sp, sp, #32\nret"
    code = wrapper + assemble(AARCH64, caller, BASE + at)
    site = only(image(AARCH64, code, functions=((0, at), (at, 0)), entry=at))
    assert isinstance(site.number, Dynamic)
    assert site.numbers == (73,)


def test_immediate_is_the_number() -> None:
    site = only(image(AARCH64, "mov x8, #1\nsvc #310\nret"), IMMEDIATE)
    assert site.number == Known(310, None)
    assert site.immediate == 310


def test_read_only_memory_is_a_constant() -> None:
    code = assemble(X86_64, "mov eax, dword ptr [rip + 3]\nsyscall\nret") + (102).to_bytes(4, "little")
    site = only(image(X86_64, code, functions=((0, 9),)))
    assert site.number == Known(102, None)
