"""Stubs as text: the disassembler that verification looks through."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aot.analyze.decode import LONGEST, Decoder, Raw
from aot.errors import VerifyError
from aot.image.model import Arch
from aot.manifest import Manifest
from aot.record import dataclass
from aot.rewrite.memory import Memory

LARGEST = 1 << 16  # bytes of any stub
_RIP = re.compile(r"\[rip(?: ([+-]) (0x[0-9a-f]+|\d+))?\]")


@dataclass(frozen=True, slots=True)
class Text:
    """One instruction of a stub, with what it refers to made absolute."""

    address: int
    size: int
    mnemonic: str
    operands: str

    def __str__(self) -> str:
        return f"{self.mnemonic} {self.operands}".strip()


class Checker:
    """The disassembler, the manifest and both states of memory."""

    def __init__(self, manifest: Manifest, memory: Memory, original: Memory) -> None:
        self.manifest = manifest
        self.arch = Arch(manifest.arch)
        self.memory = memory
        self.original = original
        self.decoder = Decoder(self.arch)

    def text(self, address: int, size: int, memory: Memory | None = None) -> list[Text]:
        """All of [address, address + size) as instructions."""
        if not 0 <= size <= LARGEST:
            raise VerifyError(f"{size} bytes at {address:#x} are no stub")
        code = (memory or self.memory).read(address, size)
        found = [self._absolute(raw) for raw in self.decoder.sweep(code, address)]
        if sum(one.size for one in found) != size:
            raise VerifyError(f"the stub at {address:#x} does not disassemble")
        return found

    def one(self, address: int, memory: Memory | None = None) -> Text:
        """The instruction at `address`."""
        code = (memory or self.memory).upto(address, LONGEST)
        for raw in self.decoder.sweep(code, address)[:1]:
            return self._absolute(raw)
        raise VerifyError(f"no instruction at {address:#x}")

    @staticmethod
    def _absolute(raw: Raw) -> Text:
        address, size, mnemonic, operands = raw

        def place(match: re.Match[str]) -> str:
            distance = int(match.group(2) or "0", 0) * (-1 if match.group(1) == "-" else 1)
            return f"[{address + size + distance:#x}]"

        return Text(address, size, mnemonic, _RIP.sub(place, operands))


def expect(found: Sequence[Text], expected: Sequence[str]) -> None:
    """Raise VerifyError unless `found` reads exactly like `expected`."""
    for one, want in zip(found, expected, strict=False):
        if str(one) != want:
            raise VerifyError(f"`{one}` at {one.address:#x} should be `{want}`")
    if len(found) != len(expected):
        raise VerifyError(f"the stub has {len(found)} instructions, not {len(expected)}")


def number_text(value: int) -> str:
    """As Capstone prints it."""
    return str(value) if value < 10 else f"{value:#x}"
