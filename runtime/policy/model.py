"""A policy: rules that are looked at in order, the first that matches a call and its targets decides."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from aot.personality.abi.errors import E
from aot.record import dataclass, field


class Action(Enum):
    """What becomes of a call."""

    ALLOW = "allow"
    LOG = "log"  # allowed, and logged
    REFUSE = "refuse"  # fails with the rule's error, and is logged
    KILL = "kill"  # ends the process as SIGSYS does, and is logged


class Compare(Enum):
    """How an argument is compared; the values are the names of the OCI runtime specification."""

    NE = "SCMP_CMP_NE"
    LT = "SCMP_CMP_LT"
    LE = "SCMP_CMP_LE"
    EQ = "SCMP_CMP_EQ"
    GE = "SCMP_CMP_GE"
    GT = "SCMP_CMP_GT"
    MASKED_EQ = "SCMP_CMP_MASKED_EQ"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of an argument word (64 bits, unsigned); `second` is the value of MASKED_EQ, whose mask is
    `value`."""

    index: int
    compare: Compare
    value: int
    second: int = 0

    def holds(self, word: int) -> bool:
        """Whether the word of argument `index` passes."""
        match self.compare:
            case Compare.NE:
                return word != self.value
            case Compare.LT:
                return word < self.value
            case Compare.LE:
                return word <= self.value
            case Compare.EQ:
                return word == self.value
            case Compare.GE:
                return word >= self.value
            case Compare.GT:
                return word > self.value
            case Compare.MASKED_EQ:
                return word & self.value == self.second


@dataclass(frozen=True, slots=True)
class Verdict:
    """An action, and the error of a refusal."""

    action: Action
    error: E = E.PERM


@dataclass(frozen=True, slots=True)
class Rule:
    """Which calls it is about, when, and what becomes of them. `place` says where it is written.

    With `paths` or `addresses` it matches a call whose target is one of them, otherwise any.
    """

    calls: frozenset[str]
    verdict: Verdict
    place: str
    paths: tuple[str, ...] = field(default=())
    addresses: tuple[str, ...] = field(default=())
    conditions: tuple[Condition, ...] = field(default=())

    @property
    def targeted(self) -> bool:
        """Whether it asks about targets."""
        return bool(self.paths or self.addresses)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one file and what becomes of everything else."""

    rules: tuple[Rule, ...]
    default: Verdict
    origin: str

    def about(self, call: str) -> tuple[Rule, ...]:
        """The rules for a call, up to the first that always matches."""
        found: list[Rule] = []
        for rule in self.rules:
            if call in rule.calls:
                found.append(rule)
                if not rule.targeted and not rule.conditions:
                    break
        return tuple(found)

    def plain(self, call: str) -> bool:
        """Whether a call is always allowed, and nobody wants to know."""
        rules = self.about(call)
        if not rules:
            return self.default.action is Action.ALLOW
        return all(rule.verdict.action is Action.ALLOW for rule in rules) and (
            not (rules[-1].targeted or rules[-1].conditions) or self.default.action is Action.ALLOW
        )

    def allowed(self) -> frozenset[str]:
        """The calls that some rule allows."""
        return frozenset(self._names(Action.ALLOW, Action.LOG))

    def _names(self, *actions: Action) -> Iterable[str]:
        for rule in self.rules:
            if rule.verdict.action in actions:
                yield from rule.calls
