"""Where the stub area goes, and where everything inside it is."""

from __future__ import annotations

from aot.errors import RewriteError
from aot.image.model import Arch, Format, Image
from aot.manifest import DATA, PAGE, DataWord, GateKind
from aot.record import dataclass

LOWEST = 0x10000  # Linux maps nothing below 64 KiB for ordinary users
GAP = 32 << 20  # room above an image for the brk that some libcs start at `_end`
REACH = {Arch.X86_64: (1 << 31) - PAGE, Arch.AARCH64: (1 << 27) - PAGE}  # of jmp rel32, of b


def page_up(value: int) -> int:
    """`value` rounded up to a page."""
    return -(-value // PAGE) * PAGE


@dataclass(frozen=True, slots=True)
class Area:
    """The stub area: page 0 (slots and data words), counters, stubs. All addresses are link-time."""

    base: int
    counters: int  # pages
    above: bool  # lies above the image, hence in the way of brk

    def slot(self, kind: GateKind) -> int:
        """Address of the gate slot of `kind`."""
        return self.base + 8 * kind

    def word(self, word: DataWord) -> int:
        """Address of a data word the kernel keeps current."""
        return self.base + DATA + 8 * word

    def counter(self, ordinal: int) -> int:
        """Address of the counter of the `ordinal`-th inline site."""
        return self.base + PAGE + 8 * ordinal

    @property
    def code(self) -> int:
        """Address of the first stub."""
        return self.base + PAGE * (1 + self.counters)

    def size(self, code: int) -> int:
        """Bytes of the whole area when the stubs take `code` bytes."""
        return PAGE * (1 + self.counters) + page_up(code)


def place(image: Image, counters: int, code: int, gap: int = GAP) -> Area:
    """The area for at most `code` bytes of stubs: below the image where there is room, else above.

    Images that load anywhere start at 0 and have nothing below; a Mach-O has its __PAGEZERO there. `gap` bytes
    are left free above the image.
    """
    if not image.segments:
        raise RewriteError("the image maps nothing")
    size = PAGE * (1 + counters) + page_up(code)
    lowest = min(s.address for s in image.segments)
    below = (lowest - size) // PAGE * PAGE
    if image.format is not Format.MACHO and not image.pie and below >= LOWEST:
        return Area(below, counters, above=False)
    return Area(page_up(image.end) + gap, counters, above=True)


def reaches(image: Image, area: Area, code: int, address: int) -> bool:
    """True when a branch at `address` reaches all of the area and back."""
    end = area.base + area.size(code)
    return max(abs(address - area.base), abs(address - end)) < REACH[image.arch]
