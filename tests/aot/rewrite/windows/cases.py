"""One case, how it failed, and what was counted."""

from __future__ import annotations

from collections import Counter

from aot.image.model import Arch
from aot.record import dataclass, field
from tests.aot.rewrite.windows.items import Laid


@dataclass(frozen=True, slots=True)
class State:
    """Where a case starts from."""

    registers: dict[str, int]
    memory: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """One case, enough to run it again."""

    arch: Arch
    style: str
    window: Laid
    state: State
    start: int
    traced: bool
    steps: int = 0  # instructions until it is interrupted; 0: it is not


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that did not end alike, and how."""

    case: Case
    why: str
    seed: int  # of its batch


@dataclass(slots=True)
class Tally:
    """What was run."""

    cases: int = 0
    windows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count what `other` counted."""
        self.cases += other.cases
        self.windows += other.windows
        self.counts += other.counts
        self.failures += other.failures


def told(failure: Failure) -> str:
    """A failure for a person, with what makes it again."""
    case = failure.case
    lines = [f"{case.arch.value} {case.style}: {failure.why}"]
    lines.append(f"batch {failure.seed}, from {case.start:#x}, traced {case.traced}")
    at = case.window.start
    for item in case.window.items:
        lines.append(f"  {at:#x} {case.window.code[at - case.window.start :][: len(item.code)].hex()}")
        at += len(item.code)
    lines += [f"  {name} {value:#x}" for name, value in case.state.registers.items() if name[0] not in "qx"]
    return "\n".join(lines)
