"""Disassembles every stub back and compares it with what its class and tactic say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from aot.analyze.decode import LONGEST, Decoder, Raw
from aot.errors import VerifyError
from aot.image.model import Arch
from aot.manifest import DATA, PAGE, DataWord, GateKind, ImportSite, Manifest, Site, StubClass
from aot.record import dataclass
from aot.rewrite.memory import Memory

_RIP = re.compile(r"\[rip(?: ([+-]) (0x[0-9a-f]+|\d+))?\]")
_A64_CONSTANT = ("mov", "movz", "movn", "movk")


@dataclass(frozen=True, slots=True)
class _Text:
    """One instruction of a stub, with what it refers to made absolute."""

    address: int
    size: int
    mnemonic: str
    operands: str

    def __str__(self) -> str:
        return f"{self.mnemonic} {self.operands}".strip()


class _Checker:
    """The disassembler, the manifest and both states of memory."""

    def __init__(self, manifest: Manifest, memory: Memory, original: Memory) -> None:
        self.manifest = manifest
        self.arch = Arch(manifest.arch)
        self.memory = memory
        self.original = original
        self.decoder = Decoder(self.arch)

    def text(self, address: int, size: int, memory: Memory | None = None) -> list[_Text]:
        """All of [address, address + size) as instructions."""
        code = (memory or self.memory).read(address, size)
        found = [self._absolute(raw) for raw in self.decoder.sweep(code, address)]
        if sum(one.size for one in found) != size:
            raise VerifyError(f"the stub at {address:#x} does not disassemble")
        return found

    def one(self, address: int, memory: Memory | None = None) -> _Text:
        """The instruction at `address`."""
        code = (memory or self.memory).upto(address, LONGEST)
        for raw in self.decoder.sweep(code, address)[:1]:
            return self._absolute(raw)
        raise VerifyError(f"no instruction at {address:#x}")

    @staticmethod
    def _absolute(raw: Raw) -> _Text:
        address, size, mnemonic, operands = raw

        def place(match: re.Match[str]) -> str:
            distance = int(match.group(2) or "0", 0) * (-1 if match.group(1) == "-" else 1)
            return f"[{address + size + distance:#x}]"

        return _Text(address, size, mnemonic, _RIP.sub(place, operands))


def check_sites(manifest: Manifest, memory: Memory, original: Memory) -> None:
    """Every site is as the manifest says. Raises VerifyError for the first that is not."""
    checker = _Checker(manifest, memory, original)
    inline = 0
    for index, site in enumerate(manifest.sites):
        try:
            _check_site(checker, index, site, inline)
        except VerifyError as error:
            raise VerifyError(f"site {index} at {site.addr:#x}: {error}") from None
        inline += site.cls == StubClass.INLINE.value


def _check_site(checker: _Checker, index: int, site: Site, ordinal: int) -> None:
    trap = checker.one(site.addr, checker.original)
    if trap.mnemonic not in ("syscall", "svc", "int", "sysenter"):
        raise VerifyError(f"the source has no trap here but `{trap}`")
    if site.cls == StubClass.DYNAMIC.value:
        return
    if checker.memory.read(site.window, len(site.new) // 2).hex() != site.new:
        raise VerifyError("the window does not hold the new bytes")
    if checker.arch is Arch.AARCH64:
        _check_aarch64(checker, index, site, ordinal)
    else:
        _check_x86_64(checker, index, site, ordinal)


def _expect(found: Sequence[_Text], expected: Sequence[str]) -> None:
    for one, want in zip(found, expected, strict=False):
        if str(one) != want:
            raise VerifyError(f"`{one}` at {one.address:#x} should be `{want}`")
    if len(found) != len(expected):
        raise VerifyError(f"the stub has {len(found)} instructions, not {len(expected)}")


def _enter(checker: _Checker, index: int, site: Site) -> list[str]:
    slot = checker.manifest.area + 8 * site.kind
    return [
        f"lea rcx, [{site.cont or site.resume:#x}]",
        f"mov r11d, {_number(index)}",
        f"jmp qword ptr [{slot:#x}]",
    ]


def _number(value: int) -> str:
    """As Capstone prints it."""
    return str(value) if value < 10 else f"{value:#x}"


def _check_x86_64(checker: _Checker, index: int, site: Site, ordinal: int) -> None:
    goal = site.landing or site.stub
    _expect([checker.one(site.window)], [f"jmp {goal:#x}"])
    if site.landing:
        _expect([checker.one(site.landing)], [f"jmp {site.stub:#x}"])
    enter = next((machine for machine, _ in site.moved if machine > site.gate), None)
    body_end = enter or site.stub + site.stub_size
    before = [(m, g) for m, g in site.moved if m < site.gate]
    after = [(m, g) for m, g in site.moved if m > site.gate]
    body = before[-1][0] + checker.one(before[-1][0]).size if before else site.stub
    if bool(after) != bool(site.cont) or (after and after[0][0] != site.cont):
        raise VerifyError("the gate does not come back to the moved neighbours")
    if site.again != (site.window if site.folded else body):
        raise VerifyError("the call cannot be made again from where the manifest says")
    _check_moved(checker, before)
    _check_moved(checker, after)
    found = checker.text(body, body_end - body)
    if site.cls == StubClass.INLINE.value:
        _check_inline_x86_64(checker, site, found, _enter(checker, index, site), ordinal)
    else:
        _expect(found, _enter(checker, index, site))
    if after:
        _check_way_back(checker, site, after)


def _check_moved(checker: _Checker, pairs: Sequence[tuple[int, int]]) -> None:
    """Each moved instruction means what it meant at its own address."""
    for machine, guest in pairs:
        new, old = checker.one(machine), checker.one(guest, checker.original)
        if (new.mnemonic, new.operands) != (old.mnemonic, old.operands):
            raise VerifyError(f"`{old}` of {guest:#x} became `{new}` at {machine:#x}")
    for (one, guest), (two, following) in pairwise(pairs):
        if one + checker.one(one).size != two:
            raise VerifyError(f"something else is between the moved {guest:#x} and {following:#x}")
        if guest + checker.one(guest, checker.original).size != following:
            raise VerifyError(f"{guest:#x} and {following:#x} were no neighbours")


def _check_way_back(checker: _Checker, site: Site, after: Sequence[tuple[int, int]]) -> None:
    machine, guest = after[-1]
    last = checker.one(machine)
    behind = machine + last.size
    rest = checker.text(behind, site.stub + site.stub_size - behind)
    if last.mnemonic in ("ret", "jmp", "bnd ret", "repz ret"):
        _expect(rest, [])
    else:
        old = checker.one(guest, checker.original)
        _expect(rest, [f"jmp {guest + old.size:#x}"])


def _check_inline_x86_64(
    checker: _Checker, site: Site, found: Sequence[_Text], enter: Sequence[str], ordinal: int
) -> None:
    area = checker.manifest.area
    counter = f"[{area + PAGE + 8 * ordinal:#x}]"
    fast = found[2 + len(enter)] if len(found) > 2 + len(enter) else found[-1]
    _expect(
        found[: 2 + len(enter)],
        [f"mov rcx, qword ptr [{area + DATA:#x}]", f"jrcxz {fast.address:#x}", *enter],
    )
    middle = [str(one) for one in found[2 + len(enter) :]]
    count = [f"mov r11, qword ptr {counter}", "lea r11, [r11 + 1]", f"mov qword ptr {counter}, r11"]
    back = [
        f"lea rcx, [{site.cont or site.resume:#x}]",
        f"jmp {site.cont or site.resume:#x}",
    ]
    if middle[:3] != count or middle[-2:] != back:
        raise VerifyError("the inline path does not count, or does not come back")
    words = {f"[{area + DATA + 8 * word:#x}]" for word in DataWord}
    for line in middle[3:-2]:
        load = re.fullmatch(r"mov \w+, qword ptr (\[0x[0-9a-f]+\])", line)
        zero = re.fullmatch(r"mov \w+, 0", line)
        if line != "clc" and zero is None and (load is None or load.group(1) not in words):
            raise VerifyError(f"`{line}` has no place on the inline path")


def _check_aarch64(checker: _Checker, index: int, site: Site, ordinal: int) -> None:
    if not site.stub:
        if site.window != site.addr or site.gate != site.addr:
            raise VerifyError("an exit in place is somewhere else")
        return
    _expect([checker.one(site.window)], [f"b #{site.stub:#x}"])
    found: Sequence[_Text] = checker.text(site.stub, site.stub_size)
    at = next((i for i, one in enumerate(found) if one.address == site.gate), -1)
    if at < 1:
        raise VerifyError("the exit is not in the stub")
    back = f"b #{site.resume:#x}"
    entry, rest = found[:at], found[at + 1 :]
    x = entry[-1].operands.partition(",")[0].replace("w", "x")
    if site.cls == StubClass.INLINE.value:
        entry = _check_inline_aarch64(checker, site, (x, entry), back, ordinal)
    if site.kind == GateKind.BOUND_CARRY:
        _expect(rest[: len(_CARRY)], _carry(x, rest))
        rest = rest[len(_CARRY) :]
    if str(rest[-1]) != back:
        raise VerifyError(f"the stub ends in `{rest[-1]}`, not in `{back}`")
    if f"x{_constant(entry, index)}" != x or f"x{_constant(rest[:-1], site.number or 0)}" != x:
        raise VerifyError("the number register is not put back")


_CLEAR = ("mrs {x}, nzcv", "and {x}, {x}, #0xffffffffdfffffff", "msr nzcv, {x}")
_CARRY = (
    "cbz {x}, #{clear:#x}", "mrs {x}, nzcv", "orr {x}, {x}, #0x20000000", "msr nzcv, {x}",
    "b #{restore:#x}", *_CLEAR,
)  # fmt: skip


def _carry(x: str, rest: Sequence[_Text]) -> list[str]:
    """What stands behind a carry-style exit."""
    start = rest[0].address
    clear, restore = start + 4 * 5, start + 4 * len(_CARRY)
    return [line.format(x=x, clear=clear, restore=restore) for line in _CARRY]


def _check_inline_aarch64(
    checker: _Checker, site: Site, stub: tuple[str, Sequence[_Text]], back: str, ordinal: int
) -> Sequence[_Text]:
    """Checks the fast path; answers the instructions of the bound path's entry."""
    x, found = stub
    end = next((i for i, one in enumerate(found) if str(one) == back), -1)
    if end < 0 or end + 1 >= len(found):
        raise VerifyError("the inline path does not come back")
    area = checker.manifest.area
    page, counters = f"adrp {x}, #{area:#x}", area + PAGE + 8 * ordinal
    count = f"[{x}{_offset(counters)}]"
    _expect(found[:7], [
        page, f"ldr {x}, [{x}{_offset(area + DATA)}]", f"cbnz {x}, #{found[end + 1].address:#x}",
        f"adrp {x}, #{counters & ~(PAGE - 1):#x}", f"ldr x0, {count}", "add x0, x0, #1", f"str x0, {count}",
    ])  # fmt: skip
    _expect(found[7:8], [page])
    words = {f"[{x}{_offset(area + DATA + 8 * word)}]" for word in DataWord}
    middle = list(found[8:end])
    if not middle or not str(middle[0]).startswith("ldr x0, "):
        raise VerifyError("the inline path has no result")
    while middle and (middle[0].mnemonic == "ldr" or str(middle[0]).endswith(", #0")):
        target, _, place = middle[0].operands.partition(", ")
        if target in (x, "sp") or (middle[0].mnemonic == "ldr" and place not in words):
            raise VerifyError(f"`{middle[0]}` has no place on the inline path")
        middle.pop(0)
    if site.kind == GateKind.BOUND_CARRY:
        _expect(middle[:3], [line.format(x=x) for line in _CLEAR])
        middle = middle[3:]
    if f"x{_constant(middle, site.number or 0)}" != x:
        raise VerifyError("the inline path does not put the number back")
    return found[end + 1 :]


def _offset(address: int) -> str:
    """The offset in its page, as Capstone prints it in an operand."""
    offset = address % PAGE
    return f", #{_number(offset)}" if offset else ""


def _constant(found: Sequence[_Text], value: int) -> str:
    """The register that `found`, nothing but moves of constants, loads with `value`."""
    loaded, name = 0, ""
    for one in found:
        register, *rest = one.operands.replace("#", "").split(", ")
        first = not name
        if one.mnemonic not in _A64_CONSTANT or (not first and register[1:] != name):
            raise VerifyError(f"`{one}` is not a move of a constant")
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
    if not name or loaded != value & ((1 << 64) - 1):
        raise VerifyError(f"{loaded:#x} is loaded where {value:#x} should be")
    return name


def check_imports(manifest: Manifest, memory: Memory) -> None:
    """Every import slot leads to a stub with the index of its name."""
    checker = _Checker(manifest, memory, memory)
    first: dict[tuple[str, str], int] = {}
    for index, item in enumerate(manifest.imports):
        held = int.from_bytes(memory.read(item.slot, 8), "little")
        at = first.setdefault((item.library, item.name), index)
        if item.data:
            if held:
                raise VerifyError(f"the slot of the object {item.name} is {held:#x}, not 0")
            continue
        if held != item.stub or not item.stub:
            raise VerifyError(f"the slot of {item.name} at {item.slot:#x} is {held:#x}, not its stub")
        _check_import(checker, item, at)


def _check_import(checker: _Checker, item: ImportSite, index: int) -> None:
    found = checker.text(item.stub, item.stub_size)
    if checker.arch is Arch.X86_64:
        slot = checker.manifest.area + 8 * GateKind.IMPORT
        _expect(found, [f"mov r11d, {_number(index)}", f"jmp qword ptr [{slot:#x}]"])
        return
    if _constant(found[:-2], index) != "16":
        raise VerifyError(f"the stub of {item.name} does not load x16")
    _expect(found[-2:], [f"udf #{_number(GateKind.IMPORT)}", "ret"])
