"""What a site asks for and how: the facts a stub is made from."""

from __future__ import annotations

from typing import Protocol

from aot.manifest import DataWord, StubClass
from aot.personality.abi.gate import ErrorStyle, Gate
from aot.personality.abi.inline import Test
from aot.record import dataclass


@dataclass(frozen=True, slots=True)
class CallInfo:
    """What the tables say about one call: its row's name, and the words that answer it in guest code."""

    name: str
    inline: DataWord | None = None
    second: DataWord | None = None  # of an inline call with two results
    style: ErrorStyle | None = None  # where it differs from the gate's (Mach traps touch no flag)
    when: tuple[Test, ...] = ()  # what must hold for guest code to answer


class Binder(Protocol):
    """The tables of one personality and column, as planning sees them."""

    @property
    def gate(self) -> Gate: ...

    @property
    def serves_imports(self) -> bool:
        """Whether imported names are rows; if not, the program's own dynamic linker fills its slots."""

    def call(self, number: int) -> CallInfo | None:
        """The call with this number; None when no row has it."""

    def import_call(self, library: str, name: str) -> CallInfo | None:
        """The call behind an imported name; None when no row serves it."""

    def import_object(self, name: str) -> bool:
        """Whether an imported name is an object although the format does not say so."""


@dataclass(frozen=True, slots=True)
class Call:
    """One site's binding: its class, what is known of the call, and the door's conventions."""

    cls: StubClass
    gate: Gate
    number: int | None = None
    info: CallInfo | None = None
    cases: tuple[Call, ...] = ()  # bound calls that a table-bound stub looks for before it asks by number

    @property
    def in_place(self) -> bool:
        """Whether the exit stands where the trap stood although the call is known: no register is free."""
        return self.gate.number == "imm"

    @property
    def style(self) -> ErrorStyle:
        """Where a failure of this call is told."""
        return self.info.style if self.info and self.info.style else self.gate.style

    @property
    def when(self) -> tuple[Test, ...]:
        """What an inline stub tests."""
        return self.info.when if self.info and self.cls is StubClass.INLINE else ()

    @property
    def second(self) -> DataWord | None:
        """The data word of an inline call's second result."""
        return self.info.second if self.info else None
