"""Reads a translated file with a second reader: it must hold what its manifest says, and nothing else."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from aot.errors import ManifestError, VerifyError
from aot.image.formats import read_image
from aot.image.model import Arch, Image, Prot
from aot.image.source import read_source
from aot.manifest import OSABI, PAGE, SECTION, ExitWord, ImportSite, Manifest, Site, StubClass, decode
from aot.record import dataclass, fields
from aot.rewrite.memory import Chunk, Memory
from aot.rewrite.verify_stubs import check_imports, check_sites

# What pyelftools lets through when offsets and counts are nonsense.
_DAMAGED = (OverflowError, ValueError, KeyError, AttributeError, TypeError, IndexError)


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked."""

    manifest: Manifest
    classes: Mapping[str, int]
    tactics: Mapping[str, int]
    stub_bytes: int
    changed_bytes: int  # of the guest's image
    compared_bytes: int  # with the source; 0 when there was none to compare with


def verify(out: Path | str | bytes, against: Path | str | bytes | None = None) -> Report:
    """Check a translated file, and the source it came from if given. Raises VerifyError."""
    raw = _read(out)
    manifest, chunks, entry = _open(raw)
    _check_types(manifest)
    memory = Memory(chunks)
    _check_layout(manifest, chunks, entry)
    _check_area(manifest, memory)
    original = memory.restored(_planned(manifest))
    check_sites(manifest, memory, original)
    check_imports(manifest, memory)
    compared = _compare(manifest, chunks, _read(against)) if against is not None else 0
    return Report(
        manifest,
        Counter(site.cls for site in manifest.sites),
        Counter(site.tactic for site in manifest.sites if site.cls != StubClass.DYNAMIC.value),
        sum(site.stub_size for site in manifest.sites),
        sum(len(old) for _, old in _planned(manifest)),
        compared,
    )


def _read(source: Path | str | bytes) -> bytes:
    return source if isinstance(source, bytes) else read_source(Path(source))


def _open(raw: bytes) -> tuple[Manifest, tuple[Chunk, ...], int]:
    """(manifest, what is mapped in address order, entry) as pyelftools sees them."""
    try:
        elf = ELFFile(io.BytesIO(raw))
        if elf.header.e_ident.EI_OSABI not in (OSABI, "ELFOSABI_HELCTIC"):
            raise VerifyError(f"EI_OSABI is {elf.header.e_ident.EI_OSABI}, not {OSABI:#x}")
        section = elf.get_section_by_name(SECTION)
        if section is None:
            raise VerifyError(f"there is no {SECTION} section")
        manifest = decode(section.data())
        chunks = [
            Chunk(s.header.p_vaddr, s.header.p_memsz, s.data(), Prot(s.header.p_flags))
            for s in elf.iter_segments("PT_LOAD")
        ]
        offsets = [(s.header.p_offset - s.header.p_vaddr) % PAGE for s in elf.iter_segments("PT_LOAD")]
        entry = int(elf.header.e_entry)
    except (ELFError, *_DAMAGED) as error:
        raise VerifyError(f"not an ELF file: {error}") from None
    except ManifestError as error:
        raise VerifyError(str(error)) from None
    if any(offsets):
        raise VerifyError("a PT_LOAD's offset is not congruent to its address")
    for hole in manifest.reservations:
        chunks.append(Chunk(hole.address, hole.size, bytes.fromhex(hole.data), Prot(hole.prot)))
    return manifest, tuple(sorted(chunks, key=lambda c: c.address)), entry


def _check_types(manifest: Manifest) -> None:
    """JSON does not say what a field is: numbers are integers, texts are strings."""
    shapes = ((Site(0, 0, "", "", 0, ""), manifest.sites), (ExitWord(0, 0), manifest.exits),
              (ImportSite("", "", 0, "", 0, 0, ""), manifest.imports))  # fmt: skip
    for shape, values in shapes:
        names = [one.name for one in fields(shape)]
        for value in values:
            for name in names:
                held, want = getattr(value, name), getattr(shape, name)
                if type(held) is not type(want) and (held is not None or name not in ("number", "call")):
                    raise VerifyError(f"the manifest's {name} is {held!r}")
    numbers = (manifest.area, manifest.area_size, manifest.counters, manifest.image_end, *manifest.launcher)
    if any(type(number) is not int or not 0 <= number < 1 << 64 for number in numbers):
        raise VerifyError("the manifest's addresses are none")
    if len({site.resume - site.addr - site.size for site in manifest.sites}) > 1:
        raise VerifyError("sites do not agree where the guest continues")


def _check_layout(manifest: Manifest, chunks: Sequence[Chunk], entry: int) -> None:
    for low, high in pairwise(chunks):
        if low.end > high.address:
            raise VerifyError(f"segments at {low.address:#x} and {high.address:#x} overlap")
    address, size = manifest.launcher
    if not address <= entry < address + size:
        raise VerifyError(f"the entry {entry:#x} is not the launcher's")
    ours = (*_area_ranges(manifest), (address, address + size, Prot.R | Prot.X))
    for start, end, prot in ours:
        held = [c for c in chunks if c.address < end and start < c.end]
        if start < end and [c.prot for c in held] != [prot]:
            raise VerifyError(f"[{start:#x}, {end:#x}) is not one segment with rights {prot!r}")


def _area_ranges(manifest: Manifest) -> tuple[tuple[int, int, Prot], ...]:
    base, counters = manifest.area, PAGE * manifest.counters
    code = base + PAGE + counters
    return (
        (base, base + PAGE, Prot.R),
        (base + PAGE, code, Prot.R | Prot.W),
        (code, base + manifest.area_size, Prot.R | Prot.X),
    )


def _check_area(manifest: Manifest, memory: Memory) -> None:
    """Slots, data words and counters are the runtime's to fill; exit words are `udf`."""
    before = PAGE * (1 + manifest.counters)
    if any(memory.read(manifest.area, before)):
        raise VerifyError("slots, data words or counters are not zero")
    if manifest.image_end > manifest.area and manifest.area + manifest.area_size > manifest.image_end:
        raise VerifyError("the stub area overlaps the image")
    for word in manifest.exits:
        held = int.from_bytes(memory.read(word.addr, 4), "little")
        if held != word.kind:
            raise VerifyError(f"the exit word at {word.addr:#x} is {held:#010x}, not udf #{word.kind}")
    if Arch(manifest.arch) is Arch.AARCH64:
        listed = {word.addr for word in manifest.exits}
        gates = [
            (s.addr, gate) for s in manifest.sites for gate in (s.gate, *(case.gate for case in s.cases))
        ]
        missing = [addr for addr, gate in gates if gate and gate not in listed]
        if missing:
            raise VerifyError(f"the exit of the site at {missing[0]:#x} is not listed")


def _planned(manifest: Manifest) -> list[tuple[int, bytes]]:
    """(address, old bytes) of every range that translation overwrote."""
    ranges: list[tuple[int, str]] = [(i.slot, i.old) for i in manifest.imports]
    for site in manifest.sites:
        ranges += _written(site)
    planned = sorted((address, bytes.fromhex(old)) for address, old in ranges)
    for (low, old), (high, _) in pairwise(planned):
        if low + len(old) > high:
            raise VerifyError(f"the bytes at {high:#x} were overwritten twice")
    return planned


def _written(site: Site) -> Iterator[tuple[int, str]]:
    if site.cls == StubClass.DYNAMIC.value:
        return
    if len(site.old) != len(site.new) or not site.old:
        raise VerifyError(f"the site at {site.addr:#x} does not say what it overwrote")
    yield site.window, site.old
    if site.landing:
        yield site.landing, site.landing_old


def _compare(manifest: Manifest, chunks: Sequence[Chunk], raw: bytes) -> int:
    """Compare the whole loaded image with the source's; answers the number of bytes compared."""
    image = read_image(raw)
    if image.sha256 != manifest.source_sha256:
        raise VerifyError("the manifest names another source (sha256)")
    if (image.entry, image.arch.value) != (manifest.entry, manifest.arch):
        raise VerifyError("entry or architecture differ from the source")
    original = Memory(chunks).restored(_planned(manifest))
    total = 0
    for segment in image.segments:
        held = original.read(segment.address, segment.size)
        want = segment.data + bytes(segment.size - len(segment.data))
        if held != want:
            at = next(i for i, (a, b) in enumerate(zip(held, want, strict=False)) if a != b)
            raise VerifyError(f"the byte at {segment.address + at:#x} differs from the source")
        total += segment.size
    _compare_rights(manifest, image, chunks)
    return total


def _compare_rights(manifest: Manifest, image: Image, chunks: Sequence[Chunk]) -> None:
    """Every mapped byte is the guest's with the guest's rights, or ours."""
    ours = [(start, end) for start, end, _ in _area_ranges(manifest)]
    ours.append((manifest.launcher[0], sum(manifest.launcher)))
    for chunk in chunks:
        if any(start <= chunk.address and chunk.end <= end for start, end in ours):
            continue
        segment = image.segment_at(chunk.address)
        if segment is None or chunk.end > segment.end:
            raise VerifyError(f"[{chunk.address:#x}, {chunk.end:#x}) is neither the guest's nor ours")
        if segment.prot != chunk.prot:
            raise VerifyError(f"the rights at {chunk.address:#x} differ from the source")
