"""Flag sets: two-way maps between an ABI's bits and neutral flags, which refuse what they do not know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntFlag
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.record import dataclass, field


class FlagError(Exception):
    """A flag map is ambiguous."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A multi-bit field of mutually exclusive values, e.g. O_ACCMODE."""

    mask: int
    values: tuple[tuple[str, int, int], ...]  # (ABI name, value under mask, neutral flags)


@dataclass(frozen=True, slots=True)
class FlagMap:
    """ABI bits <-> neutral flags.

    `bits` are (ABI name, ABI bits, neutral flags); `ignored` are (ABI name, bits, why) accepted and
    dropped. Unknown bits raise Errno(INVAL) unless `lenient` (what Linux's open does).
    """

    name: str
    bits: tuple[tuple[str, int, int], ...]
    choices: tuple[Choice, ...] = ()
    ignored: tuple[tuple[str, int, str], ...] = ()
    lenient: bool = False
    unknown: E = E.INVAL
    neutral: type[IntFlag] | None = None
    _known: int = field(init=False, repr=False, compare=False)
    _cache: dict[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = 0
        for name, bits in self._named():
            if bits & known:
                raise FlagError(f"{self.name}: {name} overlaps another entry")
            known |= bits
        object.__setattr__(self, "_known", known)
        object.__setattr__(self, "_cache", {})

    def _named(self) -> Iterable[tuple[str, int]]:
        yield from ((n, b) for n, b, _ in self.bits)
        yield from ((n, b) for n, b, _ in self.ignored)
        yield from ((c.values[0][0], c.mask) for c in self.choices)

    def decode(self, value: int) -> Any:
        """Neutral flags of ABI bits. Raises Errno for unknown bits or an undefined choice."""
        found = self._cache.get(value)
        if found is None:
            found = self._decode(value)
            if len(self._cache) < 256:
                self._cache[value] = found
        return found

    def _decode(self, value: int) -> int:
        if value & ~self._known and not self.lenient:
            raise Errno(self.unknown)
        out = 0
        for _, bits, neutral in self.bits:
            if value & bits == bits:
                out |= neutral
        for choice in self.choices:
            for _, under, neutral in choice.values:
                if value & choice.mask == under:
                    out |= neutral
                    break
            else:
                raise Errno(self.unknown)
        return self.neutral(out) if self.neutral else out

    def encode(self, neutral: int) -> int:
        """ABI bits of neutral flags; neutral flags this ABI cannot say are dropped."""
        out = 0
        for _, bits, flag in self.bits:
            if flag and neutral & flag == flag:
                out |= bits
        for choice in self.choices:
            fitting = [v for v in choice.values if neutral & v[2] == v[2]]
            out |= max(fitting, key=lambda v: v[2].bit_count())[1] if fitting else 0
        return out

    def show(self, value: int) -> str:
        """The ABI's own names joined by |, unknown bits in hex."""
        names, rest = [], value
        for choice in self.choices:
            for name, under, _ in choice.values:
                if value & choice.mask == under:
                    names.append(name)
                    break
            rest &= ~choice.mask
        for name, bits, _ in (*self.bits, *self.ignored):
            if bits and rest & bits == bits:
                names.append(name)
                rest &= ~bits
        if rest or not names:
            names.append(hex(rest))
        return "|".join(names)


@dataclass(frozen=True, slots=True)
class FlagSet:
    """One flag map per column, where a system's numbers differ between architectures."""

    by_column: Mapping[str, FlagMap]

    def of(self, column: str) -> FlagMap:
        return self.by_column[column]
