"""What every executable image looks like once its format is read: plain frozen values."""

from __future__ import annotations

from enum import Enum, IntFlag

from aot.record import dataclass, field


class Arch(Enum):
    """Guest processor architecture."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"


class Format(Enum):
    """Container format of an executable."""

    ELF = "elf"
    PE = "pe"
    MACHO = "macho"


class Prot(IntFlag):
    """Page rights; values are those of ELF p_flags."""

    NONE = 0
    X = 1
    W = 2
    R = 4


@dataclass(frozen=True, slots=True)
class Segment:
    """One mapped range: `data` covers the first len(data) of `size` bytes, the rest is zero."""

    address: int
    size: int
    data: bytes
    prot: Prot
    name: str = ""

    @property
    def end(self) -> int:
        return self.address + self.size


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named address; `size` is 0 when the format does not say. `code` is true for functions."""

    name: str
    address: int
    size: int
    code: bool


class ImportKind(Enum):
    """How a pointer slot of an import is reached by the program."""

    IAT = "iat"
    DELAY = "delay"
    GOT = "got"
    PLT = "plt"
    BIND = "bind"


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: the 8-byte `slot` receives the address of the function or object."""

    library: str
    name: str  # "#12" for an import by ordinal
    slot: int
    kind: ImportKind
    data: bool = False  # an object (R_*_COPY, GLOB_DAT on STT_OBJECT), not a function
    addend: int = 0
    weak: bool = False  # Mach-O: the slot is null when nobody has the name


@dataclass(frozen=True, slots=True)
class Tls:
    """Thread-local template: `data` then zeroes up to `size`, aligned to `align` bytes.

    PE additionally has the address of the index variable and the callbacks, Mach-O the range of the
    variables' descriptors.
    """

    address: int
    size: int
    align: int
    data: bytes
    index_slot: int = 0
    callbacks: tuple[int, ...] = ()
    descriptors: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class FunctionRange:
    """A function start the format itself declares; `end` is 0 when only the start is known."""

    start: int
    end: int
    source: str  # "symbol", "eh_frame", "pdata", "pclntab", "function_starts", "entry", "export", ...


@dataclass(frozen=True, slots=True)
class Note:
    """One ELF note: (name, type, desc)."""

    name: str
    type: int
    desc: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """An executable as its system would load it. All addresses are link-time virtual addresses."""

    format: Format
    arch: Arch
    entry: int
    segments: tuple[Segment, ...]
    pie: bool  # may be loaded anywhere (ELF ET_DYN); addresses start near 0
    sha256: str  # of the source file
    osabi: int = 0  # ELF EI_OSABI
    subsystem: int = 0  # PE subsystem
    interpreter: str = ""  # ELF PT_INTERP
    needed: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    functions: tuple[FunctionRange, ...] = ()
    imports: tuple[Import, ...] = ()
    exports: tuple[Symbol, ...] = ()
    tls: Tls | None = None
    phdr: tuple[int, int, int] = (0, 0, 0)  # ELF AT_PHDR address, AT_PHENT, AT_PHNUM
    image_base: int = 0  # PE ImageBase
    stack_reserve: int = 0  # PE SizeOfStackReserve, bytes
    stack_code: bool = False  # ELF PT_GNU_STACK: the program may execute its stack
    heap_reserve: int = 0
    data_in_code: tuple[tuple[int, int], ...] = field(default=())  # (start, end) known not to be code
    section_names: tuple[str, ...] = ()
    page_zero: int = 0  # Mach-O: end of __PAGEZERO; nothing may be mapped below
    main: bool = False  # Mach-O: the entry is called as main(argc, argv, envp, apple)
    initialisers: tuple[int, ...] = ()  # Mach-O: called before the entry, as main is
    relocations: tuple[
        tuple[int, int], ...
    ] = ()  # ELF: (slot, address in the image), for an interpreter to fill

    def segment_at(self, address: int) -> Segment | None:
        """The segment that maps `address`, or None."""
        for segment in self.segments:
            if 0 <= address - segment.address < segment.size:
                return segment
        return None

    def read(self, address: int, size: int) -> bytes:
        """Loaded bytes at `address` (zero fill included); shorter than `size` at a segment's end."""
        segment = self.segment_at(address)
        if segment is None:
            return b""
        at = address - segment.address
        size = min(size, segment.end - address)
        data = segment.data[at : at + size]
        return data + bytes(size - len(data))

    @property
    def code(self) -> tuple[Segment, ...]:
        """The executable segments."""
        return tuple(s for s in self.segments if s.prot & Prot.X)

    @property
    def end(self) -> int:
        """First address above every segment."""
        return max((s.end for s in self.segments), default=0)
