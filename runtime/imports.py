"""Imported functions resolved while the program runs (GetProcAddress, dlsym): a stub per name, made on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.image.model import Arch, Prot
from aot.manifest import PAGE, GateKind

if TYPE_CHECKING:
    from runtime.machine import Machine

STUB = 16  # bytes per run-time import stub


class ImportTable:
    """Addresses of imported functions by name; the image's own stubs first, then stubs made here."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._known: dict[str, int] = {}
        bias = machine.loaded.bias
        for site in machine.manifest.imports:
            if not site.data and site.call:
                self._known[self._key(site.library, site.name)] = site.stub + bias
        self._page = 0
        self._used = PAGE

    def _key(self, library: str, name: str) -> str:
        return f"{self._machine.system.library(library)}!{name}"

    def address_of(self, library: str, name: str) -> int:
        """Guest address of a function, 0 when no row serves the name."""
        key = self._key(library, name)
        address = self._known.get(key)
        if address is None:
            row = self._machine.dispatcher.row_of_import(library, name)
            address = self._known[key] = self._make(library, name) if row else 0
        return address

    def _make(self, library: str, name: str) -> int:
        machine = self._machine
        space = machine.space
        if self._used + STUB > PAGE:
            self._page = space.map(None, PAGE, Prot.R | Prot.X, name="[imports]")
            self._used = 0
            machine.cpu.add_area(self._page, self._page + PAGE)
            space.seal(self._page, PAGE)
        at = self._page + self._used
        self._used += STUB
        handlers = machine.cpu.doors.imports
        index = len(handlers)
        handlers.append(machine.dispatcher.by_import(library, name))
        space.poke(at, self._code(index, at))
        return at

    def _code(self, index: int, at: int) -> bytes:
        """`mov r11d, index; jmp [rip+slot]` or `movz w16, index; exit; ret`."""
        machine = self._machine
        if machine.arch is Arch.X86_64:
            slot = machine.loaded.area + 8 * GateKind.IMPORT
            target = int.from_bytes(machine.space.peek(slot, 8), "little")
            mov = b"\x41\xbb" + index.to_bytes(4, "little")
            # the gate may be out of rel32 range: jump through rax, which a callee may destroy
            return mov + b"\xe9" + (target - at - len(mov) - 5 & 0xFFFF_FFFF).to_bytes(4, "little")
        words = (0x52800010 | (index & 0xFFFF) << 5, machine.cpu.exit_words()[GateKind.IMPORT], 0xD65F03C0)
        return b"".join(word.to_bytes(4, "little") for word in words)
