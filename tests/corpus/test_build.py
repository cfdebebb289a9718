"""The builder and the manifest: complete, unambiguous, and clear when something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus import build as builder
from corpus.build import SRC, BuildError, build, program, programs

PROGRAM_SUFFIXES = {".c", ".S"}
# By corpus/demo.py, the test of aot/personality/windows/guest_code.py, corpus/hosted.py, tests/conformance/test_dynamic.py.
BUILT_ELSEWHERE = {SRC / "demo" / "hello.c", SRC / "windows" / "sort.c", SRC / "windows" / "runtime.c"}
BUILT_ELSEWHERE |= {*(SRC / "hosted").glob("*.c"), *(SRC / "linux" / "dynamic").glob("*.c")}


def test_a_program_and_target_occur_once() -> None:
    pairs = [(p.name, target) for p in programs() for target in p.targets()]
    assert len(pairs) == len(set(pairs))


def test_every_source_belongs_to_a_program() -> None:
    named = set()
    for p in programs():
        for target in p.targets():
            os_name, arch = target.split("-")
            named |= {SRC / s.format(os=os_name, arch=arch) for s in p.sources}
    found = {p for p in SRC.rglob("*") if p.suffix in PROGRAM_SUFFIXES}
    assert found == named | BUILT_ELSEWHERE


def test_every_program_says_what_it_prints() -> None:
    assert [p.name for p in programs() if p.conformance and p.stdout is None and not p.lines] == []


def test_an_unknown_program_is_named() -> None:
    with pytest.raises(BuildError, match="no program 'nothing' for 'linux-x86_64'"):
        program("nothing", "linux-x86_64")


def test_without_zig_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HELCTIC_ZIG", raising=False)
    monkeypatch.setattr(builder, "find_spec", lambda name: None)
    monkeypatch.setattr(builder.shutil, "which", lambda name: None)
    builder.zig.cache_clear()
    try:
        with pytest.raises(BuildError, match=r"pip install 'helctic-aot\[corpus\]'"):
            builder.zig()
    finally:
        builder.zig.cache_clear()


def test_building_twice_gives_the_same_file() -> None:
    first = build("hello", "freebsd-aarch64")
    stamp = first.stat().st_mtime_ns
    assert build("hello", "freebsd-aarch64") == first
    assert first.stat().st_mtime_ns == stamp
    assert isinstance(first, Path)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_a_native_program_carries_its_own_osabi(arch: str) -> None:
    assert build("hello", f"native-{arch}").read_bytes()[7] == 0x48
