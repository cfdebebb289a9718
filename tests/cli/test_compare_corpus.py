from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from aot.cli.comparison.cases import Case, cases, read
from aot.cli.comparison.check import same_start
from aot.cli.comparison.corpus import Outcome, Result
from aot.cli.comparison.corpus_html import page
from aot.cli.comparison.summary import Quartiles, summary
from aot.cli.main import serve
from aot.errors import SetupError
from tests.bad import build
from tests.cli.test_compare import CAT, CRASH, CURIOUS, FOREVER, HELLO, Balanced, made

# openat(AT_FDCWD, "f", O_CREAT|O_EXCL|O_RDWR, 0600), exit(its result): 3 where nothing was there before
MAKER = bytes.fromhex("6a66 4889e6 bf9cffffff bac2000000 41ba80010000 b801010000 0f05 89c7 b83c000000 0f05")


def tree(folder: Path, **programs: bytes) -> Path:
    found = folder / "programs"
    found.mkdir()
    for name, code in programs.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build, "CODE", code)
            (found / name).write_bytes(build.elf())
    return found


def compared(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    told = folder.parent / "told.json"
    status = serve(["compare", "--corpus", str(folder), "--runs", "1", "--json", str(told), *options])
    return status, json.loads(told.read_text())


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_no_program_stops_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tree(tmp_path, cat=CAT, crash=CRASH, curious=CURIOUS, forever=FOREVER, hello=HELLO)
    (folder / "text").write_text("no program")
    (folder / "broken").write_bytes(build.elf()[:100])
    (folder / "compare.toml").write_text(
        '[[program]]\nfile = "cat"\nstdin = "one"\nstdout = "one"\n'
        '[[program]]\nfile = "cat"\nargs = ["x"]\nstdin = "two"\nstdout = "three"\n'
        '[[program]]\nfile = "forever"\ntimeout = 2\n[[program]]\nfile = "crash"\nstatus = 139\n'
    )
    html = tmp_path / "x.html"
    status, found = compared(folder, "--jobs", "2", "--html", str(html))
    outcomes = {" ".join((p["case"]["file"], *p["case"]["args"])): p["outcome"] for p in found["programs"]}
    assert outcomes == {
        "broken": "refused", "cat": "equal", "cat x": "not as expected", "crash": "equal",
        "curious": "different", "forever": "did not end", "hello": "equal", "text": "no program",
    }  # fmt: skip
    assert status == 1
    assert found["outcomes"]["equal"] == 3
    assert found["doors"]["inline"] == 3  # of hello, crash and curious
    assert found["decided"] == 1.0
    assert next(line["call"] for line in found["calls"]) == "write"
    out = capsys.readouterr().out
    assert re.search(r"different +curious .* standard output at line 1", out)
    assert not re.search(r"(src|href)=|https?://|@import|url\(", html.read_text())


def test_every_run_has_an_empty_directory(tmp_path: Path) -> None:
    status, found = compared(tree(tmp_path, maker=MAKER))
    (program,) = found["programs"]
    assert (status, program["outcome"], program["status"]) == (0, "equal", 3)


def test_a_whole_corpus_that_is_equal_is_status_0(tmp_path: Path) -> None:
    status, found = compared(tree(tmp_path, hello=HELLO))
    assert (status, found["ratios"]["mean crossing"]["count"]) == (0, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[program]]\n", "program 1: names no file"),
        ('[[program]]\nfile = "a"\narg = 1\n', "'arg' is none of file"),
        ('[[program]]\nfile = "a"\nargs = "x"\n', "args is no list of texts"),
        ('[[program]]\nfile = "a"\nenv = ["x"]\n', "env holds something else than NAME=VALUE"),
        ('[[program]]\nfile = "a"\nstatus = true\n', "status is no number from 0 to 255"),
        ('[[program]]\nfile = "a"\ntimeout = 0\n', "timeout is no number of seconds"),
        ('[[program]]\nfile = 3\n', "file is no text"),
        ("program = 3\n", "something else than [[program]] tables"),
        ("x = \n", "compare.toml: Invalid value"),
        ('[[program]]\nfile = "b"\n', "b is no file of"),
    ],
)  # fmt: skip
def test_a_description_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "compare.toml").write_text(text)
    with pytest.raises(SetupError, match=re.escape(message)):
        cases(tmp_path, None)


def test_files_without_a_description_run_once(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_text("")
    (tmp_path / "a").write_text("")
    told = tmp_path / "compare.toml"
    told.write_text('[[program]]\nfile = "a"\nskip = "why"\n[[program]]\nfile = "a"\nargs = ["x"]\n')
    assert [case.name for case in cases(tmp_path, None)] == ["a", "a x", "b/c"]
    assert read(told)["a"][0] == Case("a", skip="why")


def test_wrong_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("")
    for arguments, message in (
        ([], "name a FILE, or a directory with --corpus"),
        (["--corpus", str(tmp_path), str(tmp_path / "x")], "--corpus takes no FILE"),
        (["--jobs", "2", str(tmp_path / "x")], "go with --corpus"),
        (["--corpus", str(tmp_path / "x")], "not a directory"),
        (["--corpus", str(tmp_path), "--manifest", "/no/such"], "/no/such: No such file"),
    ):
        assert serve(["compare", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_beginnings(tmp_path: Path) -> None:
    left, right = tmp_path / "a", tmp_path / "b"
    for one, other, equal in (
        (b"one\ntwo\nthr", b"one\ntwo\nthree\nfour\n", True),
        (b"one\n", b"", True),
        (b"one\ntwo\n", b"one\ntow\n", False),
        (b"one\nx", b"one\nyes\n", False),
        (b"one\n", b"one two\n", False),
    ):
        left.write_bytes(one)
        right.write_bytes(other)
        assert same_start("trace", left, right).equal == equal
        assert same_start("trace", right, left).equal == equal


def test_the_whole_of_several() -> None:
    results = [Result(Case("a"), Outcome.EQUAL, "", made()), Result(Case("<b>"), Outcome.LATE, "why")]
    found = summary(results)
    assert (found.good, found.decided, found.below) == (True, 1.0, ())
    assert found.doors == {"inline": 60, "bound": 30, "table": 10, "import": 0, "dynamic": 0}
    read_line = next(line for line in found.calls if line.call == "read")
    assert (read_line.count, read_line.doors["table"]) == (40, 10)
    assert read_line.ratio is not None
    assert round(read_line.ratio.median, 6) == round(2.5 / 2.75, 6)
    text = page(Path("folder"), found, results)
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert "&lt;b&gt;" in text


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome.EQUAL, "✓ the same both ways<"),
        (Outcome.UNEXPECTED, "✗ the same both ways, but not as expected<"),
        (Outcome.DIFFERENT, "✗ not the same both ways<"),
        (Outcome.FAILED, "✗ not the same both ways<"),
    ],
)
def test_the_verdict(outcome: Outcome, verdict: str) -> None:
    results = [Result(Case("a"), outcome, "", made())]
    assert verdict in page(Path("folder"), summary(results), results)


def test_quartiles() -> None:
    assert Quartiles.of([]) is None
    assert Quartiles.of([2.0]) == Quartiles(1, 2.0, 2.0, 2.0, 2.0, 2.0)
    assert Quartiles.of([5.0, 1.0, 2.0, 3.0, 4.0]) == Quartiles(5, 1.0, 2.0, 3.0, 4.0, 5.0)
