from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import aot.cli.prepare
import runtime.machine
from aot.cli.main import serve
from runtime.machine import RunOptions


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    """What `run` handed to the machine; the guest exits with 7."""
    seen: list[RunOptions] = []

    def run(image: bytes, options: RunOptions) -> int:
        seen.append(options)
        if options.trace is not None and options.trace is not sys.stderr:
            options.trace.write("one line\n")
        return 7

    monkeypatch.setattr(runtime.machine, "run", run)
    monkeypatch.setattr(aot.cli.prepare, "native_bytes", lambda *_: b"")
    return seen


@pytest.mark.parametrize(
    ("arguments", "argv"),
    [
        (["x.elf"], ["x.elf"]),
        (["x.elf", "a", "b"], ["x.elf", "a", "b"]),
        (["x.elf", "--trace", "-v", "--help"], ["x.elf", "--trace", "-v", "--help"]),
        (["x.elf", "--", "-"], ["x.elf", "--", "-"]),
        (["--", "x.elf", "--stats"], ["x.elf", "--stats"]),
        (["--", "--odd-name"], ["--odd-name"]),
        (["--argv0", "name", "x.elf", "a"], ["name", "a"]),
        (["--argv0", "", "x.elf"], [""]),
        (["--trace", "x.elf", "a"], ["x.elf", "a"]),
        (["--stats", "--trace", "--dispatch", "dynamic", "x.elf", "--trace"], ["x.elf", "--trace"]),
        (["--dispatch=dynamic", "--trace", "x.elf"], ["x.elf"]),
    ],
)
def test_everything_behind_the_file_is_the_guests(
    ran: list[RunOptions], arguments: list[str], argv: list[str]
) -> None:
    assert serve(["run", *arguments]) == 7
    assert ran[0].argv == argv


def test_defaults(ran: list[RunOptions]) -> None:
    assert serve(["run", "x.elf"]) == 7
    options = ran[0]
    assert (options.dispatch, options.trace, options.deterministic) == ("aot", None, False)
    assert (options.root, options.mounts, options.cwd, options.stats) == (None, [], None, None)
    assert options.errors is not None


def test_a_bare_trace_is_standard_error(ran: list[RunOptions]) -> None:
    serve(["run", "--trace", "x.elf"])
    assert ran[0].trace is sys.stderr


def test_a_trace_file_is_written(ran: list[RunOptions], tmp_path: Path) -> None:
    assert serve(["run", f"--trace={tmp_path}/calls.txt", "x.elf"]) == 7
    assert (tmp_path / "calls.txt").read_text() == "one line\n"


def test_environment(ran: list[RunOptions], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HOST", "1")
    serve(["run", "--env", "FOO=a=b", "--env", "EMPTY=", "x.elf"])
    env = ran[0].env
    assert (env["FOO"], env["EMPTY"], env["FROM_HOST"]) == ("a=b", "", "1")


def test_mounts(ran: list[RunOptions], tmp_path: Path) -> None:
    serve(["run", "--mount", f"/data={tmp_path}:ro", "--mount", f"/w={tmp_path}", "x.elf"])
    assert ran[0].mounts == [("/data", str(tmp_path), True), ("/w", str(tmp_path), False)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mount", "data=/tmp"], "'data=/tmp' is not /GUEST=HOST[:ro]"),
        (["--mount", "/data"], "'/data' is not /GUEST=HOST[:ro]"),
        (["--mount", "/data="], "'/data=' is not /GUEST=HOST[:ro]"),
        (["--mount", "/data=/no/such/place"], "--mount: /no/such/place: No such file or directory"),
        (["--env", "FOO"], "'FOO' is not NAME=VALUE"),
        (["--env", "=x"], "'=x' is not NAME=VALUE"),
        (["--dispatch", "fast"], "'fast' is not one of 'aot', 'dynamic'"),
        (["--trace=/no/such/place/t"], "--trace: /no/such/place/t: No such file or directory"),
    ],
)
def test_bad_options_run_nothing(
    ran: list[RunOptions], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve(["run", *arguments, "x.elf"]) == 2
    assert message in capsys.readouterr().err
    assert ran == []


@pytest.mark.parametrize("command", [["run"], ["inspect"], ["translate"], ["verify"]])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "a directory"),
        (lambda path: path.write_bytes(b""), "empty"),
    ],
)
def test_files_that_are_no_programs(
    tmp_path: Path, command: list[str], make: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    make(file)
    output = [str(tmp_path / "out")] if command == ["translate"] else []
    assert serve([*command, str(file), *output]) == 2
    error = capsys.readouterr().err
    assert error.startswith("helctic-aot: error: ")
    assert error.count("\n") == 1
    assert str(file) in error
    if command != ["verify"]:
        assert reason in error


def test_what_a_translated_file_is_cannot_be_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(aot.cli.prepare, "is_native", lambda raw: True)
    file = tmp_path / "out.elf"
    file.write_bytes(b"native")
    assert serve(["run", "--personality", "linux", str(file)]) == 2
    assert capsys.readouterr().err == (
        f"helctic-aot: error: {file}: --personality is for files that are not translated yet\n"
    )
