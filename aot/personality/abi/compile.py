"""Turn a row into its handler: readable generated source, compiled once, shared by both dispatch modes.

A handler takes the running context, reads argument words from its registers, calls the op, stores
results and returns 1 when the call failed under a carry-style gate, else 0. Nothing about the row is
looked up when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from aot.personality.abi.call import Call, Level, parameter
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.flags import FlagSet
from aot.personality.abi.gate import ErrorStyle, Gate, Second
from aot.personality.abi.kinds import In, Kind, Must, Out, inner
from aot.personality.abi.op import Op
from aot.record import dataclass, replace

Handler = Callable[[Any], int]
M64 = 0xFFFF_FFFF_FFFF_FFFF
KEEP_CARRY = 2
"""What a handler returns that leaves every flag alone although its gate tells errors by carry."""


@dataclass(frozen=True, slots=True)
class Door:
    """A gate resolved against a register file: `index` maps register names to word positions."""

    gate: Gate
    index: Mapping[str, int]
    sp: str  # name of the stack pointer

    def word(self, position: int, named: int | None = None) -> str:
        """Source of the argument word at `position`; arguments from `named` on are variadic.

        Raises IndexError when the gate has none.
        """
        at = self.place(position, named)
        if isinstance(at, str):
            return f"regs[{self.index[at]}]"
        return f"mem.load_u64(regs[{self.index[self.sp]}] + {at})"

    def place(self, position: int, named: int | None = None) -> str | int:
        """Register of an argument, or its offset from the stack pointer."""
        gate, registers = self.gate, len(self.gate.args)
        if gate.variadic_stack and named is not None:
            registers = min(registers, named)
        if position < registers:
            return gate.args[position]
        if gate.stack is None:
            raise IndexError(f"argument {position} does not fit the gate")
        return gate.stack + 8 * (position - registers)

    @property
    def result(self) -> str:
        return f"regs[{self.index[self.gate.result]}]"


_DESCRIPTORS = ("fd", "in_fd", "out_fd")
_POINTERS_FIRST = (Op.SENDFILE, Op.EPOLL_CTL, Op.EPOLL_WAIT, Op.TIMERFD_SETTIME)
"""Ops whose structs kernels copy before they look at the descriptor."""
_READS, _WRITES = (Op.READ, Op.PREAD, Op.PREAD_WITH), (Op.WRITE, Op.PWRITE, Op.PWRITE_WITH)


def _descriptor_first(op: Op | None) -> Callable[..., Errno]:
    """What fails when a pointer is bad: the descriptor, if it is bad as well. Kernels look at it first."""
    early = (E.FAULT, E.INVAL) if op is Op.SEEK else (E.FAULT,)

    def judge(ctx: Any, error: Errno, *words: int) -> Errno:
        if error.code not in early:
            return error
        for word in words:
            file = ctx.process.files.open.get(((word & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000)
            if file is None or (op in _READS and not file.can_read) or (op in _WRITES and not file.can_write):
                return Errno(E.BADF)
        return error

    return judge


class _Builder:
    """Collects the source lines and the names they use."""

    def __init__(self, row: Call, column: str, door: Door) -> None:
        self.row, self.door = row, door
        self.kinds: dict[str, Kind] = {n: k.for_column(column) for n, k in row.args.items()}
        self.words = {name: f"w_{name}" for name in row.args}
        self.scope: dict[str, Any] = {"Errno": Errno}

    def used(self) -> list[str]:
        """Arguments whose word the handler needs."""
        names: list[str] = []
        for name, kind in self.kinds.items():
            if (isinstance(kind, In) and parameter(name, kind)) or isinstance(kind, Out | Must):
                names += [name, *([kind.sibling] if kind.sibling else [])]
        return [n for n in self.row.args if n in names]

    def loads(self) -> list[str]:
        order = list(self.row.args)
        return [f"{self.words[n]} = {self.door.word(order.index(n), self.row.named)}" for n in self.used()]

    def _sibling(self, kind: Kind) -> str:
        """Source of a sibling's word cut to the sibling's own width."""
        if not kind.sibling:
            return ""
        word, bits = self.words[kind.sibling], getattr(inner(self.kinds[kind.sibling]), "bits", 64)
        return f"{word}, " if bits == 64 else f"{word} & {(1 << bits) - 1:#x}, "

    def arguments(self) -> str:
        parts = ["ctx"]
        for name, kind in self.kinds.items():
            target = parameter(name, kind)
            if target is None:
                continue
            assert isinstance(kind, In)
            source = kind.expression(self.words[name])
            if source is None:
                self.scope[f"load_{name}"] = kind.load
                source = f"load_{name}({self.words[name]}, {self._sibling(kind)}mem)"
            parts.append(f"{target}={source}")
        for name, value in self.row.fixed.items():
            self.scope[f"fixed_{name}"] = value
            parts.append(f"{name}=fixed_{name}")
        return ", ".join(parts)

    def judgement(self) -> list[str]:
        """Source that puts a bad descriptor before a bad pointer, as Unix kernels do and NT does not."""
        if self.door.gate.style not in (ErrorStyle.NEGATIVE, ErrorStyle.CARRY):
            return []
        words = [
            self.words[name]
            for name in self.used()
            if parameter(name, self.kinds[name]) in _DESCRIPTORS and self.row.op not in _POINTERS_FIRST
        ]
        if not words:
            return []
        self.scope["judge"] = _descriptor_first(self.row.op)
        return [f"e = judge(ctx, e, {', '.join(words)})"]

    def checks(self) -> list[str]:
        lines = []
        for name, kind in self.kinds.items():
            if isinstance(kind, Must):
                mask = (1 << kind.bits) - 1
                self.scope[f"must_{name}"] = frozenset(v & mask for v in kind.values)
                self.scope[f"unless_{name}"] = kind.error
                word = f"{self.words[name]} & {mask:#x}"
                lines.append(f"if {word} not in must_{name}: raise Errno(unless_{name})")
        return lines

    def result(self, column: str) -> str:
        """Source of the result word."""
        ret = self.row.ret
        if ret.flags is None:
            return ret.expression
        flags = ret.flags.of(column) if isinstance(ret.flags, FlagSet) else ret.flags
        self.scope["ret_flags"] = flags.encode
        return f"ret_flags({ret.expression})"

    def probes(self) -> list[str]:
        lines = []
        for name, kind in self.kinds.items():
            if isinstance(kind, Out) and kind.probe:
                size, optional = kind.probe
                guard = f"if {self.words[name]}: " if optional else ""
                lines.append(f"{guard}mem.probe({self.words[name]}, {size}, True)")
        return lines

    def stores(self) -> list[str]:
        lines = []
        for name, kind in self.kinds.items():
            if isinstance(kind, Out):
                self.scope[f"store_{name}"] = kind.store
                value = f"r.{kind.attr}" if kind.attr else "r"
                lines.append(f"s = store_{name}({self.words[name]}, {self._sibling(kind)}{value}, mem)")
        return lines


def _zeroes(door: Door) -> list[str]:
    return [f"regs[{door.index[name]}] = 0" for name in door.gate.zeroed]


def _second(row: Call, door: Door, *, failed: bool) -> list[str]:
    gate = door.gate
    if not gate.second or row.style is ErrorStyle.PLAIN:
        return []
    target = f"regs[{door.index[gate.second]}]"
    if row.ret.second and not failed:
        return [f"{target} = {row.ret.second} & {M64:#x}"]
    if gate.second_policy is Second.CLEARED or (gate.second_policy is Second.ZERO and not failed):
        return [f"{target} = 0"]
    return []


def _failure(row: Call, door: Door, scope: dict[str, Any]) -> list[str]:
    gate = door.gate
    style = row.style or gate.style
    if row.fail is not None and style is ErrorStyle.PLAIN:
        scope["fail"] = row.fail.encode
        value = "fail(ctx, errors[e.code])"
    elif style is ErrorStyle.NEGATIVE:
        value = "-errors[e.code]"
    else:
        value = "errors[e.code]"
    carry = 1 if style is ErrorStyle.CARRY else _untouched(row, door)
    body = [f"{door.result} = {value} & {M64:#x}", *_second(row, door, failed=True)]
    return [*body, *_zeroes(door), f"return {carry}"]


def _untouched(row: Call, door: Door) -> int:
    """What a handler returns whose style is not its gate's: the flags stay."""
    kept = door.gate.style is ErrorStyle.CARRY and row.style not in (None, ErrorStyle.CARRY)
    return KEEP_CARRY if kept else 0


def source_of(row: Call, column: str, door: Door) -> tuple[str, dict[str, Any]]:
    """Source of the row's handler and the names it closes over (op, errors and ops are added later)."""
    b = _Builder(row, column, door)
    target = "via(ctx, ops, " if row.via else "op(ctx, "
    arguments = b.arguments().removeprefix("ctx").removeprefix(", ")
    body = [*b.loads(), *b.checks(), *b.probes(), f"r = {target}{arguments})".replace(", )", ")")]
    if row.after:
        b.scope["after"] = row.after
        body.append("after(r)")
    body += b.stores()
    done = [] if row.ret.void else [f"{door.result} = {b.result(column)} & {M64:#x}"]
    done += [*_second(row, door, failed=False), *_zeroes(door), f"return {_untouched(row, door)}"]
    lines = ["def handler(ctx):", "    regs = ctx.regs", "    mem = ctx.mem"]
    lines += [f"    ctx.calls.append({row.name!r})", "    try:"]
    lines += [f"        {line}" for line in body]
    lines += ["    except Errno as e:"]
    lines += [f"        {line}" for line in (*b.judgement(), *_failure(row, door, b.scope))]
    lines += [f"    {line}" for line in done]
    return "\n".join(lines) + "\n", b.scope


def _selector(row: Call, column: str, door: Door, ops: Mapping[Op, Any], errors: Mapping[E, int]) -> Handler:
    assert row.by is not None
    argument, rows = row.by
    position = list(row.args).index(argument) if argument in row.args else _position(rows, argument)
    rows = {v: replace(s, named=row.named, fail=s.fail or row.fail) for v, s in rows.items()}
    table = {v: compile_call(sub, column, door, ops, errors) for v, sub in rows.items()}
    scope: dict[str, Any] = {"table": table, "Errno": Errno, "errors": errors, "code": row.otherwise}
    fail = [line.replace("e.code", "code") for line in _failure(row, door, scope)]
    if argument != "fd" and _has_descriptor(rows):
        scope |= {
            "judge": _descriptor_first(None),
            "fault": Errno(E.FAULT),
            "bad": E.BADF,
            "usual": row.otherwise,
        }
        word = door.word(_position(rows, "fd"))
        fail = [f"code = bad if judge(ctx, fault, {word}) is not fault else usual", *fail]
    source = "\n".join(
        [
            "def handler(ctx):",
            "    regs = ctx.regs",
            "    mem = ctx.mem",
            f"    sub = table.get({door.word(position)} & 0xffffffff)",
            "    if sub is None:",
            *(f"        {line}" for line in fail),
            "    return sub(ctx)",
        ]
    )
    return _finish(row, source, scope)


def _position(rows: Mapping[int, Call], argument: str) -> int:
    first = next(iter(rows.values()))
    return list(first.args).index(argument)


def _has_descriptor(rows: Mapping[int, Call]) -> bool:
    """Whether what is selected is always about a descriptor."""
    return "fd" in next(iter(rows.values())).args


class _Lines:
    """Lets a traceback show the lines of a handler, and linecache be imported no earlier than that."""

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, name: str) -> str:
        """What linecache asks the loader of a module without a file."""
        return self._source


@lru_cache(maxsize=1024)
def _compiled(source: str, name: str) -> CodeType:
    """Code of a handler; programs that a run executes one after the other have the same ones."""
    return compile(source, name, "exec")


def _finish(row: Call, source: str, scope: dict[str, Any]) -> Handler:
    scope |= {"__name__": f"row {row.name}", "__loader__": _Lines(source)}
    exec(_compiled(source, f"row {row.name}"), scope)
    handler: Handler = scope["handler"]
    handler.__name__ = handler.__qualname__ = row.name
    return handler


def _refuse(code: E) -> Callable[..., Any]:
    def refuse(ctx: Any, **_: Any) -> Any:
        raise Errno(code)

    return refuse


def compile_call(
    row: Call, column: str, door: Door, ops: Mapping[Op, Any], errors: Mapping[E, int]
) -> Handler:
    """The handler of `row` for one column and door."""
    if row.by is not None:
        return _selector(row, column, door, ops, errors)
    if row.status.level in (Level.STUB, Level.ABSENT):
        source, scope = source_of(_bare(row), column, door)
        scope["op"] = _refuse(row.status.error or E.NOSYS)
    else:
        source, scope = source_of(row, column, door)
        scope["op"] = ops.get(row.op, _refuse(E.NOSYS)) if row.op is not None else None
    scope |= {"via": row.via, "ops": ops, "errors": errors}
    return _finish(row, source, scope)


def _bare(row: Call) -> Call:
    return Call(
        row.name, row.numbers, row.symbols, None, row.status, {}, row.ret, {}, fail=row.fail, style=row.style
    )
