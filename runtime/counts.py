"""Counts the calls of a run for --stats: by the class of their crossing at the doors, by name around the handlers."""

from __future__ import annotations

from collections import Counter

from aot.personality.abi.call import Call
from aot.personality.abi.compile import Door, Handler
from aot.record import dataclass, field
from runtime.cpu.api import Leave
from runtime.kernel.context import Context
from runtime.kernel.leave import Block

BOUND, TABLE, IMPORT, DYNAMIC, INLINE = "bound", "table", "import", "dynamic", "inline"
CLASSES = (BOUND, TABLE, IMPORT, DYNAMIC, INLINE)


def _classes() -> Counter[str]:
    return Counter(dict.fromkeys(CLASSES, 0))


@dataclass(slots=True)
class Counts:
    """What a run counts. Machine code counts what it answers by itself, as guest code does."""

    classes: Counter[str] = field(default_factory=_classes)  # crossings
    calls: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # (name of the row, class); one that waits once
    cls: str = IMPORT  # of the crossing in progress; imports that are found at run time pass no door

    def enter(self, cls: str) -> None:
        """A crossing of this class is in progress."""
        self.classes[cls] += 1
        self.cls = cls

    def through(self, cls: str, handler: Handler) -> Handler:
        """`handler`, entered through a door of this class."""

        def enter(ctx: Context) -> int:
            self.enter(cls)
            return handler(ctx)

        return enter

    def wrap(self, handler: Handler, row: Call, door: Door) -> Handler:
        """`handler` with its calls counted by name."""
        calls, name = self.calls, row.name

        def count(ctx: Context) -> int:
            cls, self.cls = self.cls, IMPORT
            try:
                carry = handler(ctx)
            except Block:
                raise  # made again, and counted, when the wait is over
            except Leave:
                calls[name, cls] += 1
                raise
            calls[name, cls] += 1
            return carry

        return count
