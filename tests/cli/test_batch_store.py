"""Where results go: what is the same is made once, and places behind URLs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import fsspec
import pytest

from aot.cli.batching import store
from aot.cli.batching.model import Limits
from aot.cli.batching.store import FOLDER, RemoteStore
from tests.cli.batches import (
    batch,
    never,
    options,
    outcomes,
    program,
    reasons,
    results,
    serve_options,
    zipped,
)
from tests.cli.work import ASKED, noted, obey


@pytest.fixture
def twins(tmp_path: Path) -> Path:
    """One program six times, one of them in an archive, and another one."""
    source = tmp_path / "src"
    source.mkdir()
    for number in range(5):
        (source / f"t{number}").write_bytes(program())
    (source / "other").write_bytes(program(b"other"))
    (source / "a.zip").write_bytes(zipped([("t", program())]))
    return source


def made(out: Path) -> int:
    """How many files were translated since this was asked last."""
    notes = out / FOLDER / "notes"
    number = len(notes.read_text()) if notes.exists() else 0
    notes.unlink(missing_ok=True)
    return number


def test_the_same_content_is_translated_once(twins: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, report = batch(twins, out, noted)
    assert (status, made(out)) == (0, 2)
    assert report["counts"] == {"translated": 2, "copied": 5, "opened": 1}
    found = results(out)
    assert set(found) == {"a.zip/t.elf", "other.elf", *(f"t{n}.elf" for n in range(5))}
    assert len(set(found.values())) == 2
    assert batch(twins, out, never)[1]["counts"] == {"up to date": 7, "opened": 1}


def test_a_file_that_moved_is_not_translated_again(twins: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(twins, out)
    (twins / "deep").mkdir()
    (twins / "other").rename(twins / "deep" / "moved")
    report = batch(twins, out, never)[1]
    assert outcomes(report)["deep/moved"] == "copied"
    assert outcomes(report)["other"] == "removed"
    assert (out / "deep/moved.elf").read_bytes() == (out / "other.elf").read_bytes()


def test_without_resuming_everything_is_done_again(twins: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(twins, out, noted)
    made(out)
    batch(twins, out, noted, resume=False)
    assert made(out) == 2


@pytest.mark.parametrize("way", ["reflink", "link", "copy"])
def test_ways_to_share(twins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "not here")

    if way != "reflink":
        monkeypatch.setattr(store, "_reflink", lambda *_: False)
    if way == "copy":
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    out = tmp_path / "out"
    assert batch(twins, out)[0] == 0
    assert len(set(results(out).values())) == 2
    links = {path.stat().st_nlink for path in out.glob("t*.elf")}
    assert links == {6} if way == "link" else links == {1} if way == "copy" else links in ({1}, {6})
    assert all(os.access(path, os.X_OK) for path in out.rglob("*.elf"))
    assert not (out / FOLDER / "sharing").exists()


def test_twins_of_a_failure_fail_with_it(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    for number in range(10):
        (source / f"h{number}").write_bytes(ASKED + b"hang")
    status, report = batch(source, tmp_path / "out", obey, limits=Limits(2.0, 0))
    assert status == 1
    assert set(reasons(report).values()) == {"not done after 2 s (--timeout)"}
    assert report["counts"] == {"failed": 10}
    assert report["seconds"] < 10 * 2.0


def test_a_result_that_cannot_be_placed_does_not_fail_its_twins(twins: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "t0.elf").mkdir(parents=True)
    (out / "t0.elf" / "in the way").write_text("")
    report = batch(twins, out, jobs=1)[1]
    assert outcomes(report)["t0"] == "failed"
    assert reasons(report)["t0"].startswith("t0.elf: cannot be written: ")
    assert set(results(out)) == {"a.zip/t.elf", "other.elf", *(f"t{n}.elf" for n in range(1, 5))}


def test_results_behind_a_url(twins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.platformdirs, "user_state_dir", lambda *_: str(tmp_path / "state"))
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    place = "memory://place/out"

    def go(*arguments: object) -> dict[str, int]:
        assert serve_options(options([twins], place, without=()), *arguments) == 0
        counts: dict[str, int] = json.loads(memory.cat("/place/out/batch.json"))["counts"]
        return counts

    assert go() == {"translated": 2, "copied": 5, "opened": 1}
    there = {path for path in memory.find("/place/out") if path.endswith(".elf")}
    assert there == {f"/place/out/{n}.elf" for n in ("a.zip/t", "other", "t0", "t1", "t2", "t3", "t4")}
    batch(twins, tmp_path / "here")
    assert memory.cat("/place/out/t0.elf") == (tmp_path / "here/t0.elf").read_bytes()
    assert go(never) == {"up to date": 7, "opened": 1}
    # Another machine goes on with the journal that lies there.
    monkeypatch.setattr(store.platformdirs, "user_state_dir", lambda *_: str(tmp_path / "elsewhere"))
    assert go(never) == {"up to date": 7, "opened": 1}
    memory.rm("/place/out/other.elf")
    assert go() == {"translated": 1, "up to date": 6, "opened": 1}


def test_a_file_url_is_a_directory_here(tmp_path: Path) -> None:
    found = store.store_of(f"file://{tmp_path}/out")
    assert not isinstance(found, RemoteStore)
    assert found.state == tmp_path / "out" / FOLDER
