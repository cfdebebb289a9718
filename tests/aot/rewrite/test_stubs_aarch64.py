"""aarch64 stubs, run: what is at the exit word, what is left behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aot.analyze.decode import Decoder
from aot.image.model import Arch, Import, ImportKind
from aot.manifest import DATA, DataWord, GateKind, StubClass
from aot.rewrite.stubs_aarch64 import constant
from tests.aot.rewrite.engine import Crossing, run, start_registers
from tests.aot.rewrite.lab import CODE, GATES, rewritten

ARCH = Arch.AARCH64
CARRY = 1 << 29
PID_AT = DATA + 8 * DataWord.PID
DECODER = Decoder(ARCH)


def code_for(gate: str) -> str:
    return f"mov {GATES[gate].number}, #20; svc #0; ret; nop; nop"


@pytest.mark.parametrize("gate", ["linux-aarch64", "freebsd-aarch64", "openbsd-aarch64", "darwin-aarch64"])
@pytest.mark.parametrize("carry", [0, 1])
@pytest.mark.parametrize("nzcv", [0, 0xF0000000, 0x50000000])
def test_bound_puts_everything_back(gate: str, carry: int, nzcv: int) -> None:
    _, manifest, segments = rewritten(ARCH, code_for(gate), gate)
    (site,) = manifest.sites
    number = GATES[gate].number
    uses_carry = site.kind == GateKind.BOUND_CARRY

    def serve(crossing: Crossing) -> None:
        crossing.out = {"x0": 77} | ({number: carry} if uses_carry else {})

    regs = start_registers(ARCH) | {"nzcv": nzcv}
    result = run(ARCH, manifest, segments, start=CODE, stop=site.resume, regs=regs, serve=serve)
    (crossing,) = result.crossings
    assert crossing.regs[number] & 0xFFFFFFFF == 0
    expected = regs | {"x0": 77, number: 20, "pc": site.resume}
    if uses_carry:
        expected["nzcv"] = nzcv & ~CARRY | carry * CARRY
    assert result.regs == expected
    assert site.resume == site.addr + 4 + GATES[gate].skip


@pytest.mark.parametrize("gate", ["linux-aarch64", "freebsd-aarch64", "darwin-aarch64"])
@pytest.mark.parametrize("traced", [0, 1])
def test_inline(gate: str, traced: int) -> None:
    _, manifest, segments = rewritten(ARCH, code_for(gate), gate, inline={20: DataWord.PID})
    (site,) = manifest.sites
    assert site.cls == StubClass.INLINE.value
    regs = start_registers(ARCH)
    words = {manifest.area + DATA: traced, manifest.area + PID_AT: 4242}

    def serve(crossing: Crossing) -> None:
        crossing.out = {"x0": 4242} | (
            {GATES[gate].number: 0} if crossing.kind == GateKind.BOUND_CARRY else {}
        )

    result = run(ARCH, manifest, segments, start=CODE, stop=site.resume, regs=regs, words=words, serve=serve)
    assert len(result.crossings) == traced
    expected = regs | {"x0": 4242, GATES[gate].number: 20, "pc": site.resume}
    if gate != "linux-aarch64":
        expected["nzcv"] &= ~CARRY
        if not traced:
            expected["x1"] = 0  # the handler does it on the bound path
    assert result.regs == expected
    count = int.from_bytes(result.memory(manifest.area + 4096, 8), "little")
    assert count == 1 - traced


@pytest.mark.parametrize(
    ("gate", "code", "number", "cls"),
    [
        ("netbsd-aarch64", "svc #20; ret", 20, StubClass.BOUND),
        ("linux-aarch64", "mov x8, x0; svc #0; ret", None, StubClass.TABLE),
    ],
)
def test_no_free_register_means_in_place(gate: str, code: str, number: int | None, cls: StubClass) -> None:
    image, manifest, segments = rewritten(ARCH, code, gate)
    (site,) = manifest.sites
    assert (site.cls, site.number, site.stub) == (cls.value, number, 0)
    assert site.addr in {word.addr for word in manifest.exits}
    regs = start_registers(ARCH)
    result = run(
        ARCH, manifest, segments, start=CODE, stop=image.segments[0].end - 4, regs=regs,
        serve=lambda crossing: crossing.out.update(x0=5),
    )  # fmt: skip
    changed = {"x0": 5, "pc": site.resume} | ({"x8": regs["x0"]} if "x8" in code else {})
    assert result.regs == regs | changed


def test_svc_immediates_that_are_no_calls_are_left_alone() -> None:
    _, manifest, _ = rewritten(ARCH, "mov x8, #4; svc #3; ret", "freebsd-aarch64")
    (site,) = manifest.sites
    assert (site.cls, site.tactic) == (StubClass.DYNAMIC.value, "svc #0x3 is not a call")


def test_import_stub() -> None:
    imports = (Import("lib", "a", 0, ImportKind.GOT), Import("lib", "b", 8, ImportKind.GOT))
    _, manifest, segments = rewritten(ARCH, "blr x3; nop", "linux-aarch64", imports=imports)
    stub = int.from_bytes(segments[1].data[8:16], "little")
    regs = start_registers(ARCH) | {"x3": stub}
    result = run(ARCH, manifest, segments, start=CODE, stop=CODE + 4, regs=regs)
    (crossing,) = result.crossings
    assert crossing.kind is GateKind.IMPORT
    assert crossing.regs["x16"] == 1
    assert result.regs == regs | {"x16": 1, "x30": CODE + 4, "pc": CODE + 4}


def test_out_of_branch_range_is_in_place() -> None:
    code = "mov x8, #20; svc #0; ret"
    near, far = (
        rewritten(ARCH, code, "linux-aarch64", base=0x10000, zeroes=size)[1] for size in (1 << 20, 128 << 20)
    )
    assert (near.sites[0].cls, near.sites[0].number) == (StubClass.BOUND.value, 20)
    assert (far.sites[0].cls, far.sites[0].number, far.sites[0].stub) == (StubClass.TABLE.value, 20, 0)


@given(st.integers(0, 30), st.integers(0, (1 << 64) - 1) | st.integers(-(1 << 31), 1 << 17))
def test_constants_decode_to_their_value(register: int, value: int) -> None:
    code = b"".join(word.to_bytes(4, "little") for word in constant(register, value))
    assert _loaded(code, register) == value % (1 << 64)
    assert len(code) <= 16


def _loaded(code: bytes, register: int) -> int:
    """The value that a run of mov, movn, movk leaves, read from Capstone's text."""
    value = 0
    for _, _, mnemonic, operands in DECODER.sweep(code, 0):
        name, *rest = operands.replace("#", "").split(", ")
        assert name in (f"x{register}", f"w{register}")
        shift = int(rest[1].split()[1]) if len(rest) > 1 else 0
        immediate = int(rest[0], 0)
        mask = (1 << 64 if name[0] == "x" else 1 << 32) - 1
        match mnemonic:
            case "mov" | "movz":
                value = immediate << shift & mask
            case "movn":
                value = ~(immediate << shift) & mask
            case "movk":
                value = value & ~(0xFFFF << shift) | immediate << shift
            case _:
                raise AssertionError(mnemonic)
    return value
