"""Loaded bytes by address, as verification reads them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from aot.errors import VerifyError
from aot.image.model import Prot
from aot.record import dataclass, field


@dataclass(frozen=True, slots=True)
class Chunk:
    """One mapped range; zero behind `data`."""

    address: int
    size: int
    data: bytes
    prot: Prot

    @property
    def end(self) -> int:
        """First address behind the range."""
        return self.address + self.size


@dataclass(slots=True)
class Memory:
    """Chunks in address order, and bytes that stand over them."""

    chunks: Sequence[Chunk]
    over: dict[int, int] = field(default_factory=dict)  # address -> byte
    _starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._starts = [chunk.address for chunk in self.chunks]

    def restored(self, ranges: Iterable[tuple[int, bytes]]) -> Memory:
        """The same memory with other bytes at some addresses."""
        over = {at + i: byte for at, old in ranges for i, byte in enumerate(old)}
        return Memory(self.chunks, self.over | over)

    def read(self, address: int, size: int) -> bytes:
        """Exactly `size` bytes, across adjacent chunks. Raises VerifyError when one is not mapped."""
        out = bytearray()
        while len(out) < size:
            at = address + len(out)
            chunk = self._chunk(at)
            if chunk is None:
                raise VerifyError(f"{at:#x} is not mapped")
            low, high = at - chunk.address, min(size - len(out) + at, chunk.end) - chunk.address
            part = chunk.data[low:high]
            out += part + bytes(high - low - len(part))
        if len(self.over) < size:
            for at, byte in self.over.items():
                if address <= at < address + size:
                    out[at - address] = byte
        else:
            for index in range(size):
                out[index] = self.over.get(address + index, out[index])
        return bytes(out)

    def upto(self, address: int, size: int) -> bytes:
        """At most `size` bytes, fewer at the end of a chunk."""
        chunk = self._chunk(address)
        return self.read(address, min(size, chunk.end - address)) if chunk else b""

    def _chunk(self, address: int) -> Chunk | None:
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self.chunks[index].end:
            return None
        return self.chunks[index]
