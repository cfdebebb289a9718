"""Compares a disassembled aarch64 stub with what its class says."""

from __future__ import annotations

from collections.abc import Sequence

from aot.errors import VerifyError
from aot.manifest import DATA, PAGE, GateKind, Site, StubClass
from aot.record import replace
from aot.rewrite.disassembly import Checker, Text, expect, number_text
from aot.rewrite.verify_cases import check_aarch64_cases, part_kind
from aot.rewrite.verify_conditions import check_aarch64_tests

_CONSTANT = ("mov", "movz", "movn", "movk")
_CLEAR = ("mrs {x}, nzcv", "and {x}, {x}, #0xffffffffdfffffff", "msr nzcv, {x}")
_CARRY = (
    "cbz {x}, #{clear:#x}", "mrs {x}, nzcv", "orr {x}, {x}, #0x20000000", "msr nzcv, {x}",
    "b #{restore:#x}", *_CLEAR,
)  # fmt: skip


def check_aarch64(checker: Checker, index: int, site: Site, ordinal: int, first: int) -> None:
    """One patched site; `ordinal` counts inline ones, `first` is the index of its first case. Raises VerifyError."""
    if site.again != site.addr or site.cont or site.moved or site.landing:
        raise VerifyError("an aarch64 site moves nothing")
    if not site.stub:
        if site.window != site.addr or site.gate != site.addr or site.stub_size:
            raise VerifyError("an exit in place is somewhere else")
        if site.cls == StubClass.BOUND.value and site.number != site.immediate:
            raise VerifyError(
                f"an exit in place is bound to {site.number}, its trap asked for {site.immediate}"
            )
        return
    expect([checker.one(site.window)], [f"b #{site.stub:#x}"])
    found: Sequence[Text] = checker.text(site.stub, site.stub_size)
    if site.cases:
        parts = check_aarch64_cases(site, found)
        for case_index, (case, part) in enumerate(parts.items(), first):
            bound = replace(site, gate=case.gate, kind=part_kind(site), number=case.number)
            _check_bound(checker, case_index, bound, part, ordinal)
        return
    _check_bound(checker, index, site, found, ordinal)


def _check_bound(checker: Checker, index: int, site: Site, found: Sequence[Text], ordinal: int) -> None:
    """A stub, or the part of one, that leaves by the index of its site."""
    at = next((i for i, one in enumerate(found) if one.address == site.gate), -1)
    if not 1 <= at < len(found) - 1:
        raise VerifyError("the exit is not in the stub")
    back = f"b #{site.resume:#x}"
    entry, rest = found[:at], found[at + 1 :]
    x = entry[-1].operands.partition(",")[0].replace("w", "x")
    if site.cls == StubClass.INLINE.value:
        entry = _check_inline_aarch64(checker, site, (x, entry), back, ordinal)
    if site.kind == GateKind.BOUND_CARRY:
        expect(rest[: len(_CARRY)], _carry(x, rest))
        rest = rest[len(_CARRY) :]
    if str(rest[-1]) != back:
        raise VerifyError(f"the stub ends in `{rest[-1]}`, not in `{back}`")
    if f"x{constant_of(entry, index)}" != x or f"x{constant_of(rest[:-1], site.number or 0)}" != x:
        raise VerifyError("the number register is not put back")


def _carry(x: str, rest: Sequence[Text]) -> list[str]:
    """What stands behind a carry-style exit."""
    start = rest[0].address
    clear, restore = start + 4 * 5, start + 4 * len(_CARRY)
    return [line.format(x=x, clear=clear, restore=restore) for line in _CARRY]


def _check_inline_aarch64(
    checker: Checker, site: Site, stub: tuple[str, Sequence[Text]], back: str, ordinal: int
) -> Sequence[Text]:
    """Checks the fast path; answers the instructions of the bound path's entry."""
    x, found = stub
    end = next((i for i, one in enumerate(found) if str(one) == back), -1)
    if end < 0 or end + 1 >= len(found):
        raise VerifyError("the inline path does not come back")
    area = checker.manifest.area
    page, counters = f"adrp {x}, #{area:#x}", area + PAGE + 8 * ordinal
    count, bound = f"[{x}{_offset(counters)}]", found[end + 1].address
    expect(found[:3], [page, f"ldr {x}, [{x}{_offset(area + DATA)}]", f"cbnz {x}, #{bound:#x}"])
    passed = 3 + check_aarch64_tests(checker.manifest, site, found[3:end], bound)
    if site.fast != found[passed].address:
        raise VerifyError("the call is not answered where the manifest says")
    expect(found[passed : passed + 4], [
        f"adrp {x}, #{counters & ~(PAGE - 1):#x}", f"ldr x0, {count}", "add x0, x0, #1", f"str x0, {count}",
    ])  # fmt: skip
    expect(found[passed + 4 : passed + 5], [page])
    words = [f"[{x}{_offset(area + DATA + 8 * word)}]" for word in site.words]
    middle = list(found[passed + 5 : end])
    expect(middle[:1], [f"ldr x0, {words[0]}"])
    while middle and (middle[0].mnemonic == "ldr" or str(middle[0]).endswith(", #0")):
        target, _, place = middle[0].operands.partition(", ")
        if target in (x, "sp") or (middle[0].mnemonic == "ldr" and place != words[-1]):
            raise VerifyError(f"`{middle[0]}` has no place on the inline path")
        middle.pop(0)
    if site.kind == GateKind.BOUND_CARRY:
        expect(middle[:3], [line.format(x=x) for line in _CLEAR])
        middle = middle[3:]
    if f"x{constant_of(middle, site.number or 0)}" != x:
        raise VerifyError("the inline path does not put the number back")
    return found[end + 1 :]


def _offset(address: int) -> str:
    """The offset in its page, as Capstone prints it in an operand."""
    offset = address % PAGE
    return f", #{number_text(offset)}" if offset else ""


def constant_of(found: Sequence[Text], value: int) -> str:
    """The register that `found`, nothing but moves of constants, loads with `value`."""
    loaded, name = 0, ""
    value &= (1 << 64) - 1
    for one in found:
        register, *rest = one.operands.replace("#", "").split(", ")
        first = not name
        if one.mnemonic not in _CONSTANT or (not first and register[1:] != name):
            raise VerifyError(f"`{one}` is not a move of a constant")
        if register[0] != ("x" if value >> 32 else "w"):
            raise VerifyError(f"`{one}` is wider or narrower than {value:#x}")
        name = register[1:]
        mask = (1 << (64 if register[0] == "x" else 32)) - 1
        shift = int(rest[1].split()[1]) if len(rest) > 1 else 0
        part = int(rest[0], 0) << shift
        if (one.mnemonic == "movk") is first:
            raise VerifyError(f"`{one}` at the wrong place of a constant")
        if not first:
            loaded = loaded & ~(0xFFFF << shift) | part
        else:
            loaded = (~part if one.mnemonic == "movn" else part) & mask
    if not name or loaded != value:
        raise VerifyError(f"{loaded:#x} is loaded where {value:#x} should be")
    return name
