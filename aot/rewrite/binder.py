"""The Binder of a real personality: answers planning's questions from its System."""

from __future__ import annotations

from aot.manifest import DataWord
from aot.personality.abi.call import Call, Level
from aot.personality.abi.gate import Gate
from aot.personality.abi.system import System
from aot.rewrite.call import CallInfo


class SystemBinder:
    """One system, column and architecture."""

    def __init__(self, system: System, column: str, arch: str) -> None:
        self.gate: Gate = system.gates[arch]
        self._system = system
        self._numbers = system.by_number(column)
        self._mask = system.number_mask or 0xFFFF_FFFF
        self._symbols = system.by_symbol()

    @property
    def serves_imports(self) -> bool:
        """Whether imported names are rows."""
        return not self._system.linkers

    def call(self, number: int) -> CallInfo | None:
        """The call with this number; None when no row has it."""
        row = self._numbers.get(number & self._mask)
        return self._info(row) if row is not None else None

    def import_call(self, library: str, name: str) -> CallInfo | None:
        """The call behind an imported name; None when no row serves it."""
        row = self._system.row_of_import(library, name, self._symbols)
        return CallInfo(row.name) if row is not None else None

    def import_object(self, name: str) -> bool:
        """Whether an imported name is an object although the format does not say so."""
        return name in self._system.objects

    def _info(self, row: Call) -> CallInfo:
        answer = self._system.inline.get(row.name)
        if answer is None or (row.status.level is not Level.FULL and row.by is None):
            return CallInfo(row.name, style=row.style)
        second = DataWord[answer.second] if answer.second else None
        return CallInfo(row.name, DataWord[answer.word], second, row.style, answer.when)
