"""The System V start-up stack: argc, argv, environment, auxiliary vector, and the strings behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aot.personality.abi.start import StartSpace
from aot.record import dataclass, field

Entry = tuple[int, int]
"""One auxiliary vector entry: type, value."""


@dataclass(slots=True)
class StackBuilder:
    """Places data from the top of the stack downwards."""

    space: StartSpace
    top: int
    placed: list[tuple[int, bytes]] = field(default_factory=list)

    def put(self, data: bytes, align: int = 1) -> int:
        """Reserve and fill `data` below everything placed so far; its address."""
        self.top = (self.top - len(data)) & -align
        self.placed.append((self.top, data))
        return self.top

    def strings(self, items: Sequence[bytes]) -> list[int]:
        """NUL-terminated strings, the first one lowest (as kernels lay them out)."""
        return [self.put(item + b"\0") for item in reversed(items)][::-1]

    def flush(self) -> None:
        """Write everything."""
        for address, data in self.placed:
            self.space.poke(address, data)


def build_stack(
    builder: StackBuilder,
    argv: Sequence[bytes],
    env: Sequence[bytes],
    auxv: Callable[[StackBuilder], Sequence[Entry]],
) -> int:
    """Lay out the whole block; returns the 16-aligned address of argc. `auxv` may place data of its own."""
    env_at = builder.strings(env)
    argv_at = builder.strings(argv)
    entries = auxv(builder)
    words = [len(argv), *argv_at, 0, *env_at, 0]
    for kind, value in entries:
        words += (kind, value)
    words += (0, 0)
    block = b"".join(word.to_bytes(8, "little") for word in words)
    builder.top &= -16
    at = builder.put(block, 16)
    builder.flush()
    return at
