"""Who sets the call number of a site: a constant, constants on several paths, or a caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Flow
from aot.analyze.model import CallPath, Dynamic, Insn, Known, Number, OneOf
from aot.analyze.stack import depth_at
from aot.analyze.steps import step
from aot.analyze.values import POINTER_STORE, Const, From, Lost, Place, apply, number
from aot.image.model import Arch
from aot.record import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from aot.analyze.blocks import Code
    from aot.personality.abi.gate import Gate

_BUDGET: Final = 3000  # instructions looked at for one number
_LEVELS: Final = 5  # wrappers of wrappers
_KEPT_X86: Final = frozenset(("rbx", "rbp", "rsp", "r12", "r13", "r14", "r15"))
_KEPT_A64: Final = frozenset(f"x{n}" for n in range(19, 30))
_COPIES: Final = ("", "sext32", "and")  # ops that keep what a parameter is


@dataclass(frozen=True, slots=True)
class Param:
    """The value a place has when the function at `entry` is called."""

    place: Place
    entry: int


@dataclass(frozen=True, slots=True)
class _Cycle:
    """The value comes round a loop."""


Value = int | Param | Lost | _Cycle


class Tracer:
    """One backward question: what can `place` hold before an instruction."""

    def __init__(self, code: Code, gate: Gate, *, strict: bool) -> None:
        self.code = code
        self.strict = strict  # believe no constant that memory kept over a call or a pointer store
        self.trap_writes = {gate.result, gate.second, *gate.zeroed, *gate.lost}
        self.budget = _BUDGET
        self.path: set[tuple[int, Place]] = set()

    def values(self, address: int, place: Place) -> set[Value]:
        """Every value of `place` before the instruction at `address`."""
        if place == "xzr":
            return {0}
        while True:
            if address in self.code.foreign and address not in self.code.entries:
                return {Lost("entered from another function")}
            preds = self.code.preds.get(address, [])
            if len(preds) != 1 or address in self.code.entries:
                return self._merge(address, place, preds)
            self.budget -= 1
            if self.budget < 0:
                return {Lost("too far away")}
            found = self._through(preds[0], place)
            if found is not None:
                return found
            address = preds[0]

    def _merge(self, address: int, place: Place, preds: list[int]) -> set[Value]:
        key = (address, place)
        if key in self.path:
            return {_Cycle()}
        out: set[Value] = set()
        if address in self.code.entries:
            out.add(Param(place, address))
        elif not preds:
            out.add(Lost("unknown predecessor"))
        self.path.add(key)
        for pred in preds:
            self.budget -= 1
            if self.budget < 0:
                out.add(Lost("too far away"))
                break
            found = self._through(pred, place)
            out |= self.values(pred, place) if found is None else found
        self.path.discard(key)
        return out

    def _through(self, at: int, place: Place) -> set[Value] | None:
        """Values that the instruction at `at` gives `place`; None: it leaves it alone."""
        raw = self.code.reached[at]
        flow = self.code.decoder.flow(raw)
        if flow is not Flow.NEXT:
            return self._over(at, flow, place)
        done = step(self.code, raw, place)
        if done is None:
            return None
        if isinstance(done, Lost) and isinstance(place, int) and done.why == POINTER_STORE:
            return self._weak(at, place, done.why)
        if isinstance(done, Const):
            return {done.value}
        if isinstance(done, Lost):
            return {done}
        out: set[Value] = set()
        for source in done.places:
            out |= {_apply(done, value) for value in self.values(at, source)}
        return out

    def _weak(self, at: int, place: Place, why: str) -> set[Value] | None:
        """Values of `place` that something in between may have changed."""
        if not self.strict:
            return None
        return {value if isinstance(value, Param) else Lost(why) for value in self.values(at, place)}

    def _over(self, at: int, flow: Flow, place: Place) -> set[Value] | None:
        if flow in (Flow.CALL, Flow.CALL_INDIRECT):
            if isinstance(place, int):
                return self._weak(at, place, "memory over a call")
            kept = _KEPT_X86 if self.code.decoder.arch is Arch.X86_64 else _KEPT_A64
            return None if place in kept else {Lost("result of a call")}
        if flow is Flow.TRAP and place in self.trap_writes:
            return {Lost("result of a system call")}
        return None


def _apply(done: From, value: Value) -> Value:
    if isinstance(value, int):
        return apply(done.op, value, done.operand)
    if done.op in _COPIES or isinstance(value, Lost):
        return value
    return Lost("computed in a loop" if isinstance(value, _Cycle) else "computed from a parameter")


def site_number(
    code: Code, address: int, gate: Gate, before: tuple[Insn, ...], ask: CallersOf
) -> tuple[Number, tuple[CallPath, ...]]:
    """The number of the trap at `address`, and the ways it gets there."""
    values = Tracer(code, gate, strict=True).values(address, gate.number)
    values.discard(_Cycle())
    numbers = sorted(value for value in values if isinstance(value, int))
    if len(numbers) == len(values) == 1:
        return Known(numbers[0], _load(code, gate.number, before)), _known(code, numbers)
    if numbers and len(numbers) == len(values):
        return OneOf(tuple(numbers)), _known(code, numbers)
    seen = set(numbers)
    params = [value for value in values if isinstance(value, Param)]
    for param in params:
        seen |= ask.numbers(param, gate)
    why = {f"parameter {_spell(p.place)}" for p in params}
    why |= {value.why for value in values if isinstance(value, Lost)}
    reason = ", ".join(sorted(why)) or "nothing sets it"
    return Dynamic(reason), (*_known(code, sorted(seen)), CallPath(None, (), code.start, reason))


def _known(code: Code, numbers: list[int]) -> tuple[CallPath, ...]:
    return tuple(CallPath(number, (), code.start) for number in numbers)


def _spell(place: Place) -> str:
    return place if isinstance(place, str) else f"on the stack at {place:+d}"


def _load(code: Code, register: str, before: tuple[Insn, ...]) -> tuple[int, int] | None:
    """The instruction in the block that only loads the number, when nothing else uses it."""
    for insn in reversed(before):
        if register in code.decoder.writes(insn.raw):
            parts = insn.operands.split(", ")
            plain = insn.mnemonic in ("mov", "movabs", "movz") and len(parts) == 2
            zero = insn.mnemonic == "orr" and len(parts) == 3 and parts[1] in ("wzr", "xzr")
            constant = number(parts[-1]) is not None and parts[0][0] in "erxw"
            return (insn.address, insn.size) if (plain or zero) and constant else None
        if register in code.decoder.reads(insn.raw):
            return None
    return None


class CallersOf:
    """Asks the callers of a function what they pass, and their callers in turn."""

    def __init__(self, callers: Callable[[int], list[tuple[Code, int, bool]]]) -> None:
        self._callers = callers  # entry -> (code, address of the branch, is a call)

    def numbers(self, param: Param, gate: Gate) -> set[int]:
        """Numbers that arrive in `param`, as far as direct callers show."""
        out: set[int] = set()
        seen: set[Param] = set()
        level = [param]
        for _ in range(_LEVELS):
            following: list[Param] = []
            for asked in level:
                if asked in seen:
                    continue
                seen.add(asked)
                for code, at, is_call in self._callers(asked.entry):
                    values = _passed(code, at, asked.place, gate, is_call=is_call)
                    out |= {value for value in values if isinstance(value, int)}
                    following += [value for value in values if isinstance(value, Param)]
            level = following
        return out


def _passed(code: Code, at: int, place: Place, gate: Gate, *, is_call: bool) -> set[Value]:
    """What the branch at `at` passes in `place` of the function it goes to."""
    if isinstance(place, int):
        depth = depth_at(code, at)
        if depth is None:
            return set()
        place += depth
        if is_call and code.decoder.arch is Arch.X86_64:
            place -= 8  # the return address is not pushed yet
    return Tracer(code, gate, strict=False).values(at, place)
