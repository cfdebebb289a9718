"""The ELF header and program headers: read and judged before anything else trusts the file."""

from __future__ import annotations

import struct
from itertools import pairwise

from aot.errors import ImageError, NotProgram
from aot.image.model import Arch, Note, Prot, Segment
from aot.image.words import is_power_of_two
from aot.record import dataclass

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")
PAGE = 4096
USER_TOP = 1 << 47  # first address no x86_64 or aarch64 program has (48-bit halves)
NOTE_LIMIT = 1 << 20  # bytes of one PT_NOTE
TLS_LIMIT = 1 << 30
PATH_LIMIT = 4096
PN_XNUM = 0xFFFF

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_PHDR, PT_TLS = 1, 2, 3, 4, 6, 7
PT_GNU_EH_FRAME, PT_GNU_STACK = 0x6474E550, 0x6474E551

# From: elf.h e_machine values (EM_*).
MACHINES: dict[int, str] = {
    0: "no machine", 2: "sparc", 3: "i386", 4: "m68k", 8: "mips", 15: "hppa", 18: "sparc32plus",
    20: "powerpc", 21: "powerpc64", 22: "s390", 40: "arm", 42: "sh", 43: "sparc64", 50: "ia64",
    83: "avr", 94: "xtensa", 164: "hexagon", 190: "cuda", 224: "amdgpu", 243: "riscv",
    247: "bpf", 252: "csky", 258: "loongarch", 0x9026: "alpha",
}  # fmt: skip
ARCHES: dict[int, Arch] = {62: Arch.X86_64, 183: Arch.AARCH64}


@dataclass(frozen=True, slots=True)
class Phdr:
    """One program header."""

    type: int
    flags: int
    offset: int
    address: int
    filesz: int
    memsz: int
    align: int


@dataclass(frozen=True, slots=True)
class ElfHeaders:
    """What the headers say, with every range known to lie inside the file."""

    arch: Arch
    osabi: int
    dynamic: bool  # ET_DYN
    entry: int
    phoff: int
    phdrs: tuple[Phdr, ...]

    def first(self, kind: int) -> Phdr | None:
        """The first program header of a type."""
        return next((p for p in self.phdrs if p.type == kind), None)


def read_headers(raw: bytes) -> ElfHeaders:
    """Headers of a 64-bit little-endian executable or shared object for a supported machine."""
    kind, machine = _check_ident(raw)
    fields = EHDR.unpack_from(raw, 0)
    entry, phoff, phentsize, phnum = fields[4], fields[5], fields[9], fields[10]
    if kind == 1:
        raise NotProgram(f"an ELF object file (.o) for {_machine(machine, 2)}; link it first")
    if kind == 4:  # ET_CORE
        raise NotProgram("an ELF core file, not an executable")
    if kind not in (2, 3):
        raise ImageError(f"an ELF file of type {kind:#x}, which is no executable")
    if phnum in (0, PN_XNUM):
        raise ImageError("an ELF file without usable program headers, so nothing can be loaded")
    if phentsize != PHDR.size:
        raise ImageError(f"malformed ELF: program headers of {phentsize} bytes instead of 56")
    if phoff + phnum * PHDR.size > len(raw):
        raise ImageError("truncated ELF: its program headers are past the end of the file")
    phdrs = tuple(
        Phdr(t, f, o, v, fs, ms, a)
        for t, f, o, v, _, fs, ms, a in PHDR.iter_unpack(raw[phoff : phoff + phnum * PHDR.size])
    )
    for phdr in phdrs:
        _check_phdr(phdr, len(raw))
    return ElfHeaders(ARCHES[machine], raw[7], kind == 3, entry, phoff, phdrs)


def _check_ident(raw: bytes) -> tuple[int, int]:
    """(e_type, e_machine) of a file whose class, byte order and machine we serve."""
    if len(raw) < 20:  # enough to name the machine
        raise ImageError("truncated ELF: shorter than an ELF header")
    order = "little" if raw[5] != 2 else "big"  # ELFDATA2MSB
    kind = int.from_bytes(raw[16:18], order)  # type: ignore[arg-type]
    machine = int.from_bytes(raw[18:20], order)  # type: ignore[arg-type]
    name = _machine(machine, raw[4])
    if raw[4] == 1:
        raise ImageError(f"a 32-bit ELF for {name}; only 64-bit programs are supported")
    if raw[4] != 2:  # ELFCLASS64
        raise ImageError(f"malformed ELF: class {raw[4]} is neither 32-bit nor 64-bit")
    if raw[5] == 2:  # ELFDATA2MSB
        raise ImageError(f"a big-endian ELF for {name}; only little-endian is supported")
    if raw[5] != 1:
        raise ImageError(f"malformed ELF: data encoding {raw[5]} is unknown")
    if machine not in ARCHES:
        planned = " (planned)" if name == "riscv64" else ""
        raise ImageError(f"an ELF for {name}{planned}; only x86_64 and aarch64 are supported")
    if len(raw) < EHDR.size:
        raise ImageError("truncated ELF: shorter than an ELF header")
    if raw[6] != 1:
        raise ImageError(f"malformed ELF: version {raw[6]} is unknown")
    return kind, machine


def _machine(value: int, elf_class: int) -> str:
    if value in ARCHES:
        return ARCHES[value].value
    name = MACHINES.get(value, f"machine {value:#x}")
    return f"{name}{64 if elf_class == 2 else 32}" if name == "riscv" else name


def _check_phdr(phdr: Phdr, size: int) -> None:
    if phdr.type in (PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_TLS):
        if phdr.offset + phdr.filesz > size:
            raise ImageError(
                f"truncated ELF: {_NAMES[phdr.type]} needs {phdr.offset + phdr.filesz} bytes"
                f" of file, it has {size}"
            )
        if phdr.type != PT_INTERP and phdr.filesz > phdr.memsz:
            raise ImageError(f"malformed ELF: {_NAMES[phdr.type]} is larger on disk than in memory")
    if phdr.type == PT_LOAD:
        _check_load(phdr)
    if phdr.type == PT_TLS and (phdr.memsz > TLS_LIMIT or phdr.align > PAGE * 16):
        raise ImageError(f"malformed ELF: absurd TLS size {phdr.memsz:#x} or alignment")
    if phdr.type == PT_TLS and phdr.address + max(phdr.memsz, 1) > USER_TOP:
        raise ImageError(f"malformed ELF: the TLS template at {phdr.address:#x} is outside the address space")


def _check_load(phdr: Phdr) -> None:
    if phdr.address + phdr.memsz > USER_TOP:
        raise ImageError(f"malformed ELF: absurd segment at {phdr.address:#x} of {phdr.memsz:#x} bytes")
    if phdr.align > 1 and not is_power_of_two(phdr.align):
        raise ImageError(f"malformed ELF: segment alignment {phdr.align:#x} is no power of two")
    if phdr.filesz and (phdr.address - phdr.offset) % PAGE:
        raise ImageError(
            f"malformed ELF: misaligned segment (address {phdr.address:#x}, file offset {phdr.offset:#x})"
        )


_NAMES = {
    PT_LOAD: "a segment", PT_DYNAMIC: "the dynamic section", PT_INTERP: "the interpreter name",
    PT_NOTE: "a note", PT_TLS: "the TLS template",
}  # fmt: skip


def load_segments(raw: bytes, headers: ElfHeaders) -> tuple[Segment, ...]:
    """The PT_LOADs in address order. Raises ImageError when they overlap or there are none."""
    loads = sorted((p for p in headers.phdrs if p.type == PT_LOAD and p.memsz), key=lambda p: p.address)
    if not loads:
        raise ImageError("an ELF file without a loadable segment")
    for low, high in pairwise(loads):
        if low.address + low.memsz > high.address:
            raise ImageError(f"malformed ELF: overlapping segments at {high.address:#x}")
    return tuple(
        Segment(p.address, p.memsz, raw[p.offset : p.offset + p.filesz], Prot(p.flags & 7)) for p in loads
    )


def read_interpreter(raw: bytes, headers: ElfHeaders) -> str:
    """The path in PT_INTERP, or an empty string."""
    phdr = headers.first(PT_INTERP)
    if phdr is None:
        return ""
    if not 1 < phdr.filesz <= PATH_LIMIT or raw[phdr.offset + phdr.filesz - 1]:
        raise ImageError("malformed ELF: its interpreter name is not a path")
    path = raw[phdr.offset : phdr.offset + phdr.filesz].split(b"\0")[0].decode("utf-8", "replace")
    if not path.isprintable():
        raise ImageError("malformed ELF: its interpreter name is not a path")
    return path


def read_dynamic(raw: bytes, headers: ElfHeaders) -> dict[int, int]:
    """Tag -> value of PT_DYNAMIC; a repeated tag (DT_NEEDED) keeps its last value."""
    phdr = headers.first(PT_DYNAMIC)
    if phdr is None:
        return {}
    body = raw[phdr.offset : phdr.offset + phdr.filesz - phdr.filesz % 16]
    found: dict[int, int] = {}
    for tag, value in struct.iter_unpack("<QQ", body):
        if not tag:
            break
        found[tag] = value
    return found


def read_notes(raw: bytes, headers: ElfHeaders) -> tuple[Note, ...]:
    """Every well-formed note of every PT_NOTE; a broken note ends its list, as kernels treat it."""
    notes: list[Note] = []
    for phdr in headers.phdrs:
        if phdr.type == PT_NOTE and phdr.filesz <= NOTE_LIMIT:
            body = raw[phdr.offset : phdr.offset + phdr.filesz]
            notes += split_notes(body, 8 if phdr.align == 8 else 4)
    return tuple(dict.fromkeys(notes))


def split_notes(body: bytes, align: int) -> list[Note]:
    """The notes of one note segment or section."""
    notes, at = [], 0
    while at + 12 <= len(body):
        namesz, descsz, kind = struct.unpack_from("<III", body, at)
        desc = at + 12 + -(-namesz // 4) * 4
        if align == 8:  # .note.gnu.property
            desc = -(-desc // 8) * 8
        if desc + descsz > len(body):
            break
        name = body[at + 12 : at + 12 + namesz].rstrip(b"\0").decode("latin-1")
        notes.append(Note(name, kind, body[desc : desc + descsz]))
        at = -(-(desc + descsz) // align) * align
    return notes
