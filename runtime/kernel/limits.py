"""What a whole run may use: `--limit`. Whoever reaches a bound of time or memory ends the run with status 137."""

from __future__ import annotations

import math

from aot.errors import SetupError
from aot.personality.abi.errors import E, Errno
from aot.record import dataclass
from runtime.kernel.context import Context

STATUS = 137
"""What a shell shows for a program that SIGKILL ended."""
SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
SECONDS = {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0, "h": 3600.0}
LONGEST = 1 << 31  # seconds: more than a lifetime of waiting


@dataclass(slots=True)
class Limits:
    """Bounds of a run; None: there is none.

    memory: bytes behind the guest's address spaces. time: seconds on the wall. cpu: processor seconds of the
    whole runtime. files: open files of all processes. processes: contexts (threads included) at one time.
    """

    memory: int | None = None
    time: float | None = None
    cpu: float | None = None
    files: int | None = None
    processes: int | None = None

    @classmethod
    def parse(cls, texts: tuple[str, ...]) -> Limits:
        """Limits from `name=value,name=value` texts, the last of a name wins. Raises SetupError."""
        found = cls()
        for part in (p for text in texts for p in text.split(",")):
            name, equals, value = part.partition("=")
            if not equals or name not in _READERS:
                raise SetupError(f"--limit: {part!r} is none of {', '.join(f'{n}=' for n in _READERS)}")
            amount = _READERS[name](value.strip().lower())
            if amount is None:
                raise SetupError(f"--limit: {name}={value}: not {_WANTED[name]}")
            setattr(found, name, amount)
        return found


def _scaled(text: str, units: dict[str, float] | dict[str, int]) -> float | None:
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(digits) :]
    try:
        number = float(digits)
    except ValueError:
        return None
    if unit not in units or not math.isfinite(number) or number <= 0 or "_" in digits:
        return None
    return number * units[unit]


def _bytes(text: str) -> int | None:
    amount = _scaled(text.removesuffix("b").removesuffix("i") if text[-1:] == "b" else text, SIZES)
    return None if amount is None or not 1 <= amount < 1 << 63 else int(amount)


def _seconds(text: str) -> float | None:
    amount = _scaled(text, SECONDS)
    return None if amount is None or amount > LONGEST else amount


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 1 << 31 else None


_READERS = {"memory": _bytes, "time": _seconds, "cpu": _seconds, "files": _count, "processes": _count}
_WANTED = {
    "memory": "a size like 256M or 2G",
    "time": "a time like 10, 1.5s or 2m",
    "cpu": "a time like 10, 1.5s or 2m",
    "files": "a positive number",
    "processes": "a positive number",
}


def room_for_context(ctx: Context) -> None:
    """Raises AGAIN when the run has as many contexts and unwaited processes as it may."""
    kernel = ctx.process.kernel
    most = kernel.limits.processes if kernel.limits is not None else None
    if most is not None and sum(max(len(p.contexts), 1) for p in kernel.processes.values()) >= most:
        raise Errno(E.AGAIN)
