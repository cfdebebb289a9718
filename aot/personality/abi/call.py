"""One row per guest-visible call per personality; everything else is derived from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from aot.personality.abi.errors import E
from aot.personality.abi.flags import FlagMap, FlagSet
from aot.personality.abi.gate import ErrorStyle
from aot.personality.abi.kinds import Args, In, Kind, Length, Must, Out, To, Unused
from aot.personality.abi.op import Op
from aot.record import dataclass, field


class Level(Enum):
    """How much of a call is honoured."""

    FULL = "full"
    PARTIAL = "partial"
    STUB = "stub"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Status:
    """Level and what is missing; a STUB answers `error`."""

    level: Level
    note: str = ""
    error: E | None = None


FULL = Status(Level.FULL)


def partial(note: str) -> Status:
    """Honoured except for what `note` names."""
    return Status(Level.PARTIAL, note)


@dataclass(frozen=True, slots=True)
class Ret:
    """How the op's result `r` (or the last store's count `s`) becomes the result word.

    `second` is the expression of the second result register, if the call has one; `flags` turns
    neutral flags into the ABI's bits.
    """

    expression: str
    second: str = ""
    void: bool = False  # the result register keeps the guest's value
    flags: FlagMap | FlagSet | None = None


VALUE = Ret("r")
ZERO = Ret("0")
ONE = Ret("1")
STORED = Ret("s")
PAIR = Ret("r[0]", second="r[1]")
NOTHING = Ret("0", void=True)


@dataclass(frozen=True, slots=True)
class Fail:
    """How a library call reports a failure: encode(context, number) -> result word.

    `number` is the personality's own error number; encode may set errno or the last error.
    """

    name: str
    encode: Callable[[Any, int], int]


@dataclass(frozen=True, slots=True)
class Call:
    """A guest-visible call. `numbers` has one entry per column, None where the column lacks it."""

    name: str
    numbers: Mapping[str, int]
    symbols: tuple[str, ...]  # "library!name"; a bare name matches any library of the personality
    op: Op | None
    status: Status
    args: Args
    ret: Ret
    fixed: Mapping[str, Any]
    after: Callable[[Any], None] | None = None  # pure check on the result; may raise Errno
    via: Callable[..., Any] | None = None  # irregular: replaces the op; via(context, ops, **arguments)
    by: tuple[str, Mapping[int, Call]] | None = None  # selector argument and its sub-rows
    fail: Fail | None = None  # library door, or a row with a style of its own
    otherwise: E = E.INVAL  # error of a selector value without a sub-row
    evidence: tuple[str, ...] = field(default=())  # conformance programs that exercise it
    named: int | None = None  # library door: how many arguments are not variadic
    style: ErrorStyle | None = None  # where it differs from the gate's (Mach traps touch no flag)

    def number(self, column: str) -> int | None:
        return self.numbers.get(column)


class RowError(Exception):
    """A row contradicts itself."""


def sig(**args: Kind) -> Args:
    """Arguments in the guest's order, under the guest's names."""
    return args


def _present(numbers: Mapping[str, int | None] | None) -> dict[str, int]:
    return {c: n for c, n in numbers.items() if n is not None} if numbers else {}


def call(
    name: str,
    numbers: Mapping[str, int | None] | None,
    op: Op | None,
    status: Status,
    args: Args | None = None,
    ret: Ret = VALUE,
    *,
    symbols: tuple[str, ...] = (),
    after: Callable[[Any], None] | None = None,
    via: Callable[..., Any] | None = None,
    by: tuple[str, Mapping[int, Call]] | None = None,
    fail: Fail | None = None,
    otherwise: E = E.INVAL,
    evidence: tuple[str, ...] = (),
    named: int | None = None,
    style: ErrorStyle | None = None,
    **fixed: Any,
) -> Call:
    """Declare one row. `fixed` are op parameters the guest does not pass."""
    row = Call(
        name, _present(numbers), symbols, op, status, args or {}, ret, fixed, after, via, by, fail, otherwise,
        evidence, named, style,
    )  # fmt: skip
    check(row)
    return row


def check(row: Call) -> None:
    """Raise RowError for a sibling that does not exist or a row without an implementation."""
    for name, kind in row.args.items():
        if kind.sibling and kind.sibling not in row.args:
            raise RowError(f"{row.name}.{name}: no argument {kind.sibling!r}")
    implemented = row.op is not None or row.via is not None or row.by is not None
    if implemented != (row.status.level in (Level.FULL, Level.PARTIAL)):
        raise RowError(f"{row.name}: status {row.status.level.value} against its implementation")


def stub(
    name: str, numbers: Mapping[str, int | None] | None, error: E, note: str, *, symbols: tuple[str, ...] = ()
) -> Call:
    """A row that always answers `error`, and says why."""
    return call(name, numbers, None, Status(Level.STUB, note, error), symbols=symbols)


def absent(name: str, numbers: Mapping[str, int | None] | None, note: str = "") -> Call:
    """A row the system has and we do not: answers the personality's no-such-call error."""
    return Call(name, _present(numbers), (), None, Status(Level.ABSENT, note, E.NOSYS), {}, VALUE, {})


def parameter(name: str, kind: Kind) -> str | None:
    """The op parameter an argument feeds, or None for lengths, results and unused words."""
    if isinstance(kind, To):
        return kind.param
    if isinstance(kind, In) and not isinstance(kind, Length):
        return name
    assert isinstance(kind, Out | Length | Must | Unused)
    return None


def parameters(row: Call) -> frozenset[str]:
    """Every op parameter the row supplies."""
    fed = (parameter(n, k) for n, k in row.args.items())
    return frozenset(p for p in fed if p) | frozenset(row.fixed)
