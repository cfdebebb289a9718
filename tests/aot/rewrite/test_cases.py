"""Stubs that look for the number: every known one enters the bound gate, every other one goes by table."""

from __future__ import annotations

import random

import pytest

from aot.analyze.decode import Decoder
from aot.errors import VerifyError
from aot.image.model import Arch, Segment
from aot.image.native import emit
from aot.manifest import GateKind, Manifest, Site, StubClass, decode, encode, indexes
from aot.pcmap import PcMap, Shown
from aot.record import replace
from aot.rewrite.verify import verify
from tests.aot.rewrite.engine import Crossing, run, start_registers
from tests.aot.rewrite.lab import CODE, rewritten

M64 = (1 << 64) - 1
CODES = {Arch.X86_64: "mov rax, rbx; mov rdi, rsi; syscall; ret", Arch.AARCH64: "mov x8, x19; svc #0; ret"}
FROM = {Arch.X86_64: "rbx", Arch.AARCH64: "x19"}
GATES = [
    "linux-x86_64",
    "freebsd-x86_64",
    "netbsd-x86_64",
    "linux-aarch64",
    "freebsd-aarch64",
    "darwin-aarch64",
]
SETS = [(39,), (0,), (0, 1, 2), (1, 257, 513), (0xFF, 0x1FF), tuple(range(0, 460, 7)), (4095, 1, 2048)]


def made(gate: str, passed: tuple[int, ...]) -> tuple[Site, Manifest, tuple[Segment, ...]]:
    arch = Arch(gate.partition("-")[2])
    code = CODES[arch].replace("x8", "x16") if gate.startswith("darwin") else CODES[arch]
    image, manifest, segments = rewritten(arch, code, gate, passed=passed)
    verify(emit(manifest, segments, arch=arch, pie=image.pie, personality=manifest.personality))
    assert decode(encode(manifest)) == manifest
    (site,) = manifest.sites
    assert site.cls == StubClass.TABLE.value
    return site, manifest, segments


def crossing(site: Site, manifest: Manifest, segments: tuple[Segment, ...], number: int) -> Crossing:
    """What is at the gate for `number`; everything but what the call may lose is as it was, then and behind."""
    arch = Arch(manifest.arch)
    carry = site.kind in (GateKind.TABLE_CARRY, GateKind.BOUND_CARRY)
    regs = start_registers(arch) | {FROM[arch]: number}
    clear = {"x8": 0, "x16": 0} if carry and arch is Arch.AARCH64 else {}

    def serve(met: Crossing) -> None:
        met.out = {name: value for name, value in clear.items() if met.kind is GateKind.BOUND_CARRY}

    found = run(
        arch, manifest, segments, start=CODE, stop=site.resume, regs=regs,
        carry=0 if carry and arch is Arch.X86_64 else None, serve=serve,
    )  # fmt: skip
    (met,) = found.crossings
    lost = {"rip", "pc", "rcx", "r11", "rdi", "rax", "x8", "x16"}
    assert {n: v for n, v in met.regs.items() if n not in lost} == {
        n: v for n, v in regs.items() if n not in lost
    }
    if arch is Arch.AARCH64:
        assert number in (found.regs["x8"], found.regs["x16"])  # put back
    return met


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("passed", SETS)
def test_known_numbers_are_bound_and_others_are_not(gate: str, passed: tuple[int, ...]) -> None:
    site, manifest, segments = made(gate, passed)
    bound = {number: index for index, (_, number) in enumerate(indexes(manifest)) if number is not None}
    assert set(bound) == {case.number for case in site.cases}
    assert len(bound) >= len({number & 0xFFFF for number in passed})
    x86 = manifest.arch == "x86_64"
    carry = site.kind == GateKind.TABLE_CARRY
    number_of, index_of = ("rax", "r11") if x86 else (("x16",) * 2 if "darwin" in gate else ("x8",) * 2)
    for number in random.Random(7).sample(sorted(bound), min(len(bound), 12)):
        met = crossing(site, manifest, segments, number)
        assert met.kind is (GateKind.BOUND_CARRY if carry else GateKind.BOUND)
        assert met.regs[index_of] == bound[number]
        assert not x86 or met.regs["rax"] == number
    for number in _others(passed):
        met = crossing(site, manifest, segments, number)
        assert met.kind is (GateKind.TABLE_CARRY if carry else GateKind.TABLE)
        assert met.regs[number_of] == number
        assert not x86 or met.regs["r11"] == 0


def _others(passed: tuple[int, ...]) -> list[int]:
    """Numbers that differ from known ones in one bit, or not in the low bytes, and the extremes."""
    near = {number ^ 1 << bit for number in passed[:2] for bit in (0, 7, 8, 11, 12, 16, 31, 32, 63)}
    return sorted((near | {0, 1, 0xFFFF, 1 << 32, 1 << 63, M64, M64 - 255}) - set(passed))


@pytest.mark.parametrize("gate", ["linux-x86_64", "linux-aarch64"])
def test_numbers_no_stub_can_look_for_go_by_table(gate: str) -> None:
    site, _, _ = made(gate, (5, 1 << 40, M64))
    assert [case.number for case in site.cases] == [5]


def test_a_table_tells_low_bytes_apart() -> None:
    site, _, _ = made("linux-x86_64", (4, 0x10004, 0x2000004, 7))
    assert [case.number for case in site.cases] == [4, 7]


def test_without_a_row_there_is_no_case() -> None:
    arch = Arch.X86_64
    _, manifest, _ = rewritten(arch, CODES[arch], "linux-x86_64", passed=())
    assert manifest.sites[0].cases == ()


def test_openbsd_steps_over_what_follows() -> None:
    _, manifest, _ = rewritten(
        Arch.AARCH64, "mov x8, x0; svc #0; nop; nop; ret", "openbsd-aarch64", passed=(4,)
    )
    assert (manifest.sites[0].cases, manifest.sites[0].stub) == ((), 0)


@pytest.mark.parametrize("passed", [(39,), (1, 2, 3, 257)])
def test_x86_64_shows_the_trap_while_it_looks(passed: tuple[int, ...]) -> None:
    site, manifest, segments = made("linux-x86_64", passed)
    pcs = PcMap(manifest)
    at = site.again - segments[-1].address
    for address, *_ in Decoder(Arch.X86_64).sweep(segments[-1].data[at:], site.again):
        assert pcs.shown(address) == Shown(site.addr)
    for index, (found, number) in enumerate(indexes(manifest)):
        assert pcs.again(index, 0) == Shown(found.addr, number)


@pytest.mark.parametrize("passed", [(0,), (39,), (0, 1, 2, 257)])
def test_aarch64_shows_the_number_that_is_being_tried(passed: tuple[int, ...]) -> None:
    site, manifest, _ = made("linux-aarch64", passed)
    pcs = PcMap(manifest)
    for case in site.cases:
        assert pcs.shown(case.test) == pcs.shown(case.test + 4) == Shown(site.addr, more=case.number)
        assert pcs.shown(case.test - 4) == pcs.shown(case.test + 8) == Shown(site.addr)
        assert pcs.shown(case.entry) == pcs.shown(case.gate) == Shown(site.addr, case.number)
        assert pcs.shown(case.gate + 4) is None
        assert pcs.again(None, case.gate) == Shown(site.addr, case.number)
    assert pcs.shown(site.gate) == Shown(site.addr)
    assert pcs.shown(site.gate + 4) is None


@pytest.mark.parametrize("gate", ["linux-x86_64", "freebsd-x86_64", "linux-aarch64", "freebsd-aarch64"])
@pytest.mark.parametrize("passed", [(39,), (1, 2, 3, 257)])
def test_verify_reads_every_byte_of_a_search(gate: str, passed: tuple[int, ...]) -> None:
    """Whatever is changed in search, parts or table, apart from entries that find nothing, is noticed."""
    site, manifest, segments = made(gate, passed)
    arch = Arch(manifest.arch)
    stubs = segments[-1]
    for at in range(site.stub - stubs.address, len(stubs.data), 3):
        changed = bytearray(stubs.data)
        changed[at] ^= 0x11
        _refused(arch, manifest, (*segments[:-1], replace(stubs, data=bytes(changed))))
    for case in site.cases:
        wrong = replace(case, number=case.number + 5)
        cases = tuple(wrong if one is case else one for one in site.cases)
        _refused(arch, replace(manifest, sites=(replace(site, cases=cases),)), segments)
    if site.table:
        low = site.table - stubs.address + 512
        changed = bytearray(stubs.data)
        changed[low + 8 * 1 + 4] ^= 1  # where the part of number 1 is
        _refused(arch, manifest, (*segments[:-1], replace(stubs, data=bytes(changed))))


def _refused(arch: Arch, manifest: Manifest, segments: tuple[Segment, ...]) -> None:
    with pytest.raises(VerifyError):
        verify(emit(manifest, segments, arch=arch, pie=False, personality=manifest.personality))
