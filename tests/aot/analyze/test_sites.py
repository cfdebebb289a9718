from __future__ import annotations

import struct

import pytest

from aot.analyze.model import Dynamic, Known, Trap
from aot.analyze.sites import analyze
from aot.image.model import Arch, FunctionRange, Image, Prot, Segment, Symbol
from aot.record import replace
from tests.aot.analyze.lab import (
    AARCH64,
    BASE,
    DATA,
    GATES,
    IMMEDIATE,
    X86_64,
    assemble,
    found,
    image,
    only,
)  # fmt: skip

SITE = "mov eax, 39\nsyscall\nret\n"


def reasons(program: Image) -> dict[int, str]:
    return {refused.address - BASE: refused.why for refused in found(program).refused}


def test_site_with_its_evidence() -> None:
    name = Symbol("getpid", BASE, 8, code=True)
    site = only(image(X86_64, SITE, symbols=(name,)))
    assert (site.address, site.size, site.trap) == (BASE + 5, 2, Trap.SYSCALL)
    assert site.function == BASE
    assert site.evidence == "eh_frame:getpid+0x5"
    assert [insn.mnemonic for insn in site.before] == ["mov"]
    assert site.after == ()


def test_bytes_inside_another_instruction_are_refused() -> None:
    program = image(X86_64, "mov eax, 0x050f\nmov ebx, 0x11223344\nret")
    assert found(program).sites == ()
    assert "inside `mov eax, 0x50f`" in reasons(program)[1]


def test_prefixed_trap_is_one_site() -> None:
    program = image(X86_64, b"\xb8\x27\x00\x00\x00" + b"\x48\x0f\x05" + b"\xc3")
    site = only(program)
    assert (site.address, site.size) == (BASE + 5, 3)


def test_data_after_the_function_is_refused() -> None:
    code = assemble(X86_64, SITE)
    program = image(X86_64, code + b"\x00\x0f\x05\xff\xff", functions=((0, len(code)),))
    assert [site.address for site in found(program).sites] == [BASE + 5]
    assert "no control flow reaches it" in reasons(program)[len(code) + 1]


def test_table_inside_the_function_is_refused() -> None:
    code = assemble(X86_64, "jmp 0x40000a\n") + b"\x0f\x05\x06\x62\x0f\x05\x9a\x06" + assemble(X86_64, SITE)
    program = image(X86_64, code)
    assert [site.address for site in found(program).sites] == [BASE + 15]
    assert len(reasons(program)) == 2


def test_declared_data_and_objects_are_refused() -> None:
    program = image(X86_64, SITE, not_code=((5, 7),))
    assert "declared data" in reasons(program)[5]
    thing = Symbol("table", BASE + 4, 4, code=False)
    assert "inside the object table" in reasons(image(X86_64, SITE, symbols=(thing,)))[5]


def test_filler_after_return_is_refused_aarch64() -> None:
    program = image(AARCH64, "mov x8, #1\nsvc #0\nret\nsvc #3")
    assert [site.address for site in found(program).sites] == [BASE + 4]
    program = image(AARCH64, "ret\nsvc #3")
    assert analyze(program, IMMEDIATE).sites == ()


def test_immediates_that_are_no_calls_are_refused() -> None:
    gate = replace(GATES[AARCH64], immediates=(0,))
    program = image(AARCH64, "mov x8, #1\nsvc #0\nsvc #0x80\nret")
    analysis = analyze(program, gate)
    assert [site.address for site in analysis.sites] == [BASE + 4]
    assert "not a call of this system" in analysis.refused[0].why


def test_unaligned_svc_is_no_candidate() -> None:
    code = assemble(AARCH64, "ret") + b"\x00\x00" + assemble(AARCH64, "svc #0") + b"\x00\x00"
    analysis = found(image(AARCH64, code))
    assert not analysis.sites
    assert not analysis.refused


def test_int_gate() -> None:
    gate = replace(GATES[X86_64], trap="int", interrupt=0x2E)
    program = image(X86_64, "mov eax, 1\nsyscall\nint 0x2e\nint 0x80\nret")
    (site,) = analyze(program, gate).sites
    assert (site.trap, site.immediate) == (Trap.INT, 0x2E)
    both = analyze(program, GATES[X86_64], gate).sites
    assert [site.trap for site in both] == [Trap.SYSCALL, Trap.INT]


def test_windows_stop_at_targets_calls_and_traps() -> None:
    text = """
        call 0x400000
        mov edi, 1
        mov eax, 1
        syscall
        mov edx, 3
        l:
        mov eax, 2
        syscall
        cmp rax, -4095
        jae l
        ret
    """
    first, second = found(image(X86_64, text)).sites
    assert [insn.operands for insn in first.before] == ["edi, 1", "eax, 1"]
    assert [insn.operands for insn in first.after] == ["edx, 3"]
    assert [insn.operands for insn in second.before] == ["eax, 2"]
    assert [insn.mnemonic for insn in second.after] == ["cmp"]


def test_site_that_is_a_target_has_nothing_before_it() -> None:
    site = only(image(X86_64, "mov eax, 1\nl:\nsyscall\ncmp rax, -4\nje l\nret"))
    assert site.before == ()
    assert isinstance(site.number, Dynamic)  # a constant, or the result of the call before
    assert site.numbers == (1,)


def test_endbr_and_bti_are_not_offered() -> None:
    site = only(image(X86_64, b"\xf3\x0f\x1e\xfa" + assemble(X86_64, SITE)))
    assert [insn.mnemonic for insn in site.before] == ["mov"]
    bti = b"\x5f\x24\x03\xd5"
    site = only(image(AARCH64, bti + assemble(AARCH64, "mov x8, #1\nsvc #0\nret")))
    assert [insn.mnemonic for insn in site.before] == ["mov"]


def test_branch_from_another_function_is_a_target() -> None:
    body = assemble(X86_64, "nop\nmov edi, 1\nmov eax, 1\nsyscall\nret")  # the branch lands on mov eax
    at = len(body)
    cold = assemble(X86_64, f"nop\n.byte 0xe9\n.long {6 - (at + 6)}", BASE + at)
    program = image(X86_64, body + cold, functions=((0, at), (at, 0)))
    site = only(program)
    assert BASE + 6 in found(program).branch_targets
    assert [insn.operands for insn in site.before] == ["eax, 1"]


def test_code_that_runs_on_behind_its_declared_range() -> None:
    """Unwind ranges end before the trap of clone; the next one starts behind it."""
    code = assemble(X86_64, "mov eax, 56\nsyscall\ntest rax, rax\nret\nnop\nret")
    site = only(image(X86_64, code, functions=((0, 5), (10, 0))))
    assert site.number == Known(56, (BASE, 5))


def test_function_only_called_from_declared_code() -> None:
    caller = assemble(X86_64, "call 0x400010\nret").ljust(16, b"\xcc")
    program = image(X86_64, caller + assemble(X86_64, SITE), functions=((0, 6),))
    assert only(program).address == BASE + 16 + 5


@pytest.mark.parametrize("kind", ["call", "lea", "pointer"])
def test_stripped_program_without_frames(kind: str) -> None:
    start = {
        "call": "call 0x400040\nret",
        "lea": "lea rdi, [rip + 0x39]\nret",
        "pointer": "mov rdi, rsi\nret",
    }[kind]
    code = assemble(X86_64, start).ljust(64, b"\xcc") + assemble(X86_64, SITE)
    data = struct.pack("<Q", BASE + 64) if kind == "pointer" else b""
    site = only(image(X86_64, code, functions=None, data=data))
    assert site.address == BASE + 64 + 5
    assert site.evidence.startswith("descent:")


def test_stripped_program_keeps_strings_out() -> None:
    code = assemble(X86_64, "lea rdi, [rip + 0x39]\nret").ljust(64, b"\xcc") + b"\x06\x0f\x05 text\x00"
    assert found(image(X86_64, code, functions=None)).sites == ()


def test_switch_cases_are_targets_and_reached() -> None:
    """A table of 32-bit offsets, as compilers write it for position-independent code."""
    code = assemble(X86_64, f"cmp edi, 1\n.byte 0x77, 0\nlea rdx, [rip + {DATA - BASE - 12}]")
    assert len(code) == 12
    code += assemble(X86_64, "movsxd rax, dword ptr [rdx + rdi*4]\nadd rax, rdx\n.byte 0xff, 0xe0")
    first = len(code)
    code += assemble(X86_64, "nop\nmov eax, 1\nsyscall\nret")
    code = code[:4] + bytes([first - 5]) + code[5:]  # the bound's branch
    second = len(code)
    code += assemble(X86_64, "mov eax, 2\nsyscall\nret")
    table = struct.pack("<2i", BASE + first + 1 - DATA, BASE + second - DATA)
    analysis = found(image(X86_64, code, data=table))
    assert [site.number for site in analysis.sites] == [
        Known(1, (BASE + first + 1, 5)),
        Known(2, (BASE + second, 5)),
    ]
    assert {BASE + first + 1, BASE + second} <= analysis.branch_targets
    assert all(len(site.before) == 1 for site in analysis.sites)


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_a_function_between_declared_ones_that_is_only_called_by_pointer(arch: Arch) -> None:
    """Leaves have no unwind data on some systems; proved code loads the address."""
    x86, size = arch is X86_64, 16
    first = assemble(arch, "ret").ljust(size, b"\x06" if x86 else b"\xff")  # no instructions
    between = assemble(arch, SITE if x86 else "mov x8, #64\nsvc #0\nret")
    between += (b"\x06" if x86 else b"\xff") * (-len(between) % 16)
    start = size + len(between)
    if x86:
        last = assemble(arch, f"lea rax, [rip - {len(between) + 7}]\ncall rax\nret")
    else:
        load = 0x10000009 | (-len(between) // 4 & 0x7FFFF) << 5  # adr x9
        last = load.to_bytes(4, "little") + assemble(arch, "blr x9\nret")
    code = first + between + last
    program = image(arch, code, functions=((0, 4), (start, 0)))
    assert only(program).function == BASE + size
    without = first + between + assemble(arch, "ret")
    assert found(image(arch, without, functions=((0, 4), (start, 0)))).sites == ()


def test_a_table_ends_where_the_next_begins() -> None:
    """Nothing guards these tables, and the entry of the second, read against the first, leads into an immediate."""

    def switch(at: int, table: int) -> bytes:
        load = assemble(X86_64, f"lea rdx, [rip + {table - at - 7}]")
        return load + assemble(X86_64, "movsxd rax, dword ptr [rdx + rdi*4]\nadd rax, rdx") + b"\xff\xe0"

    first = switch(BASE, DATA)
    inner = BASE + len(first)
    code = first + switch(inner, DATA + 4) + assemble(X86_64, "mov ecx, 0x9090050f")
    last = BASE + len(code)
    table = struct.pack("<2i", inner - DATA, last - (DATA + 4))
    program = image(X86_64, code + b"\xc3", data=table)
    assert program.read(last - 4, 2) == b"\x0f\x05"
    analysis = found(program)
    assert analysis.sites == ()
    assert {inner, last} <= analysis.branch_targets
    assert last - 4 not in analysis.branch_targets


def test_unresolved_switch_closes_the_windows() -> None:
    text = "mov eax, 1\nsyscall\nmov rax, qword ptr [rsi + rdi*8]\n.byte 0xff, 0xe0"
    site = only(image(X86_64, text))
    assert site.before == site.after == ()


def test_empty_image() -> None:
    program = replace(image(X86_64, b"\xc3"), segments=(Segment(DATA, 8, b"", Prot.R),))
    analysis = found(replace(program, functions=()))
    assert not analysis.sites
    assert not analysis.refused


def test_functions_without_an_end() -> None:
    program = image(X86_64, SITE + "nop\n" + SITE, functions=None)
    starts = (FunctionRange(BASE, 0, "symbol"), FunctionRange(BASE + 9, 0, "symbol"))
    assert len(found(replace(program, functions=starts)).sites) == 2
