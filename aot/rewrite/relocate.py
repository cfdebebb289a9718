"""Moving x86-64 instructions to another address with their meaning unchanged, or refusing to."""

from __future__ import annotations

import re
import struct

from aot.analyze.model import Insn

_RIP = re.compile(r"\[rip(?: ([+-]) (0x[0-9a-f]+|\d+))?\]")
_ENDBR = (b"\xf3\x0f\x1e\xfa", b"\xf3\x0f\x1e\xfb")
# Traps, calls (their return address would be in the stub) and branches that only exist in a short form.
_STAYS = re.compile(
    r"(bnd |notrack |repz? |repnz )*"
    r"(l?call|syscall|sysenter|sysret\w*|int\w*|iret\w*|hlt|ud[012]\w*|loop\w*|j[er]?cxz|xbegin|xabort|endbr\d+)\b"
)
_END = re.compile(r"(bnd |notrack |repz? |repnz )*(jmp|ret|retf?q?)\b")


def ends_flow(insn: Insn) -> bool:
    """True when nothing runs on behind `insn` (jmp, ret)."""
    return _END.match(insn.mnemonic) is not None


def target(insn: Insn) -> int | None:
    """Where a direct jump goes; None for everything else."""
    form = _branch(insn.raw)
    if form is None:
        return None
    width = 1 if len(insn.raw) == 2 else 4  # opcode and rel8
    return insn.address + insn.size + int.from_bytes(insn.raw[-width:], "little", signed=True)


def refers_to(insn: Insn) -> int | None:
    """The address that a movable instruction names relative to itself, if it does."""
    goal = target(insn)
    if goal is None and "rip" in insn.operands and (at := _displacement(insn)) is not None:
        (distance,) = struct.unpack_from("<i", insn.raw, at)
        goal = insn.address + insn.size + int(distance)
    return goal


def moved_size(insn: Insn) -> int | None:
    """Bytes that `insn` takes at another address; None when it cannot be moved."""
    if _STAYS.match(insn.mnemonic) or insn.raw in _ENDBR:
        return None
    form = _branch(insn.raw)
    if form is not None:
        return len(form) + 4
    if insn.mnemonic.startswith(("j", "bnd j")) and not ends_flow(insn):
        return None  # a conditional jump in a form we do not know
    if _is_direct(insn):
        return None
    if "rip" in insn.operands and _displacement(insn) is None:
        return None
    return insn.size


def moved(insn: Insn, address: int) -> bytes:
    """The bytes of `insn` at `address`.

    Preconditions: moved_size(insn) is not None, what it refers to is in rel32 range.
    """
    form = _branch(insn.raw)
    if form is not None:
        goal = target(insn)
        assert goal is not None
        return form + struct.pack("<i", goal - (address + len(form) + 4))
    if "rip" not in insn.operands:
        return insn.raw
    at = _displacement(insn)
    assert at is not None
    (old,) = struct.unpack_from("<i", insn.raw, at)
    code = bytearray(insn.raw)
    struct.pack_into("<i", code, at, old + insn.address - address)
    return bytes(code)


def moved_field(insn: Insn) -> int | None:
    """Offset of the rel32 in what `moved` answers, where it has one.

    Preconditions: moved_size(insn) is not None.
    """
    form = _branch(insn.raw)
    if form is not None:
        return len(form)
    return _displacement(insn) if "rip" in insn.operands else None


def _branch(raw: bytes) -> bytes | None:
    """The opcode of the rel32 form of a direct jump; None when `raw` is not one."""
    if (len(raw), raw[0]) in ((2, 0xEB), (5, 0xE9)):
        return b"\xe9"
    if len(raw) == 2 and raw[0] & 0xF0 == 0x70:
        return bytes((0x0F, raw[0] + 0x10))
    if len(raw) == 6 and raw[0] == 0x0F and raw[1] & 0xF0 == 0x80:
        return raw[:2]
    return None


def _is_direct(insn: Insn) -> bool:
    """A jump to a constant in a form `_branch` does not know (prefixed)."""
    return ends_flow(insn) and "jmp" in insn.mnemonic and insn.operands.startswith("0x")


def _displacement(insn: Insn) -> int | None:
    """Offset of the rip-relative disp32 in `insn`; None when its place is not certain."""
    match = _RIP.search(insn.operands)
    if match is None:
        return None
    value = int(match.group(2) or "0", 0) * (-1 if match.group(1) == "-" else 1)
    places = [
        at
        for at in (insn.size - 4 - tail for tail in (0, 1, 2, 4))
        if at > 1
        and struct.unpack_from("<i", insn.raw, at)[0] == value
        and insn.raw[at - 1] & 0xC7 == 0x05  # ModRM: mod 00, r/m 101
    ]
    return places[0] if len(places) == 1 else None
