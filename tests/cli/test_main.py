from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aot import __version__
from aot.cli.commands import cli
from aot.cli.main import COMMANDS, one_line, plain_run, serve
from aot.errors import AotError, ImageError


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aot.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)  # type: ignore[call-overload,no-any-return]


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        assert serve([name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert f"helctic-aot {name}" in shown.split("Example", 1)[1]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(["--help"]) == 0
    shown = capsys.readouterr().out.split("Commands:", 1)[1]
    assert [
        line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line[2] != " "
    ] == list(COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["translate"], ["run"], ["run", "--nonsense", "x"], ["calls", "beos"], ["header", "x"]],
)
def test_wrong_usage_is_status_2_and_no_traceback(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Error:" in shown.err
    assert "Traceback" not in shown.err


def test_bad_input_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ImageError("x.exe: a\nstrange \x1b[31mname")

    monkeypatch.setattr(cli, "invoke", fail)
    assert serve(["header"]) == 2
    assert capsys.readouterr().err == "helctic-aot: error: x.exe: a\\nstrange \\x1b[31mname\n"


def test_messages_stay_one_line() -> None:
    assert one_line(AotError("a\r\nb\0")) == "a\\r\\nb\\x00"
    assert one_line(AotError("größer")) == "größer"


def test_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "invoke", interrupt)
    assert serve(["header"]) == 130


def test_a_closed_pipe_is_silent() -> None:
    script = f"'{sys.executable}' -m aot.cli header | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() in {"0", "141"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_standard_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "aot.cli", "header"], stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "helctic-aot: error: standard output: No space left on device\n"


def test_a_closed_standard_output_is_no_failure() -> None:
    script = f"'{sys.executable}' -m aot.cli header >&-"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_module_and_script_are_the_same_program() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout == f"helctic-aot, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "x"], ("x", ["x"])),
        (["run", "x", "--trace", "-"], ("x", ["x", "--trace", "-"])),
        (["run", "--argv0", "n", "x", "a"], ("x", ["n", "a"])),
        (["run", "--argv0", "", "./x"], ("./x", [""])),
        (["run", "--stats", "x"], None),
        (["run", "--argv0", "n", "--stats", "x"], None),
        (["run", "--argv0=n", "x"], None),
        (["run", "--", "x"], None),
        (["run", "--argv0"], None),
        (["run"], None),
        (["inspect", "x"], None),
        ([], None),
    ],
)
def test_what_needs_no_option_parser(arguments: list[str], expected: tuple[str, list[str]] | None) -> None:
    assert plain_run(arguments) == expected
