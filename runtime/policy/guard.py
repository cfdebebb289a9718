"""Stands between a guest's calls and the kernel: enforces a policy, records what happened, or both.

Whether a call is looked at is decided when its row is bound. One that a policy always allows keeps its handler and
its machine code; any other is wrapped. What the call is about is known where the kernel's ops are called, with
paths and addresses in neutral form, so one check serves every system and both ways of dispatching.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aot.personality.abi.call import Call, Level, Status
from aot.personality.abi.compile import Door, Handler, compile_call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.gate import ErrorStyle
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from aot.personality.abi.system import System
from aot.record import dataclass, replace
from runtime.images import images_of
from runtime.kernel.context import Context
from runtime.kernel.leave import Killed
from runtime.policy.model import Action, Policy, Rule, Verdict
from runtime.policy.record import Recorder
from runtime.policy.targets import AT_NAMES, AT_PATHS, Target, address_matches, path_matches, targets
from runtime.trace import describer, word_getter

Write = Callable[[str], object]


@dataclass(slots=True)
class _Asked:
    """A call under way whose targets decide: the rules that may match, and what holds when none does."""

    rules: tuple[Rule, ...]
    otherwise: Verdict
    because: str
    log: Callable[[Context, Verdict, str], None]


class Guard:
    """The policy and the recorder of one run; `write` takes the lines of the log."""

    def __init__(self, policy: Policy | None, recorder: Recorder | None, write: Write) -> None:
        self.policy, self.recorder = policy, recorder
        self._write = write
        self._asked: _Asked | None = None
        self._ops: _Ops | None = None
        self._plain: dict[str, bool] = {}

    def ops(self, ops: Mapping[Op, Any]) -> Mapping[Op, Any]:
        """`ops` whose paths and addresses are looked at; the same value for the same table."""
        if self._ops is None or self._ops.ops is not ops:
            self._ops = _Ops(ops, self._consult)
        return self._ops

    def plain(self, call: str) -> bool:
        """Whether nobody needs to see a call of this name."""
        if call not in self._plain:
            self._plain[call] = self.recorder is None and (self.policy is None or self.policy.plain(call))
        return self._plain[call]

    def wrapper(self, system: System, column: str) -> Callable[[Handler, Call, Door], Handler]:
        """What goes around the handlers of a system."""

        def wrap(handler: Handler, row: Call, door: Door) -> Handler:
            if self.plain(row.name):
                return handler
            wrapped = handler
            if self.policy is not None and not self.policy.plain(row.name):
                wrapped = _Judged(self, self.policy, system, column, row, door).around(handler)
            if self.recorder is None:
                return wrapped
            return self.recorder.around(wrapped, row)

        return wrap

    def _consult(self, ctx: Context, op: Op, given: dict[str, Any]) -> None:
        """Judge and note the targets of an op. Raises what refuses or ends the call."""
        asked, recorder = self._asked, self.recorder
        if asked is None and recorder is None:
            return
        for target in targets(ctx, op, given):
            if asked is not None:
                _judge(ctx, asked, target)
            if recorder is not None:
                recorder.target(target)

    def ask(self, asked: _Asked | None) -> None:
        """The call that is being made; None when it is over."""
        self._asked = asked

    def line(self, text: str) -> None:
        """Write one line of the log."""
        self._write(f"helctic-aot: policy: {text}\n")


def _judge(ctx: Context, asked: _Asked, target: Target) -> None:
    verdict, because = asked.otherwise, asked.because
    for rule in asked.rules:
        if not rule.targeted or _hits(rule, target):
            verdict, because = rule.verdict, rule.place
            break
    if verdict.action is Action.ALLOW:
        return
    asked.log(ctx, verdict, f"{target.text}: {because}")
    if verdict.action is Action.REFUSE:
        raise Errno(verdict.error)
    if verdict.action is Action.KILL:
        raise Killed(Signal.SYS)


def _hits(rule: Rule, target: Target) -> bool:
    if target.path:
        return any(path_matches(pattern, target.text) for pattern in rule.paths)
    return any(address_matches(pattern, target.text) for pattern in rule.addresses)


class _Ops(Mapping[Op, Any]):
    """A table of ops, of which those with paths or addresses consult a guard first."""

    def __init__(self, ops: Mapping[Op, Any], consult: Callable[[Context, Op, dict[str, Any]], None]) -> None:
        self.ops, self._consult = ops, consult
        self._made: dict[Op, Any] = {}

    def __getitem__(self, code: Op) -> Any:
        if code not in AT_PATHS and code not in AT_NAMES:
            return self.ops[code]
        if code not in self._made:
            self._made[code] = self._checked(code, self.ops[code])
        return self._made[code]

    def _checked(self, code: Op, function: Callable[..., Any]) -> Callable[..., Any]:
        consult = self._consult

        def checked(ctx: Context, **given: Any) -> Any:
            consult(ctx, code, given)
            return function(ctx, **given)

        return checked

    def __iter__(self) -> Iterator[Op]:
        return iter(self.ops)

    def __len__(self) -> int:
        return len(self.ops)


class _Judged:
    """One row under a policy."""

    def __init__(
        self, guard: Guard, policy: Policy, system: System, column: str, row: Call, door: Door
    ) -> None:
        self._guard, self._policy, self._system = guard, policy, system
        self._column, self._row, self._door = column, row, door
        self._rules = policy.about(row.name)
        used = {condition.index for rule in self._rules for condition in rule.conditions}
        self._words = {index: word_getter(door, index, row.named) for index in used}
        self._refusals: dict[E, Handler] = {}

    def around(self, handler: Handler) -> Handler:
        """`handler` with the policy before it."""

        def judged(ctx: Context) -> int:
            rules, verdict, because = self._left(ctx)
            if not rules:
                return self._served(ctx, handler, verdict, because)
            self._guard.ask(_Asked(rules, verdict, because, self._log))
            try:
                return handler(ctx)
            finally:
                self._guard.ask(None)

        return judged

    def _left(self, ctx: Context) -> tuple[tuple[Rule, ...], Verdict, str]:
        """The rules whose targets decide, and what holds otherwise, for the arguments of this call."""
        words = {index: get(ctx) for index, get in self._words.items()}
        targeted: list[Rule] = []
        for rule in self._rules:
            if all(condition.holds(words[condition.index]) for condition in rule.conditions):
                if not rule.targeted:
                    return tuple(targeted), rule.verdict, rule.place
                targeted.append(rule)
        return tuple(targeted), self._policy.default, f"no rule of {self._policy.origin}"

    def _served(self, ctx: Context, handler: Handler, verdict: Verdict, because: str) -> int:
        if verdict.action is Action.ALLOW:
            return handler(ctx)
        if verdict.action is Action.LOG:
            self._log(ctx, verdict, because)
            return handler(ctx)
        if verdict.action is Action.REFUSE and self._can_fail():
            self._log(ctx, verdict, because)
            return self._refusal(verdict.error)(ctx)
        self._log(ctx, Verdict(Action.KILL), because)
        raise Killed(Signal.SYS)

    def _can_fail(self) -> bool:
        """Whether the call has a way to tell its caller; library functions such as strlen have none."""
        style = self._row.style or self._door.gate.style
        return style is not ErrorStyle.PLAIN or self._row.fail is not None

    def _refusal(self, error: E) -> Handler:
        handler = self._refusals.get(error)
        if handler is None:
            status = Status(Level.STUB, "refused by the policy", error)
            row = replace(self._row, status=status, by=None, via=None, op=None)
            handler = compile_call(row, self._column, self._door, {}, self._system.errors)
            self._refusals[error] = handler
        return handler

    def _log(self, ctx: Context, verdict: Verdict, because: str) -> None:
        if verdict.action is Action.LOG and ctx.wait is not None:
            return  # it was logged before it began to wait
        row = self._row
        shown = describer(row, self._column, self._door)(ctx)(None)
        word = {Action.LOG: "allowed", Action.KILL: "killed"}.get(verdict.action, "")
        if not word:
            number = self._system.errors[verdict.error]
            word = f"refused with {self._system.error_names.get(number, hex(number))}"
        self._guard.line(f"[{ctx.tid}] {row.name}({shown}) {word}: {because}{self._site(ctx)}")

    def _site(self, ctx: Context) -> str:
        """Where the call was made, as the guest's own code has it; imports have no site."""
        if self._door.gate.trap == "import":
            return ""
        shown = images_of(ctx).again(*ctx.cpu.crossed(ctx, handling=True))
        return f"; at {shown.trap or shown.pc:#x}"
