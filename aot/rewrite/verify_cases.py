"""Checks stubs that look for their numbers: the search finds each case and nothing else, parts are bound stubs."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from aot.errors import VerifyError
from aot.manifest import Case, GateKind, Site, StubClass
from aot.record import dataclass, field
from aot.rewrite.disassembly import Checker, Text, expect, number_text

WORD = (1 << 64) - 1
_FIND = (
    "movzx ecx, ah", "lea r11, [{table}]", "movzx ecx, word ptr [r11 + rcx*2]", "lea r11, [r11 + rcx]",
    "movzx ecx, al", "lea r11, [r11 + rcx*8]", "movsxd rcx, dword ptr [r11]", "lea rcx, [rax + rcx]",
    "jrcxz {found}", "jmp {missed}", "movsxd rcx, dword ptr [r11 + 4]", "lea r11, [{parts}]",
    "lea r11, [r11 + rcx]", "jmp r11",
)  # fmt: skip
_FOUND = _FIND.index("jmp {missed}") + 1
_A64_PAIR = {GateKind.TABLE: GateKind.BOUND, GateKind.TABLE_CARRY: GateKind.BOUND_CARRY}


def check_x86_64_cases(checker: Checker, first: int, site: Site, found: Sequence[Text]) -> Sequence[Text]:
    """Checks search and parts; answers what is between them. `first` is the index of the first case."""
    at = next((i for i, one in enumerate(found) if one.address == site.cases[0].entry), -1)
    if site.cls != StubClass.TABLE.value or at < 3:
        raise VerifyError("cases where no stub looks for them")
    search, enter, parts = found[: at - 3], found[at - 3 : at], list(found[at:])
    if site.table:
        _check_found(checker, site, search, enter[0].address)
    else:
        expect(search, [line for case in site.cases for line in _trial(case)])
    kind = GateKind.BOUND_CARRY if site.kind == GateKind.TABLE_CARRY else GateKind.BOUND
    for index, case in enumerate(site.cases, first):
        if len(parts) < 3 or parts[0].address != case.entry or parts[2].address != case.gate:
            raise VerifyError(f"the part of {case.call} is not where the manifest says")
        expect(parts[:3], [
            f"lea rcx, [{site.cont or site.resume:#x}]", f"mov r11d, {number_text(index)}",
            f"jmp qword ptr [{checker.manifest.area + 8 * kind:#x}]",
        ])  # fmt: skip
        parts = parts[3:]
    expect(parts, [])
    return enter


def _trial(case: Case) -> tuple[str, str]:
    minus = f" - {number_text(case.number)}" if case.number else ""
    return f"lea rcx, [rax{minus}]", f"jrcxz {case.entry:#x}"


def _check_found(checker: Checker, site: Site, search: Sequence[Text], missed: int) -> None:
    """The search through a table, and every entry of the table."""
    parts = site.cases[0].entry
    places = {"table": site.table, "missed": missed, "parts": parts}
    places["found"] = search[_FOUND].address if len(search) > _FOUND else 0
    expect(search, [line.format(**{name: hex(at) for name, at in places.items()}) for line in _FIND])
    head = struct.unpack("<256H", checker.memory.read(site.table, 512))
    live: dict[int, int] = {}
    for page in sorted(set(head)):
        raw = checker.memory.read(site.table + page, 256 * 8)
        for low, (minus, offset) in enumerate(struct.iter_unpack("<ii", raw)):
            number = -minus & WORD
            if number & 0xFF == low and head[number >> 8 & 0xFF] == page:
                live[number] = parts + offset
    if live != {case.number: case.entry for case in site.cases}:
        raise VerifyError("the table finds something else than the cases")


def check_aarch64_cases(site: Site, found: Sequence[Text]) -> dict[Case, Sequence[Text]]:
    """Checks search and exit by table; answers the instructions of each part."""
    at = {one.address: index for index, one in enumerate(found)}
    gate, begin = at.get(site.gate, -1), at.get(site.cases[0].entry, -1)
    if site.cls != StubClass.TABLE.value or site.kind not in _A64_PAIR or gate < 1 or begin != gate + 2:
        raise VerifyError("cases where no stub looks for them")
    expect(found[gate:begin], [f"udf #{number_text(site.kind)}", f"b #{site.resume:#x}"])
    register = found[begin].operands.partition(",")[0].replace("w", "x")  # the part puts its index there
    leaves = _Search(found[:gate], at, register, site.gate).leaves()
    if leaves != {case.number: (case.test, case.entry) for case in site.cases}:
        raise VerifyError("the search finds something else than the cases")
    starts = [at.get(case.entry, -1) for case in site.cases]
    if starts != sorted(starts):
        raise VerifyError("the parts of the stub are not in order")
    ends = [*starts[1:], len(found)]
    return {case: found[low:high] for case, low, high in zip(site.cases, starts, ends, strict=True)}


@dataclass(frozen=True, slots=True)
class _Search:
    """A tree of bit tests over `register`; whoever is not found goes to `missed`."""

    insns: Sequence[Text]
    at: Mapping[int, int]  # address -> index
    register: str
    missed: int
    found: dict[int, tuple[int, int]] = field(default_factory=dict)

    def leaves(self) -> dict[int, tuple[int, int]]:
        """Number -> (address where it is compared, where it leads). Raises VerifyError."""
        self._walk(0, {})
        if 5 * len(self.found) - 1 != len(self.insns):
            raise VerifyError("the search holds something that is no part of it")
        return self.found

    def _walk(self, index: int, bits: dict[int, int]) -> None:
        """Follow the tree from one instruction; `bits` is what is known of the register there."""
        one = self.insns[index] if 0 <= index < len(self.insns) else None
        if one is not None and one.mnemonic == "tbnz" and len(bits) < 64:
            register, bit, target = one.operands.replace("#", "").replace("w", "x").split(", ")
            if register != self.register or int(bit, 0) in bits:
                raise VerifyError(f"`{one}` decides nothing")
            self._walk(index + 1, {**bits, int(bit, 0): 0})
            self._walk(self.at.get(int(target, 0), -1), {**bits, int(bit, 0): 1})
            return
        leaf = self.insns[index : index + 4] if one is not None else ()
        if len(leaf) != 4:
            raise VerifyError("the search leaves its stub")
        x, text, entry = (
            self.register,
            leaf[0].operands.rpartition("#")[2],
            leaf[1].operands.rpartition("#")[2],
        )
        expect(leaf, [
            f"sub {x}, {x}, #{text}", f"cbz {x}, #{entry}", f"add {x}, {x}, #{text}", f"b #{self.missed:#x}",
        ])  # fmt: skip
        number = int(text, 0)
        if number in self.found or any(number >> bit & 1 != value for bit, value in bits.items()):
            raise VerifyError(f"the search does not come to {number:#x}")
        self.found[number] = leaf[1].address, int(entry, 0)


def part_kind(site: Site) -> GateKind:
    """The exit of the parts of an aarch64 stub that otherwise leaves by `site.kind`."""
    return _A64_PAIR[GateKind(site.kind)]
