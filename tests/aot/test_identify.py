"""Which personality an image expects: every kind of evidence, ties, defaults, the way out."""

from __future__ import annotations

import struct

import pytest

from aot.analyze.identify import identify
from aot.errors import IdentifyError
from aot.image.formats import read_image
from aot.image.model import Arch, Format, Image
from aot.personality.abi.personality import Personality
from tests.bad.build import elf, pe

LINUX_TAG = ("GNU", 1, struct.pack("<IIII", 0, 3, 2, 0))
HURD_TAG = ("GNU", 1, struct.pack("<IIII", 1, 0, 0, 0))
BUILD_ID = ("GNU", 3, bytes(20))
FREEBSD_TAG = ("FreeBSD", 1, struct.pack("<I", 1400097))
NETBSD_TAG = ("NetBSD", 1, struct.pack("<I", 1000000000))
OPENBSD_TAG = ("OpenBSD", 1, bytes(4))

ELVES: list[tuple[bytes, Personality]] = [
    (elf(), Personality.LINUX),
    (elf(osabi=3), Personality.LINUX),
    (elf(osabi=9), Personality.FREEBSD),
    (elf(osabi=2), Personality.NETBSD),
    (elf(osabi=12), Personality.OPENBSD),
    (elf(osabi=0x48), Personality.NATIVE),
    (elf(notes=[LINUX_TAG]), Personality.LINUX),
    (elf(notes=[BUILD_ID, FREEBSD_TAG]), Personality.FREEBSD),
    (elf(notes=[NETBSD_TAG, ("PaX", 3, bytes(4))]), Personality.NETBSD),
    (elf(notes=[OPENBSD_TAG]), Personality.OPENBSD),
    (elf(notes=[BUILD_ID]), Personality.LINUX),
    (elf(notes=[("FreeBSD", 2, bytes(4))]), Personality.LINUX),  # the name alone is no evidence
    (elf(osabi=9, notes=[FREEBSD_TAG]), Personality.FREEBSD),
    (elf(interpreter="/lib64/ld-linux-x86-64.so.2"), Personality.LINUX),
    (elf(interpreter="/lib/ld-musl-x86_64.so.1"), Personality.LINUX),
    (elf(interpreter="/lib/ld-linux-aarch64.so.1", machine=183), Personality.LINUX),
    (elf(interpreter="/libexec/ld-elf.so.1"), Personality.FREEBSD),
    (elf(interpreter="/usr/libexec/ld.elf_so"), Personality.NETBSD),
    (elf(interpreter="/libexec/ld.elf_so"), Personality.NETBSD),
    (elf(interpreter="/usr/libexec/ld.so"), Personality.OPENBSD),
    (elf(interpreter="/opt/my-loader"), Personality.LINUX),
]


@pytest.mark.parametrize(("raw", "expected"), ELVES)
def test_elf(raw: bytes, expected: Personality) -> None:
    image = read_image(raw)
    found = identify(image)
    assert (found.personality, found.name) == (expected, expected.name.lower())
    assert found.column == image.arch.value
    assert found.evidence


@pytest.mark.parametrize(("machine", "subsystem"), [(0x8664, 3), (0x8664, 2), (0xAA64, 3), (0xAA64, 2)])
def test_pe(machine: int, subsystem: int) -> None:
    image = read_image(pe(machine=machine, subsystem=subsystem))
    assert identify(image).personality == Personality.WINDOWS
    assert identify(image).column == "19041"
    assert identify(image, build="wine").column == "wine"


def image(**facts: object) -> Image:
    start = {
        "format": Format.ELF,
        "arch": Arch.X86_64,
        "entry": 0,
        "segments": (),
        "pie": False,
        "sha256": "",
    }
    return Image(**(start | facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("libc.so.6", Personality.LINUX),
        ("libc.so.7", Personality.FREEBSD),
        ("libc.so.12", Personality.NETBSD),
        ("libc.so.97.1", Personality.OPENBSD),
    ],
)
def test_needed_library(library: str, expected: Personality) -> None:
    assert identify(image(needed=("libm.so.5", library))).personality == expected


def test_macho() -> None:
    found = identify(image(format=Format.MACHO, arch=Arch.AARCH64))
    assert (found.personality, found.column) == (Personality.DARWIN, "aarch64")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (elf(osabi=9, notes=[NETBSD_TAG]), ["EI_OSABI 9: freebsd", "note NetBSD type 1: netbsd"]),
        (elf(osabi=3, interpreter="/libexec/ld-elf.so.1"), ["linux", "ld-elf.so.1: freebsd"]),
        (elf(notes=[LINUX_TAG, OPENBSD_TAG]), ["linux", "openbsd"]),
        (elf(osabi=6), ["EI_OSABI 6 (Solaris)"]),
        (elf(osabi=200), ["EI_OSABI 200 (unknown)"]),
        (elf(notes=[HURD_TAG]), ["GNU Hurd"]),
        (elf(osabi=9, notes=[HURD_TAG]), ["GNU Hurd", "freebsd"]),
    ],
)
def test_ties_and_unknown_systems_are_refused(raw: bytes, words: list[str]) -> None:
    with pytest.raises(IdentifyError) as caught:
        identify(read_image(raw))
    text = str(caught.value)
    assert all(word in text for word in words)
    assert "--personality" in text
    assert "\n" not in text


def test_forced_personality_decides() -> None:
    found = identify(read_image(elf(osabi=6)), Personality.NETBSD)
    assert (found.personality, found.name, found.column) == (Personality.NETBSD, "netbsd", "x86_64")
    assert found.evidence == ("EI_OSABI 6 (Solaris)", "chosen by --personality")
    assert identify(read_image(elf()), Personality.NATIVE).personality == 0


@pytest.mark.parametrize(
    ("raw", "forced", "words"),
    [
        (pe(), Personality.LINUX, "a file in PE format is no program for linux"),
        (elf(), Personality.WINDOWS, "a file in ELF format is no program for windows"),
        (elf(), Personality.DARWIN, "a file in ELF format is no program for darwin"),
    ],
)
def test_forced_personality_must_use_the_format(raw: bytes, forced: Personality, words: str) -> None:
    with pytest.raises(IdentifyError, match=words):
        identify(read_image(raw), forced)


def test_forced_value_must_exist() -> None:
    with pytest.raises(IdentifyError, match="99 is not a personality"):
        identify(read_image(elf()), 99)


def test_values_on_the_wire() -> None:
    assert [p.value for p in Personality] == [0, 1, 2, 3, 4, 5, 6]
