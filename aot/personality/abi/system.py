"""What a personality is to the rest of the project: one value that ties its tables together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E
from aot.personality.abi.frame import SignalFrames
from aot.personality.abi.gate import Gate
from aot.personality.abi.inline import Inline
from aot.personality.abi.personality import Personality
from aot.personality.abi.start import StartFacts, StartSpace, StartState
from aot.record import dataclass, field


def plain_library(name: str) -> str:
    """Lower-case file name without directory and everything from the first dot on."""
    return name.rpartition("/")[2].lower().partition(".")[0]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a system puts things in an address space; `high` ends what it gives out itself."""

    page_size: int = 4096
    stack_top: int = 0x7FFF_FFFF_E000
    high: int = 1 << 47


@dataclass(frozen=True, slots=True)
class ClockPage:
    """A page whose words the kernel keeps current: `words(realtime_ns, monotonic_ns)` are (address, bytes)."""

    address: int
    period_s: float
    words: Callable[[int, int], tuple[tuple[int, bytes], ...]]


@dataclass(frozen=True, slots=True)
class KernelCode:
    """Functions that the kernel puts into every address space: the name of their mapping, and for each where it
    begins (bytes from the mapping's start) and the call it makes."""

    name: str
    functions: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class System:
    """A personality's tables. `columns` maps a column name to its architecture's value.

    `gates` and `libraries` are keyed by architecture value ("x86_64", "aarch64"): the trap door and
    the convention of imported functions. `inline` names the rows that guest code may answer from data words.
    """

    personality: Personality
    name: str
    columns: Mapping[str, tuple[str, ...]]  # column -> architectures it exists on
    gates: Mapping[str, Gate]
    calls: tuple[Call, ...]
    errors: Mapping[E, int]
    error_names: Mapping[int, str]  # ABI number -> the system's own name
    libraries: Mapping[str, Gate] = field(default_factory=dict)
    inline: Mapping[str, Inline] = field(default_factory=dict)  # row name -> how guest code answers it
    routines: Mapping[str, str] = field(default_factory=dict)  # row name -> routine (runtime.cpu.routines)
    library: Callable[[str], str] = plain_library  # file name of a library -> name used in row symbols
    has_brk: bool = True
    indirect: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # column -> numbers of syscall(2)
    indirect_register: Mapping[str, str] = field(
        default_factory=dict
    )  # column -> holds its number; nothing shifts
    number_mask: int | None = None  # bits of the number register that count
    indirect_class: Mapping[str, int] = field(
        default_factory=dict
    )  # column -> bits syscall(2) adds to its number
    executable_stacks: bool = False  # for programs that ask (PT_GNU_STACK)
    layouts: Mapping[str, Layout] = field(default_factory=dict)  # by architecture
    objects: frozenset[str] = frozenset()  # imported names that are objects, where the format does not say
    start: Callable[[StartSpace, StartFacts], StartState] | None = None
    signal_frames: Mapping[str, SignalFrames] = field(default_factory=dict)  # by architecture
    linkers: bool = False  # dynamic programs bring their own linker and libraries
    # architecture -> functions of the code that the kernel maps, and the call each falls back to
    vdso: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # call -> calls that the kernel makes a program make because of it
    implied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    clock_page: ClockPage | None = None  # time that programs read without a call
    kernel_code: Mapping[str, KernelCode] = field(default_factory=dict)  # by architecture

    def by_number(self, column: str) -> dict[int, Call]:
        """Number -> row of one column."""
        return {n: c for c in self.calls if (n := c.number(column)) is not None}

    def row_of_import(self, library: str, name: str, rows: Mapping[str, Call]) -> Call | None:
        """The row behind an imported name: the library's own, else one for any library."""
        return rows.get(f"{self.library(library)}!{name}") or rows.get(name)

    def layout(self, arch: str) -> Layout:
        """Where things go in an address space of this architecture."""
        return self.layouts.get(arch) or Layout()

    def by_symbol(self) -> dict[str, Call]:
        """ "library!name" (lower-case library, no .dll) or bare name -> row."""
        return {s: c for c in self.calls for s in c.symbols}
