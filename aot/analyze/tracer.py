"""Backward data flow inside one range of code: what a register or stack slot can hold before an instruction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Flow
from aot.analyze.steps import step
from aot.analyze.steps_aarch64 import KEPT
from aot.analyze.values import (
    LOADS,
    M64,
    POINTER_STORE,
    Const,
    From,
    Lost,
    Place,
    Stack,
    Step,
    apply,
    constant_at,
)
from aot.image.model import Arch
from aot.record import dataclass

if TYPE_CHECKING:
    from aot.analyze.blocks import Code
    from aot.personality.abi.gate import Gate

_BUDGET: Final = 4000  # instructions looked at for one question
_OPS: Final = 24  # operations between where a value comes from and where it is asked for
_KEPT_X86: Final = frozenset(("rbx", "rbp", "rsp", "r12", "r13", "r14", "r15"))
_BRANCH_WRITES: Final = {"loop": "rcx", "loope": "rcx", "loopne": "rcx", "xbegin": "rax"}
_COPIES: Final = ("", "sext32", "and")  # operations that can be made again without changing the result

Op = tuple[str, int]  # of values.apply: its name and operand


@dataclass(frozen=True, slots=True)
class Param:
    """What `place` holds when control enters at `entry` from outside, after `ops` (nearest to the question first)."""

    place: Place
    entry: int
    ops: tuple[Op, ...] = ()


Value = int | Param | Lost


@dataclass(frozen=True, slots=True)
class Born:
    """A value, the instruction that it comes from, and those that carried it from there to the question."""

    value: Value
    at: int
    via: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Trail:
    """The junctions behind a state, nearest first."""

    address: int
    place: Place
    ops: tuple[Op, ...]
    before: _Trail | None


@dataclass(frozen=True, slots=True)
class _State:
    """The question on its way back: what does `place` hold before `address`, and what happens to that after."""

    address: int
    place: Place
    ops: tuple[Op, ...] = ()
    doubt: str = ""  # why memory may have changed since
    via: tuple[int, ...] = ()
    trail: _Trail | None = None
    when: int = 0  # address of the instruction before which memory is looked at, where an operation loads


def trace(
    code: Code,
    gate: Gate,
    returns: Callable[[int], bool],
    question: tuple[int, Place, tuple[Op, ...]],
    *,
    strict: bool,
) -> tuple[Born, ...]:
    """Every value of a place before an address, after operations; patiently where that may show more."""
    found = Tracer(code, gate, returns, strict=strict).values(*question)
    if any(isinstance(one.value, Lost) for one in found):
        return Tracer(code, gate, returns, strict=strict, patient=True).values(*question)
    return found


def _width(ops: tuple[Op, ...]) -> int:
    """How many bytes of a place matter to `ops` behind it."""
    return 4 if ops and ops[-1] in (("and", 0xFFFFFFFF), ("sext32", 0)) else 8


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 == 1 else value


class Tracer:
    """One question. Time is bounded: no instruction is looked at twice with the same place and operations."""

    def __init__(
        self, code: Code, gate: Gate, returns: Callable[[int], bool], *, strict: bool, patient: bool = False
    ) -> None:
        self.code = code
        self.returns = returns  # whether a call of the function at an address may come back
        self.patient = patient  # read every function that is called on the way, lest it does not return
        self.strict = strict  # believe no constant that memory kept over a call or a pointer store
        self.trap_writes = {gate.result, gate.second, *gate.zeroed, *gate.lost}
        self._found: dict[tuple[Value, int], Born] = {}
        self._work: list[_State] = []
        self._first_word = 8 if code.decoder.arch is Arch.X86_64 else 0  # of the stack that is the caller's

    def values(self, address: int, place: Place, ops: tuple[Op, ...] = ()) -> tuple[Born, ...]:
        """Every value of `place` before the instruction at `address`, after `ops`."""
        self._work.append(_State(address, place, ops, when=address))
        seen: set[tuple[int, Place, tuple[Op, ...], str]] = set()
        budget = _BUDGET
        while self._work:
            state = self._work.pop()
            key = (state.address, state.place, state.ops, state.doubt)
            if key in seen:
                continue
            seen.add(key)
            if state.place == "xzr":
                self._born(0, state.address, state)
                continue
            preds, trail = self._arrivals(state)
            budget -= len(preds) or 1
            if budget < 0 or not self.code.decoder.effort.spend(len(preds) or 1):
                self._born(Lost("too far away"), state.address, state)
                break
            for pred in preds:
                self._through(pred, state, trail)
        return tuple(self._found.values())

    def _born(self, value: Value, at: int, state: _State) -> None:
        if state.doubt and self.strict and isinstance(value, int):
            value = Lost(state.doubt)
        if isinstance(value, int):
            value = self._evaluate(value, state.ops)
        elif isinstance(value, Param):
            value = Param(value.place, value.entry, state.ops)
        self._found.setdefault((value, at), Born(value, at, state.via))

    def _arrivals(self, state: _State) -> tuple[list[int], _Trail | None]:
        """Instructions that may run right before; notes what comes from outside."""
        code, address = self.code, state.address
        preds = code.preds.get(address, [])
        entered, foreign = address in code.entries, address in code.foreign
        if len(preds) == 1 and not entered and not foreign:
            return preds, state.trail
        if _grows(state):
            self._born(Lost("computed in a loop"), address, state)
            return [], None
        if isinstance(state.place, int) and state.place < self._first_word:
            self._born(Lost(state.doubt or "a local that nothing sets"), address, state)
        elif entered or (foreign and isinstance(state.place, str)):
            self._born(Param(state.place, address), address, state)
        elif foreign:
            self._born(Lost("entered from another function"), address, state)
        elif not preds:
            self._born(Lost("unknown predecessor"), address, state)
        return preds, _Trail(address, state.place, state.ops, state.trail)

    def _through(self, at: int, state: _State, trail: _Trail | None) -> None:
        """Go back over the instruction at `at`."""
        raw, place = self.code.reached[at], state.place
        flow = self.code.decoder.flow(raw)
        done: Step = (
            step(self.code, raw, place, _width(state.ops))
            if flow is Flow.NEXT
            else self._over(flow, raw[2], place)
        )
        if flow is Flow.CALL and (isinstance(done, Lost) or self.patient) and not self._comes_back(at):
            return
        doubt = state.doubt
        if isinstance(done, Lost) and isinstance(place, int) and done.why in _DOUBTS:
            doubt, done = doubt or done.why, None
        if done is None:
            self._work.append(_State(at, place, state.ops, doubt, state.via, trail, state.when))
        elif isinstance(done, Stack):
            self._pointed(at, done.slot, state)
        elif isinstance(done, Const):
            self._born(done.value, at, state)
        elif isinstance(done, Lost):
            self._born(done, at, state)
        else:
            self._follow(at, done, state, trail)

    def _comes_back(self, at: int) -> bool:
        target = self.code.calls.get(at)
        return target is None or self.returns(target)

    def _follow(self, at: int, done: From, state: _State, trail: _Trail | None) -> None:
        ops = state.ops
        op = (done.op, done.operand)
        if done.op and not (done.op in _COPIES and op in ops[-1:]):
            ops = (*ops, op)
        if len(ops) > _OPS:
            self._born(Lost("computed in many steps"), at, state)
            return
        when, doubt = state.when, state.doubt
        if done.op in LOADS:
            when, doubt = at, doubt or "memory behind a pointer"
        for source in done.places:
            self._work.append(_State(at, source, ops, doubt, (at, *state.via), trail, when))

    def _pointed(self, at: int, slot: int, state: _State) -> None:
        """The value is the address of a stack slot: ask for what is in it, if that is what is loaded."""
        ops = list(state.ops)
        while ops and ops[-1][0] in ("add", ""):
            slot += _signed(ops.pop()[1])
        op, offset = ops.pop() if ops else ("", 0)
        if op not in LOADS:
            self._born(Lost("the address of a stack slot"), at, state)
            return
        if LOADS[op] == 4:
            ops.append(("and", 0xFFFFFFFF) if op == "load4" else ("sext32", 0))
        via = (at, *state.via)
        self._work.append(_State(state.when, slot + offset, tuple(ops), state.doubt, via, None, state.when))

    def _evaluate(self, value: int, ops: tuple[Op, ...]) -> int | Lost:
        """What becomes of `value` on its way through `ops`."""
        for op, operand in reversed(ops):
            if op not in LOADS:
                value = apply(op, value, operand)
                continue
            loaded = constant_at(self.code, value + operand & M64, LOADS[op])
            if not isinstance(loaded, Const):
                return Lost("memory")
            value = apply("sext32", loaded.value, 0) if op == "load4s" else loaded.value
        return value

    def _over(self, flow: Flow, mnemonic: str, place: Place) -> Lost | None:
        if flow in (Flow.CALL, Flow.CALL_INDIRECT):
            if isinstance(place, int):
                return Lost(_OVER_CALL)
            kept = _KEPT_X86 if self.code.decoder.arch is Arch.X86_64 else KEPT
            return None if place in kept else Lost("result of a call")
        if flow is Flow.TRAP and place in self.trap_writes:
            return Lost("result of a system call")
        if flow is Flow.BRANCH and _BRANCH_WRITES.get(mnemonic) == place:
            return Lost(f"computed by {mnemonic}")
        return None


_OVER_CALL: Final = "memory over a call"
_DOUBTS: Final = (_OVER_CALL, POINTER_STORE)


def _grows(state: _State) -> bool:
    """Whether the question came round a loop that computes."""
    trail = state.trail
    while trail is not None:
        if trail.address == state.address and trail.place == state.place:
            more = state.ops[len(trail.ops) :]
            return any(op not in _COPIES for op, _ in more)
        trail = trail.before
    return False
