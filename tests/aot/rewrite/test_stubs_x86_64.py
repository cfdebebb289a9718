"""x86-64 stubs, run: what is at the gate, what is left behind."""

from __future__ import annotations

import pytest

from aot.image.model import Arch, Import, ImportKind
from aot.manifest import DATA, DataWord, GateKind, StubClass
from tests.aot.rewrite.engine import Crossing, run, start_registers
from tests.aot.rewrite.lab import CODE, rewritten

ARCH = Arch.X86_64
FLAGS = 0x8D5  # CF PF AF ZF SF OF
CARRY = 1
PID_AT = DATA + 8 * DataWord.PID
TRAP_DESTROYS = {"rcx", "r11", "rip"}


def answer(crossing: Crossing) -> None:
    crossing.out = {"rax": 77}


@pytest.mark.parametrize("gate", ["linux-x86_64", "freebsd-x86_64"])
@pytest.mark.parametrize(
    ("code", "tactic"),
    [
        ("mov eax, 39; syscall; ret", "fold"),
        ("mov eax, 39; mov rdi, rbx; syscall; ret", "before"),
        ("mov eax, 39; jmp 8; nop; syscall; mov rdi, rax; ret", "after"),
    ],
)
def test_bound_changes_only_what_syscall_destroys(gate: str, code: str, tactic: str) -> None:
    image, manifest, segments = rewritten(ARCH, code, gate)
    (site,) = manifest.sites
    assert site.tactic == tactic
    stop = image.segments[0].end - 1
    regs = start_registers(ARCH)
    result = run(ARCH, manifest, segments, start=CODE, stop=stop, regs=regs, serve=answer)
    (crossing,) = result.crossings
    kind = GateKind.BOUND_CARRY if gate.startswith("freebsd") else GateKind.BOUND
    if site.cls == StubClass.TABLE.value:
        kind = GateKind(kind + 2)
    assert crossing.kind is kind
    assert crossing.regs["r11"] == 0
    assert crossing.regs["rcx"] == (site.cont or site.resume)
    changed = {"rdi"} if "rdi" in code else set()
    for name, value in regs.items():
        if name not in TRAP_DESTROYS | {"rax"} | changed:
            assert result.regs[name] == value, name
    assert result.regs["rax"] == 77


def test_table_bound_keeps_the_number() -> None:
    _, manifest, segments = rewritten(ARCH, "mov rax, rdi; mov rdi, rsi; syscall; ret", "linux-x86_64")
    (site,) = manifest.sites
    assert site.cls == StubClass.TABLE.value
    regs = start_registers(ARCH)
    result = run(ARCH, manifest, segments, start=CODE, stop=site.resume, regs=regs, serve=answer)
    assert result.crossings[0].kind is GateKind.TABLE
    assert result.crossings[0].regs["rax"] == regs["rdi"]


@pytest.mark.parametrize("gate", ["linux-x86_64", "freebsd-x86_64", "netbsd-x86_64"])
def test_inline_answers_without_a_gate(gate: str) -> None:
    code = "mov eax, 20; syscall; ret"
    image, manifest, segments = rewritten(ARCH, code, gate, inline={20: DataWord.PID})
    (site,) = manifest.sites
    assert site.cls == StubClass.INLINE.value
    words = {manifest.area + PID_AT: 4242}
    regs = start_registers(ARCH)
    stop = image.segments[0].end - 1
    result = run(ARCH, manifest, segments, start=CODE, stop=stop, regs=regs, words=words)
    assert result.crossings == []
    expected = regs | {"rax": 4242}
    if gate.startswith("freebsd"):
        expected |= {"r8": 0, "r9": 0, "r10": 0}
    if gate.startswith("netbsd"):
        expected |= {"rdx": 0}
    if not gate.startswith("linux"):
        expected["rflags"] &= ~CARRY
    for name, value in expected.items():
        if name not in TRAP_DESTROYS:
            assert result.regs[name] == value, name
    assert int.from_bytes(result.memory(manifest.area + 4096, 8), "little") == 1


def test_inline_takes_the_bound_path_when_traced() -> None:
    code = "mov eax, 39; syscall; ret"
    _, manifest, segments = rewritten(ARCH, code, "linux-x86_64", inline={39: DataWord.PID})
    (site,) = manifest.sites
    words = {manifest.area + DATA: 1, manifest.area + PID_AT: 4242}
    regs = start_registers(ARCH)
    result = run(ARCH, manifest, segments, start=CODE, stop=site.resume, regs=regs, words=words, serve=answer)
    (crossing,) = result.crossings
    assert crossing.kind is GateKind.BOUND
    assert crossing.regs["rflags"] == result.regs["rflags"] == regs["rflags"]
    assert result.regs["rax"] == 77
    assert result.memory(manifest.area + 4096, 8) == bytes(8)


def test_the_red_zone_is_untouched() -> None:
    code = "mov qword ptr [rsp-8], rbx; mov qword ptr [rsp-128], rbp; mov eax, 39; syscall; ret"
    _, manifest, segments = rewritten(ARCH, code, "linux-x86_64")
    regs = start_registers(ARCH)
    resume = manifest.sites[0].resume
    result = run(ARCH, manifest, segments, start=CODE, stop=resume, regs=regs, serve=answer)
    stack = result.memory(regs["rsp"] - 128, 128)
    assert stack == regs["rbp"].to_bytes(8, "little") + bytes(112) + regs["rbx"].to_bytes(8, "little")


def test_import_stubs_enter_with_their_index_and_return() -> None:
    imports = tuple(
        Import("lib", name, 8 * i, ImportKind.GOT) for i, name in enumerate(("a", "b", "unknown"))
    )
    code = "call qword ptr [rip + 0x1ffa + 8]; ret"
    image, manifest, segments = rewritten(ARCH, code, "linux-x86_64", imports=imports)
    slots = [i.slot for i in manifest.imports]
    assert slots == [image.segments[1].address + 8 * i for i in range(3)]
    assert slots[1] == CODE + 6 + 0x1FFA + 8
    regs = start_registers(ARCH)
    result = run(ARCH, manifest, segments, start=CODE, stop=CODE + 6, regs=regs, serve=answer)
    (crossing,) = result.crossings
    assert (crossing.kind, crossing.regs["r11"]) == (GateKind.IMPORT, 1)
    assert result.regs["rsp"] == regs["rsp"]
    assert [i.call for i in manifest.imports] == ["a", "b", None]


def test_data_imports_hold_zero_and_one_name_has_one_stub() -> None:
    imports = (
        Import("lib", "f", 0, ImportKind.GOT),
        Import("lib", "object", 8, ImportKind.GOT, data=True),
        Import("lib", "f", 16, ImportKind.PLT),
    )
    _, manifest, segments = rewritten(ARCH, "ret", "linux-x86_64", imports=imports)
    data = segments[1].data
    first, middle, last = (int.from_bytes(data[i : i + 8], "little") for i in (0, 8, 16))
    assert first == last == manifest.imports[0].stub != 0
    assert middle == 0
    assert manifest.imports[1].data
