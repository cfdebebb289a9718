from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aot.cli.batching.display import line, shown
from aot.cli.batching.journal import Journal
from aot.cli.batching.model import Choice, Entry, Limits, Outcome, from_json
from aot.cli.batching.store import FOLDER, LocalStore
from aot.cli.batching.tree import walk
from aot.cli.batching.worker import translate_one
from aot.cli.main import serve as command_line
from aot.errors import SetupError
from tests.bad.build import elf, elf32, pe
from tests.cli.batches import batch, never, outcomes, program
from tests.cli.work import ASKED, obey


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Programs, files that are none, and names that are odd."""
    source = tmp_path / "src"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "program").write_bytes(program())
    (source / "deep" / "other program").write_bytes(program(b"other"))
    (source / "deep" / "er" / "-v").write_bytes(program(b"third"))
    (source / "notes.txt").write_text("hello\n")
    (source / "empty").write_bytes(b"")
    (source / "library.so").write_bytes(elf(kind=1))
    return source


def test_a_tree_is_translated(tree: Path, tmp_path: Path) -> None:
    status, report = batch(tree, tmp_path / "out")
    assert status == 0
    assert outcomes(report) == {
        "program": "translated",
        "deep/other program": "translated",
        "deep/er/-v": "translated",
        "notes.txt": "not an executable",
        "empty": "not an executable",
        "library.so": "not an executable",
    }
    assert report["counts"] == {"translated": 3, "not an executable": 3}
    (entry,) = (e for e in report["files"] if e["path"] == "deep/er/-v")
    output = tmp_path / "out" / "deep" / "er" / "-v.elf"
    assert entry["output"] == "deep/er/-v.elf"
    assert output.read_bytes().startswith(b"\x7fELF")
    assert output.stat().st_mode & 0o111
    assert (entry["personality"], entry["arch"], entry["format"]) == ("linux", "x86_64", "elf")
    assert entry["sites"] == sum(entry["classes"].values()) == 1
    assert len(entry["sha256"]) == 64
    assert sorted(p.name for p in (tmp_path / "out" / FOLDER).iterdir()) == ["journal.jsonl", "lock"]


def test_a_second_run_does_nothing(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(tree, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.elf")}
    status, report = batch(tree, out, never)
    assert status == 0
    assert report["counts"] == {"up to date": 3, "not an executable": 3}
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.elf")} == before


def test_what_changed_is_done_again(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(tree, out)
    (tree / "program").write_bytes(program(b"changed"))
    (out / "deep" / "other program.elf").write_bytes(b"altered")
    (out / "deep" / "er" / "-v.elf").unlink()
    assert batch(tree, out)[1]["counts"]["translated"] == 3
    assert batch(tree, out, key="another translator")[1]["counts"]["translated"] == 3
    assert batch(tree, out, key="another translator")[1]["counts"]["up to date"] == 3


def test_a_source_that_is_gone_is_told_and_its_output_kept(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(tree, out)
    (tree / "program").unlink()
    for _ in range(2):
        status, report = batch(tree, out)
        assert (status, outcomes(report)["program"]) == (0, "removed")
    (out / "program.elf").unlink()
    assert "program" not in outcomes(batch(tree, out)[1])


def test_a_bad_worker_costs_its_file_only(tree: Path, tmp_path: Path) -> None:
    for name in ("crash", "hang", "leave", "half"):
        (tree / name).write_bytes(ASKED + name.encode())
    out = tmp_path / "out"
    status, report = batch(tree, out, obey, limits=Limits(5.0, 0))
    assert status == 1
    reasons = {e["path"]: e["reason"] for e in report["files"] if e["outcome"] == "failed"}
    assert reasons == {
        "crash": "the translator was killed by SIGSEGV",
        "hang": "not done after 5 s (--timeout)",
        "leave": "the translator ended with status 3",
        "half": "the translator was killed by SIGKILL",
    }
    assert report["counts"]["translated"] == 3
    assert not (out / FOLDER / "tmp").exists()
    assert not list(out.glob("half*"))
    again = outcomes(batch(tree, out, translate_one)[1])
    assert again["crash"] == "refused"  # failures are tried again, and this worker knows better


def test_refusals_make_the_status_1_and_are_remembered(tree: Path, tmp_path: Path) -> None:
    (tree / "small.exe").write_bytes(elf32(3))
    (tree / "cut.exe").write_bytes(pe()[:100])
    for work in (translate_one, never):
        status, report = batch(tree, tmp_path / "out", work)
        assert status == 1
        assert report["counts"]["refused"] == 2
    reasons = {e["path"]: e["reason"] for e in report["files"] if e["outcome"] == "refused"}
    assert reasons["small.exe"].startswith("a 32-bit ELF")


def test_a_bug_is_one_failure(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aot.cli.batching import worker

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(worker, "identity_of", fail)
    found = translate_one(str(tree / "program"), str(tmp_path / "x"), Choice())
    assert (found["outcome"], found["reason"]) == ("failed", "ZeroDivisionError: a bug")


def test_links_and_special_files(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "file").write_bytes(b"x")
    (tmp_path / "outside").write_bytes(b"x")
    os.mkfifo(source / "pipe")
    for name, target in (
        ("in", "file"),
        ("out", "../outside"),
        ("up", ".."),
        ("loop", "loop"),
        ("none", "no"),
    ):
        (source / name).symlink_to(target)
    found = list(walk(source, ()))
    assert [item for item in found if isinstance(item, str)] == ["file", "in"]
    assert {item.path: item.reason for item in found if isinstance(item, Entry)} == {
        "out": "symbolic link out of the tree",
        "up": "symbolic link out of the tree",
        "loop": "symbolic link in a loop",
        "none": "symbolic link to nothing",
        "pipe": "named pipe",
    }


def test_what_cannot_be_read(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "program":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    status, report = batch(tree, tmp_path / "out")
    assert status == 1
    (entry,) = (e for e in report["files"] if e["path"] == "program")
    assert (entry["outcome"], entry["reason"]) == ("unreadable", "Permission denied")


def test_the_output_may_lie_in_the_source(tree: Path) -> None:
    out = tree / "out"
    batch(tree, out)
    status, report = batch(tree, out)
    assert status == 0
    assert report["counts"] == {"up to date": 3, "not an executable": 3}


def test_an_output_that_is_in_the_way(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "program.elf").mkdir(parents=True)
    status, report = batch(tree, out)
    assert status == 1
    assert outcomes(report)["program"] == "failed"
    assert report["counts"]["translated"] == 2


def test_names_can_hold_anything(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    for name in (b"new\nline", b"bad\xffname", "größe".encode(), b"[bold]x"):
        (source / os.fsdecode(name)).write_bytes(program())
    out = tmp_path / "out"
    assert batch(source, out)[1]["counts"] == {"translated": 1, "copied": 3}
    assert batch(source, out, never)[1]["counts"] == {"up to date": 4}
    assert (out / os.fsdecode(b"bad\xffname.elf")).exists()
    assert shown(os.fsdecode(b"a\n\x1b\xff")) == "a\\n\\x1b\\xff"
    assert "[bold]x" in line(Entry("[bold]x", Outcome.REFUSED, "why")).plain


def test_one_batch_at_a_time(tmp_path: Path) -> None:
    first = Journal(LocalStore(tmp_path))
    with pytest.raises(SetupError, match="another batch"):
        Journal(LocalStore(tmp_path))
    first.close(None)
    Journal(LocalStore(tmp_path)).close(None)


def test_a_broken_journal_line_is_no_entry(tmp_path: Path) -> None:
    journal = Journal(LocalStore(tmp_path))
    entry = Entry("a", Outcome.TRANSLATED, output="a.elf", unserved=("x!y",))
    journal.add(entry)
    journal.close(None)
    with (tmp_path / FOLDER / "journal.jsonl").open("a") as file:
        file.write('{"path": "b", "outcome": "nonsense"}\n[1]\n{"path": "c", "outc')
    journal = Journal(LocalStore(tmp_path))
    journal.add(Entry("d", Outcome.FAILED))
    journal.close(None)
    journal = Journal(LocalStore(tmp_path))
    assert journal.before == {"a": entry, "d": Entry("d", Outcome.FAILED)}
    journal.close(None)
    assert from_json(json.loads(json.dumps(entry.as_json()))) == entry


def many(tmp_path: Path) -> tuple[Path, Path]:
    source = tmp_path / "src"
    source.mkdir()
    for number in range(24):
        (source / f"p{number}").write_bytes(program(str(number).encode()))
    return source, tmp_path / "out"


def start(source: Path, out: Path) -> subprocess.Popen[str]:
    """A batch, once three results are in its journal."""
    command = [sys.executable, "-m", "aot.cli", "batch", "-j", "1", str(source), str(out)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    journal = out / FOLDER / "journal.jsonl"
    deadline = time.monotonic() + 60
    while not journal.exists() or journal.read_text().count("}\n") < 3:
        assert time.monotonic() < deadline, "no result within a minute"
        assert running.poll() is None, running.stdout and running.stdout.read()
        time.sleep(0.005)
    return running


def test_a_killed_batch_goes_on(tmp_path: Path) -> None:
    source, out = many(tmp_path)
    running = start(source, out)
    running.kill()
    running.communicate()
    (out / FOLDER / "tmp").mkdir(exist_ok=True)
    (out / FOLDER / "tmp" / "left.elf").write_bytes(b"half")
    done = subprocess.run(
        [sys.executable, "-m", "aot.cli", "batch", "-q", str(source), str(out)], timeout=120, check=False
    )
    counts = json.loads((out / "batch.json").read_text())["counts"]
    assert done.returncode == 0
    assert counts["up to date"] >= 3
    assert counts["up to date"] + counts.get("translated", 0) == 24
    assert len(list(out.glob("*.elf"))) == 24
    assert not (out / FOLDER / "tmp").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_batch_keeps_what_it_did(tmp_path: Path, number: int) -> None:
    source, out = many(tmp_path)
    running = start(source, out)
    running.send_signal(number)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted; what was done is kept" in said
    assert "Traceback" not in said
    report = json.loads((out / "batch.json").read_text())
    assert report["interrupted"]
    assert 3 <= report["counts"]["translated"] <= 24
    assert len(list(out.glob("*.elf"))) == report["counts"]["translated"]


def test_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (tmp_path / "file").write_text("")
    for arguments in (
        ["batch", str(tmp_path / "none"), str(tmp_path / "out")],
        ["batch", str(source), str(source)],
        ["batch", str(source), str(tmp_path / "file")],
        ["batch", "-j", "0", str(source), str(tmp_path / "out")],
        ["batch", "--timeout", "0", str(source), str(tmp_path / "out")],
    ):
        assert command_line(arguments) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_the_command(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["batch", str(tree), str(tmp_path / "out")]) == 0
    shown_lines = capsys.readouterr().out
    assert "translated         deep/er/-v: elf x86_64, linux; 1 site (1 bound)" in shown_lines
    assert "notes.txt" not in shown_lines
    assert json.loads((tmp_path / "out" / "batch.json").read_text())["counts"]["translated"] == 3
    assert command_line(["batch", "-v", str(tree), str(tmp_path / "out")]) == 0
    assert "notes.txt: a text file" in capsys.readouterr().out
