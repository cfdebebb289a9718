"""Decides which personality an image expects, from tables of evidence."""

from __future__ import annotations

import re

from aot.errors import IdentifyError
from aot.image.model import Format, Image, Note
from aot.personality.abi.personality import Personality
from aot.record import dataclass

DEFAULT_BUILD = "19041"  # Windows column unless the user asks for another (or "wine")

# EI_OSABI -> personality. From: the gABI registry of EI_OSABI values; 0x48 is ours.
OSABI: dict[int, Personality] = {
    3: Personality.LINUX, 9: Personality.FREEBSD, 2: Personality.NETBSD,
    12: Personality.OPENBSD, 0x48: Personality.NATIVE,
}  # fmt: skip
OSABI_NONE = 0  # what modern toolchains write for nearly everything: no evidence
OSABI_NAMES: dict[int, str] = {
    1: "HP-UX", 4: "GNU Hurd", 6: "Solaris", 7: "AIX", 8: "IRIX", 10: "TRU64", 11: "Modesto",
    13: "OpenVMS", 14: "NonStop", 15: "AROS", 16: "FenixOS", 17: "CloudABI", 18: "OpenVOS",
    64: "ARM EABI", 97: "ARM", 255: "standalone",
}  # fmt: skip

# (note name, note type) -> personality. From: each system's sys/elf_common.h or exec_elf.h.
NOTES: dict[tuple[str, int], Personality] = {
    ("FreeBSD", 1): Personality.FREEBSD,  # NT_FREEBSD_ABI_TAG
    ("NetBSD", 1): Personality.NETBSD,  # NT_NETBSD_IDENT
    ("OpenBSD", 1): Personality.OPENBSD,  # NT_OPENBSD_IDENT
    ("Android", 1): Personality.LINUX,  # NT_ANDROID_VERSION
    ("Helctic", 1): Personality.NATIVE,
}
GNU_ABI_TAG = ("GNU", 1)  # its first word: 0 is Linux, else one of these
GNU_SYSTEMS: dict[int, str] = {
    1: "GNU Hurd", 2: "GNU Solaris", 3: "GNU/kFreeBSD", 4: "GNU/kNetBSD", 5: "Syllable",
}  # fmt: skip

INTERPRETERS: tuple[tuple[str, Personality], ...] = (
    (r"(/usr)?/lib(32|64|x32)?/ld-linux[-\w.]*\.so\.\d+", Personality.LINUX),
    (r"/lib(64)?/ld64\.so\.\d+", Personality.LINUX),
    (r".*/ld-musl-[\w-]+\.so\.1", Personality.LINUX),
    (r".*/ld-linux-[\w-]+\.so\.\d+", Personality.LINUX),
    (r"(/apex/[\w./]+|/system)/bin/linker64", Personality.LINUX),
    (r"(/usr)?/libexec/ld-elf\.so\.1", Personality.FREEBSD),
    (r"(/usr)?/libexec/ld\.elf_so", Personality.NETBSD),
    (r"/usr/libexec/ld\.so", Personality.OPENBSD),
)
NEEDED: tuple[tuple[str, Personality], ...] = (
    (r"libc\.so\.6|ld-linux[-\w.]*\.so\.\d+|libc\.musl-[\w-]+\.so\.1", Personality.LINUX),
    (r"libc\.so\.7|libsys\.so\.7", Personality.FREEBSD),
    (r"libc\.so\.12", Personality.NETBSD),
    (r"libc\.so\.\d+\.\d+", Personality.OPENBSD),
)
SECTIONS: dict[str, Personality] = {".openbsd.randomdata": Personality.OPENBSD}

# The one format of each system that does not use ELF.
FORMATS: dict[Personality, Format] = {
    Personality.WINDOWS: Format.PE,
    Personality.DARWIN: Format.MACHO,
}

WINDOWS_SUBSYSTEMS = {2: "GUI", 3: "console"}


@dataclass(frozen=True, slots=True)
class Identity:
    """The decision: personality, its name, the column of its tables, and what spoke for it."""

    personality: int
    name: str
    column: str
    evidence: tuple[str, ...]


def identify(image: Image, forced: int | None = None, *, build: str = DEFAULT_BUILD) -> Identity:
    """The personality of `image`. Raises IdentifyError when evidence contradicts itself or names a
    system we do not have; `forced` decides instead, `build` chooses the Windows column."""
    found = evidence(image)
    texts = tuple(text for _, text in found)
    if forced is not None:
        return _identity(image, _possible(image, forced), build, (*texts, "chosen by --personality"))
    candidates = {personality for personality, _ in found}
    if None in candidates:
        raise _refusal("the program is for a system that is no personality", texts)
    if len(candidates) > 1:
        raise _refusal("the evidence for a personality contradicts itself", texts)
    if not candidates:
        default = ("ELF without a system's mark: linux by default",)
        return _identity(image, Personality.LINUX, build, default)
    (personality,) = candidates
    assert personality is not None
    return _identity(image, personality, build, texts)


def evidence(image: Image) -> tuple[tuple[Personality | None, str], ...]:
    """What speaks for which personality; None is a system that is none of ours."""
    if image.format is Format.PE:
        kind = WINDOWS_SUBSYSTEMS.get(image.subsystem, f"subsystem {image.subsystem}")
        return ((Personality.WINDOWS, f"PE {image.arch.value} {kind} program: windows"),)
    if image.format is Format.MACHO:
        return ((Personality.DARWIN, f"Mach-O {image.arch.value} executable: darwin"),)
    found = [*_osabi(image.osabi)]
    for note in image.notes:
        found += _note(note)
    found += _match(INTERPRETERS, "interpreter", (image.interpreter,))
    found += _match(NEEDED, "needed library", image.needed)
    found += [
        (SECTIONS[name], f"section {name}: {SECTIONS[name].name.lower()}")
        for name in image.section_names
        if name in SECTIONS
    ]
    return tuple(dict.fromkeys(found))


def _osabi(value: int) -> list[tuple[Personality | None, str]]:
    if value == OSABI_NONE:
        return []
    personality = OSABI.get(value)
    if personality is None:
        return [(None, f"EI_OSABI {value} ({OSABI_NAMES.get(value, 'unknown')})")]
    return [(personality, f"EI_OSABI {value}: {personality.name.lower()}")]


def _note(note: Note) -> list[tuple[Personality | None, str]]:
    key = (note.name, note.type)
    if key == GNU_ABI_TAG and len(note.desc) >= 4:  # one word
        system = int.from_bytes(note.desc[:4], "little")
        if system == 0:
            return [(Personality.LINUX, "note GNU type 1 (ABI tag): linux")]
        return [(None, f"note GNU type 1 (ABI tag): {GNU_SYSTEMS.get(system, f'system {system}')}")]
    personality = NOTES.get(key)
    if personality is None:
        return []
    return [(personality, f"note {note.name} type {note.type}: {personality.name.lower()}")]


def _match(
    table: tuple[tuple[str, Personality], ...], what: str, values: tuple[str, ...]
) -> list[tuple[Personality | None, str]]:
    return [
        (personality, f"{what} {value}: {personality.name.lower()}")
        for value in values
        for pattern, personality in table
        if re.fullmatch(pattern, value)
    ]


def _possible(image: Image, forced: int) -> Personality:
    """A personality somebody chose, unless no program of it has this format."""
    try:
        personality = Personality(forced)
    except ValueError:
        raise IdentifyError(f"{forced} is not a personality") from None
    if FORMATS.get(personality, Format.ELF) is not image.format:
        found = image.format.value.upper().replace("MACHO", "Mach-O")
        raise IdentifyError(f"a file in {found} format is no program for {personality.name.lower()}")
    return personality


def _refusal(reason: str, texts: tuple[str, ...]) -> IdentifyError:
    listed = "; ".join(texts)
    return IdentifyError(f"{reason} ({listed}); choose one with --personality")


def _identity(image: Image, personality: Personality, build: str, texts: tuple[str, ...]) -> Identity:
    column = build if personality is Personality.WINDOWS else image.arch.value
    return Identity(int(personality), personality.name.lower(), column, texts)
