from __future__ import annotations

import os
from pathlib import Path

import pytest

import aot.cli.libraries
from aot.cli.cache import Cache
from aot.cli.libraries import Libraries, beside, translated
from aot.overlay import Overlay, read, write
from aot.personality.abi.personality import Personality
from aot.translate import translate_library
from corpus.dynamic import build


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A shared object with sites, in a file of its own."""
    file = tmp_path / "libplugin.so"
    file.write_bytes((build("x86_64", "gnu") / "libplugin.so").read_bytes())
    return file


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long the contents were that were translated."""
    made: list[int] = []

    def counted(raw: bytes, personality: Personality) -> Overlay | None:
        made.append(len(raw))
        return translated(raw, personality)

    monkeypatch.setattr(aot.cli.libraries, "translated", counted)
    return made


def ask(libraries: Libraries, file: Path) -> Overlay | None:
    fd = os.open(file, os.O_RDONLY)
    try:
        return libraries.overlay(fd)
    finally:
        os.close(fd)


def test_the_second_time_nothing_is_translated(library: Path, calls: list[int], tmp_path: Path) -> None:
    first = ask(Libraries(Cache(tmp_path / "c" / "translated")), library)
    second = ask(Libraries(Cache(tmp_path / "c" / "translated")), library)
    assert first is not None and second == first
    assert len(calls) == 1


def test_in_one_run_the_same_file_has_the_same_overlay(library: Path, tmp_path: Path) -> None:
    libraries = Libraries(Cache(tmp_path / "c" / "translated"))
    assert ask(libraries, library) is ask(libraries, library)


def test_equal_content_in_another_file_is_known(library: Path, calls: list[int], tmp_path: Path) -> None:
    libraries = Libraries(Cache(tmp_path / "c" / "translated"))
    twin = library.with_name("twin.so")
    twin.write_bytes(library.read_bytes())
    assert ask(libraries, library) == ask(libraries, twin)
    assert len(calls) == 1


def test_a_file_that_changed_is_another(library: Path, calls: list[int], tmp_path: Path) -> None:
    libraries = Libraries(Cache(tmp_path / "c" / "translated"))
    before = ask(libraries, library)
    library.write_bytes(library.read_bytes() + b"\0")
    after = ask(libraries, library)
    assert before is not None and after is not None and before.sha256 != after.sha256
    assert len(calls) == 2


def test_what_has_no_sites_is_remembered(calls: list[int], tmp_path: Path) -> None:
    file = build("x86_64", "gnu") / "libpreload.so"
    for _ in range(2):
        assert ask(Libraries(Cache(tmp_path / "c" / "translated")), file) is None
    assert len(calls) == 1


def test_what_is_no_shared_object_is_not_looked_at(calls: list[int], tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_bytes(b"no ELF")
    assert ask(Libraries(Cache(tmp_path / "c" / "translated")), file) is None
    file.write_bytes(b"\x7fELF and nothing more")
    assert ask(Libraries(Cache(tmp_path / "c" / "translated")), file) is None
    assert len(calls) == 1


def test_a_damaged_overlay_is_made_again(library: Path, calls: list[int], tmp_path: Path) -> None:
    libraries = Libraries(Cache(tmp_path / "c" / "translated"))
    first = ask(libraries, library)
    (kept,) = libraries.folder.glob("*.overlay")
    for damage in (b"x", kept.read_bytes()[:-1], kept.read_bytes().replace(b'"known":[', b'"known":["')):
        kept.write_bytes(damage)
        assert ask(Libraries(libraries.cache), library) == first
    assert len(calls) == 4


def test_what_travels_with_the_program_comes_first(library: Path, calls: list[int], tmp_path: Path) -> None:
    made = translate_library(library.read_bytes(), Personality.LINUX)
    assert made is not None
    shipped = beside(tmp_path / "program.elf")
    shipped.mkdir()
    (shipped / f"{made.sha256}.overlay").write_bytes(write(made))
    assert ask(Libraries(Cache(tmp_path / "c" / "translated"), shipped), library) == made
    assert not calls


def test_a_cache_that_cannot_be_written_is_no_failure(
    library: Path, calls: list[int], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    for _ in range(2):
        assert ask(Libraries(Cache(tmp_path / "file" / "translated")), library) is not None
    assert len(calls) == 2


def test_an_overlay_is_its_file(library: Path) -> None:
    made = translate_library(library.read_bytes(), Personality.LINUX)
    assert made is not None
    assert read(write(made)) == made
    assert made.manifest.sites
