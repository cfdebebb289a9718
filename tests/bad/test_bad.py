"""Every bad file gives its one expected line; no damage gives anything but an ImageError."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aot.errors import ImageError
from aot.image.formats import load_image, read_image
from tests.bad.build import (
    CASES,
    LC_MAIN,
    MACH_TEXT,
    PAGE_ZERO,
    elf,
    mach_program,
    macho,
    note,
    pe,
    universal,
)

EXPECTED: dict[str, str] = tomllib.loads((Path(__file__).parent / "cases.toml").read_text())


def line(path: Path, **options: bool) -> str:
    with pytest.raises(ImageError) as caught:
        load_image(path, **options)
    return str(caught.value)


def test_every_case_has_its_line() -> None:
    assert len(CASES) >= 30
    assert list(EXPECTED) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_bad_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(CASES[name]())
    assert line(path) == f"{path}: {EXPECTED[name]}"
    assert "\n" not in EXPECTED[name]


def test_directory(tmp_path: Path) -> None:
    assert line(tmp_path) == f"{tmp_path}: a directory, not an executable"


def test_missing(tmp_path: Path) -> None:
    assert line(tmp_path / "no") == f"{tmp_path / 'no'}: cannot be read: No such file or directory"


def test_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert line(tmp_path / "pipe").endswith("not a regular file")


def test_sparse_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(1 << 40)
    assert "larger than any executable" in line(tmp_path / "big")


def test_path_with_null_byte() -> None:
    assert "cannot be read" in line(Path("a\0b"))


def test_libraries_are_allowed_for_analysis() -> None:
    assert read_image(elf(kind=3), analysis=True).pie
    assert read_image(pe(flags=0x2022), analysis=True).image_base == 0x140000000


def test_good_files_are_read() -> None:
    assert read_image(elf()).entry == 0x400000 + 64 + 56
    assert read_image(pe()).entry == 0x140001000
    assert read_image(mach_program(PAGE_ZERO, MACH_TEXT, LC_MAIN)).entry == 0x100000800


SEEDS = (
    elf(notes=[("GNU", 1, bytes(16))], interpreter="/lib64/ld-linux-x86-64.so.2"),
    elf(kind=3, interpreter="/lib/ld-musl-aarch64.so.1", machine=183),
    pe(directories={1: (0x2000, 40), 3: (0x2040, 24), 9: (0x2080, 40)}, data=bytes(range(256)) * 2),
    pe(machine=0xAA64, directories={0: (0x2000, 40), 3: (0x2040, 24), 13: (0x2080, 64)}, data=b"\x20" * 512),
    universal((0x01000007, 3)),
    macho(0x0100000C, 2),
    mach_program(PAGE_ZERO, MACH_TEXT, LC_MAIN),
    mach_program(PAGE_ZERO, MACH_TEXT, LC_MAIN, cpu=0x0100000C),
    note("x", 1, b""),
)


def survives(raw: bytes) -> None:
    for analysis in (False, True):
        try:
            read_image(raw, analysis=analysis)
        except ImageError as error:
            assert "\n" not in str(error)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_truncated(seed: bytes, data: st.DataObject) -> None:
    survives(seed[: data.draw(st.integers(0, len(seed)))])


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 2047), st.integers(0, 255)), max_size=12))
@example(SEEDS[0], [])
def test_bytes_changed(seed: bytes, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(seed)
    for at, value in changes:
        raw[at % len(raw)] = value
    survives(bytes(raw))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from((b"", b"\x7fELF\x02\x01\x01", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")),
    st.binary(),
)
def test_noise(magic: bytes, rest: bytes) -> None:
    survives(magic + rest)
