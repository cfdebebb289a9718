"""Call paths: who passes which number through which wrappers, what hides it, and how long looking may take."""

from __future__ import annotations

import pytest

from aot.analyze.model import CallPath, FoundSite
from aot.analyze.passed import passed
from aot.image.model import Arch, Image, Import, ImportKind, Prot, Segment, Symbol
from aot.record import replace
from tests.aot.analyze.lab import AARCH64, BASE, DATA, GATES, X86_64, assemble, found, image

WRAPPER = {X86_64: "mov rax, rdi\nmov rdi, rsi\nsyscall\nret", AARCH64: "mov x8, x0\nmov x0, x1\nsvc #0\nret"}
CALL = {X86_64: "call {}", AARCH64: "bl #{}"}
PASS = {X86_64: "mov edi, {}", AARCH64: "mov x0, #{}"}


def program(arch: Arch, *functions: str, data: bytes = b"", writable: bool = False) -> Image:
    """Functions one after the other, `{0}` and so on in them the addresses of the others; the last one is the entry."""
    starts = [BASE]
    for text in functions[:-1]:
        starts.append(
            BASE + (starts[-1] - BASE + len(_code(arch, text, [BASE + 0x1000] * 9, starts[-1])) + 15 & -16)
        )
    raw = b""
    for start, text in zip(starts, functions, strict=True):
        raw = raw.ljust(start - BASE, b"\xcc" if arch is X86_64 else b"\0") + _code(arch, text, starts, start)
    ends = [*(start - BASE for start in starts[1:]), 0]
    ranges = tuple((start - BASE, end) for start, end in zip(starts, ends, strict=True))
    made = image(arch, raw, functions=ranges, entry=starts[-1] - BASE)
    prot = Prot.R | Prot.W if writable else Prot.R
    return (
        replace(made, segments=(*made.segments, Segment(DATA, 64, data, prot))) if data or writable else made
    )


def _code(arch: Arch, text: str, starts: list[int], at: int) -> bytes:
    return assemble(arch, text.format(*(f"{start:#x}" for start in starts)), at)


def paths(made: Image) -> tuple[CallPath, ...]:
    (site,) = found(made).sites
    return site.paths


def site_of(made: Image) -> FoundSite:
    (site,) = found(made).sites
    return site


def calls(arch: Arch, number: int, target: str = "{0}") -> str:
    return f"{PASS[arch].format(number)}\n{CALL[arch].format(target)}\nret"


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_each_caller_is_a_path_with_its_proof(arch: Arch) -> None:
    site = site_of(program(arch, WRAPPER[arch], calls(arch, 3), calls(arch, 5)))
    assert [(path.number, path.why) for path in site.paths] == [(3, ""), (5, "")]
    assert site.numbers == (3, 5)
    assert site.complete
    for path in site.paths:
        where = [link.address for link in path.proof]
        assert path.caller == where[0]  # what sets the number is the caller's first instruction
        assert where[-1] == BASE
        assert [link.text.split()[0] for link in path.proof] == ["mov", CALL[arch].split()[0], "mov"]


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_wrapper_of_wrappers(arch: Arch) -> None:
    through = {
        X86_64: "push rbx\ncall {0}\npop rbx\nret",
        AARCH64: "stp x29, x30, [sp, #-16]!\nbl #{0}\nldp x29, x30, [sp], #16\nret",
    }
    outer = {X86_64: "jmp {1}", AARCH64: "b #{1}"}  # a tail call
    site = site_of(program(arch, WRAPPER[arch], through[arch], outer[arch], calls(arch, 7, "{2}")))
    (path,) = site.paths
    assert (path.number, len(path.proof)) == (7, 5)
    assert site.complete


def test_spill_over_a_call() -> None:
    inner = "push rbx\nsub rsp, 16\nmov [rsp + 8], rdi\ncall {1}\nmov rax, [rsp + 8]\nsyscall\nadd rsp, 16\npop rbx\nret"
    site = site_of(program(X86_64, inner, "ret", calls(X86_64, 9)))
    assert (site.numbers, site.complete) == ((9,), True)


def test_large_frame_of_aarch64() -> None:
    """Go moves SP through another register where a frame is large."""
    inner = "ldr x8, [sp, #8]\nsvc #0\nret"
    outer = "sub x20, sp, #0x100\nstp x29, x30, [x20, #-8]\nmov sp, x20\nmov x1, #11\nstr x1, [sp, #8]\nbl #{0}\nret"
    assert site_of(program(AARCH64, inner, outer)).numbers == (11,)


def test_numbers_of_a_switch() -> None:
    head = assemble(
        X86_64,
        "cmp edi, 1\nja 0x400040\nlea rdx, [rip + 0x46]\nmovsxd rax, dword ptr [rdx + rdi*4]\nadd rax, rdx\njmp rax",
    )
    table = BASE + 12 + 0x46
    raw = head.ljust(0x20, b"\xcc") + assemble(X86_64, "mov eax, 10\njmp 0x400045", BASE + 0x20).ljust(
        0x10, b"\xcc"
    )
    raw += assemble(X86_64, "mov eax, 20\njmp 0x400045", BASE + 0x30).ljust(0x10, b"\xcc")
    raw += assemble(X86_64, "mov eax, 30\nsyscall\nret", BASE + 0x40)
    raw = raw.ljust(table - BASE, b"\xcc")
    raw += b"".join((BASE + at - table).to_bytes(4, "little", signed=True) for at in (0x20, 0x30))
    site = site_of(image(X86_64, raw))
    assert site.numbers == (10, 20, 30)
    assert [path.number for path in site.paths] == [10, 20, 30]


def test_address_taken_is_an_unknown_path() -> None:
    in_code = site_of(
        program(X86_64, WRAPPER[X86_64], "mov esi, 1\nlea rdi, [rip - 28]\ncall {0}\nret", calls(X86_64, 4))
    )
    assert in_code.numbers == (4,)
    (taken,) = [
        path for path in in_code.paths if path.number is None and path.proof[0].text.startswith("lea")
    ][:1]
    assert taken.why in ("its address is taken", "computed by lea")
    in_data = site_of(program(X86_64, WRAPPER[X86_64], calls(X86_64, 4), data=BASE.to_bytes(8, "little")))
    assert [path.why for path in in_data.paths] == ["", "its address stands in data"]
    assert in_data.paths[1].proof[0].address == DATA
    assert not in_data.complete


def test_exported_is_an_unknown_path() -> None:
    made = program(AARCH64, WRAPPER[AARCH64], calls(AARCH64, 4))
    made = replace(made, exports=(Symbol("syscall", BASE, 16, code=True),))
    assert [path.why for path in paths(made)] == ["", "exported as syscall"]


def test_nobody_calls_it() -> None:
    site = site_of(program(X86_64, WRAPPER[X86_64], "ret"))
    assert [path.why for path in site.paths] == ["nothing shows who calls it"]
    assert not site.complete


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_a_call_that_does_not_come_back(arch: Arch) -> None:
    """What follows it in memory is another way's code; nothing of before gets there."""
    text = {
        X86_64: "mov eax, 8\ntest edi, edi\nje {3}\ncall {1}",
        AARCH64: "mov x8, #8\ncbz x0, #{3}\nbl #{1}",
    }[arch]
    ends = {X86_64: "hlt", AARCH64: "brk #1"}[arch]
    trap = {X86_64: "syscall\nret", AARCH64: "svc #0\nret"}[arch]
    site = site_of(program(arch, text + "\n" + trap, ends, "ret", trap.split("\n")[1]))
    assert site.paths == () or all(path.why for path in site.paths)
    again = site_of(
        program(arch, text.replace("{3}", f"{BASE + _size(arch, text):#x}") + "\n" + trap, ends, "ret", "ret")
    )
    assert (again.numbers, again.complete) == ((8,), True)


def _size(arch: Arch, text: str) -> int:
    return len(_code(arch, text, [BASE + 0x10] * 9, BASE))


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
@pytest.mark.parametrize("written", [False, True])
def test_variable_that_nothing_writes(arch: Arch, written: bool) -> None:
    if arch is X86_64:
        caller = "mov rdi, qword ptr [{}]\ncall {{0}}\nret"
        outer = _rip(caller, 16, 7)
        other = _rip("mov qword ptr [{}], rsi\nret" if written else "mov rsi, qword ptr [{}]\nret", 48, 7)
    else:
        outer = f"adrp x9, #{DATA:#x}\nldr x0, [x9, #8]\nbl #{{0}}\nret"
        other = f"adrp x9, #{DATA:#x}\n" + ("str x1, [x9, #8]\nret" if written else "ldr x9, [x9, #8]\nret")
    made = program(
        arch, WRAPPER[arch], outer, other, data=bytes(8) + (42).to_bytes(8, "little"), writable=True
    )
    assert site_of(made).numbers == (() if written else (42,))


def _rip(text: str, at: int, size: int) -> str:
    """`text` for the function `at` bytes from the first, its first instruction of `size` bytes naming the variable."""
    return text.format(f"rip + {DATA + 8 - (BASE + at + size):#x}")


def test_recursion_ends() -> None:
    made = program(
        X86_64, WRAPPER[X86_64], "test esi, esi\nje {0}\njmp {2}", "jmp {1}", calls(X86_64, 6, "{1}")
    )
    assert (site_of(made).numbers, site_of(made).complete) == ((6,), True)


def test_loop_that_computes_is_unknown() -> None:
    site = site_of(image(X86_64, "mov eax, 1\nl:\nadd eax, 1\ndec edi\njne l\nsyscall\nret"))
    assert not site.complete
    assert any(path.why == "computed in a loop" for path in site.paths)


def test_hostile_junctions_take_bounded_time() -> None:
    """2**200 ways through a row of diamonds, and as many operations: every instruction is looked at once."""
    diamond = "test edi, edi\nje a{0}\nmov ecx, eax\nmov eax, ecx\na{0}:\n"
    text = "mov eax, 3\n" + "".join(diamond.format(at) for at in range(200)) + "syscall\nret"
    assert site_of(image(X86_64, text)).numbers == (3,)
    nested = (
        "mov eax, 3\n"
        + "".join(f"l{at}:\n" for at in range(300))
        + "xor eax, 1\ndec edi\njne l0\nsyscall\nret"
    )
    assert not site_of(image(X86_64, nested)).complete


def test_many_callers_are_all_looked_at() -> None:
    site = site_of(program(X86_64, WRAPPER[X86_64], *(calls(X86_64, number) for number in range(60))))
    assert site.numbers == tuple(range(60))
    assert site.complete


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_what_is_passed_to_an_imported_function(arch: Arch) -> None:
    """Through the PLT, and in a register that the slot was loaded into."""
    if arch is X86_64:
        stub = f"jmp qword ptr [rip + {DATA - BASE - 6:#x}]"
        hidden = f"mov rax, [rip + {DATA - BASE - 55:#x}]\ncall rax\nret"
    else:
        stub = f"adrp x16, #{DATA:#x}\nldr x17, [x16]\nadd x16, x16, #0\nbr x17"
        hidden = f"adrp x1, #{DATA:#x}\nldr x1, [x1]\nblr x1\nret"
    made = program(arch, stub, calls(arch, 39), calls(arch, 60), hidden, data=bytes(8), writable=True)
    made = replace(made, imports=(Import("libc.so.6", "syscall", DATA, ImportKind.PLT),))
    got = passed(made, {"syscall"}, "rdi" if arch is X86_64 else "x0", GATES[arch])
    assert [path.number for path in got if path.number is not None] == [39, 60]
    assert [path.why for path in got if path.number is None] == ["the function's address is taken"]
    assert passed(made, {"other"}, "rdi", GATES[arch]) == ()


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_number_in_a_structure_on_the_callers_stack(arch: Arch) -> None:
    """glibc's set*id calls describe themselves to a function that makes them."""
    inner, outer = {
        X86_64: (
            "push rbx\nmov rbx, rdi\nmovsxd rax, dword ptr [rbx + 4]\nsyscall\npop rbx\nret",
            "sub rsp, 24\nlea rdi, [rsp + 8]\nmov dword ptr [rsp + 12], 105\ncall {0}\nadd rsp, 24\nret",
        ),
        AARCH64: (
            "ldrsw x8, [x0, #4]\nsvc #0\nret",
            "sub sp, sp, #32\nmov w1, #105\nadd x0, sp, #8\nstr w1, [sp, #12]\nbl #{0}\nadd sp, sp, #32\nret",
        ),
    }[arch]
    site = site_of(program(arch, inner, outer))
    assert (site.numbers, site.complete) == ((105,), True)
    assert str(site.number).count("memory behind it") == 1
