from __future__ import annotations

from pathlib import Path

import pytest

import aot.cli.cache
import aot.translate
from aot.cli.cache import Cache
from aot.cli.prepare import native_bytes


def test_the_key_is_content_options_and_translator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    first = cache.path(b"a", None, None)
    assert cache.path(b"a", None, None) == first
    assert (
        len(
            {
                first,
                cache.path(b"b", None, None),
                cache.path(b"a", "linux", None),
                cache.path(b"a", None, "wine"),
            }
        )
        == 4
    )
    monkeypatch.setattr(aot.cli.cache, "fingerprint", lambda: "another translator")
    assert cache.path(b"a", None, None) != first


def test_what_was_put_is_found(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "made" / "on demand")
    at = cache.path(b"a")
    assert cache.get(at) is None
    cache.put(at, b"translated")
    assert cache.get(at) == b"translated"


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    cache = Cache(blocked / "below a file")
    cache.put(cache.path(b"a"), b"translated")
    assert cache.get(cache.path(b"a")) is None


def test_a_foreign_file_is_translated_once_and_damage_is_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def translate(path: Path, personality: str | None, column: str | None, **_: object) -> bytes:
        made.append(path)
        return b"native"

    monkeypatch.setattr(aot.translate, "translate_file", translate)
    monkeypatch.setattr(aot.cli.prepare, "is_native", lambda raw: raw == b"native")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "program"
    source.write_bytes(b"foreign")
    assert [native_bytes(source, None, None) for _ in range(2)] == [b"native"] * 2
    assert len(made) == 1
    (kept,) = (tmp_path / "cache").rglob("*.elf")
    kept.write_bytes(b"cut sh")
    assert native_bytes(source, None, None) == b"native"
    assert len(made) == 2


def test_a_native_file_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aot.cli.prepare, "is_native", lambda raw: True)
    source = tmp_path / "out.elf"
    source.write_bytes(b"native")
    assert native_bytes(source, None, None) == b"native"
