"""Shells in a terminal: line by line, job control, what the terminal sends, and what a shell outside sees of a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from corpus.foreign import deb
from tests.conformance.harness import ROOT
from tests.conformance.test_busybox import DEBIAN, busybox

pexpect = pytest.importorskip("pexpect", reason="the terminal tests type with pexpect: pip install pexpect")
pytestmark = pytest.mark.conformance

PATIENCE_S = 120
PROMPT = ">> "
CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH, UP = "\x03", "\x04", "\x1a", "\x1c", "\x1b[A"


class Terminal:
    """Somebody at a keyboard who waits for what the screen has to show."""

    def __init__(self, command: list[str], folder: Path) -> None:
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "TERM": "dumb"}
        self.child: Any = pexpect.spawn(
            command[0], command[1:], env=env, cwd=str(folder), timeout=PATIENCE_S, dimensions=(30, 100),
            encoding="utf-8", codec_errors="replace",
        )  # fmt: skip

    def sees(self, *shown: str) -> None:
        """Wait for every text in turn."""
        for text in shown:
            self.child.expect_exact(text)

    def types(self, line: str, *shown: str) -> None:
        """A line and the return key."""
        self.child.send(line + "\r")
        self.sees(*shown)

    def presses(self, key: str, *shown: str) -> None:
        self.child.send(key)
        self.sees(*shown)

    def runs(self, command: str) -> None:
        """Start a command that waits, and see that it runs: a signal that comes before would be another's."""
        self.types(f"echo beg''in; {command}", "\r\nbegin\r\n")
        self.child.expect(pexpect.TIMEOUT, timeout=2)

    def ends(self) -> int:
        """Its exit status."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1)


RUN = [sys.executable, "-m", "aot.cli", "run"]


@contextmanager
def terminal(command: list[str], folder: Path) -> Iterator[Terminal]:
    """A terminal that is gone afterwards."""
    here = Terminal(command, folder)
    try:
        yield here
    finally:
        here.child.close(force=True)


def job_control(t: Terminal, *, stopped: str) -> None:
    """What every shell with jobs does."""
    t.runs("sleep 1000")
    t.presses(CTRL_C, PROMPT)
    t.types("echo st''=$?", "st=130\r\n", PROMPT)
    t.runs("sleep 1001")
    t.presses(CTRL_Z, stopped, PROMPT)
    t.types("jobs", stopped, "sleep 1001", PROMPT)
    t.types("fg", "sleep 1001")
    t.child.expect(pexpect.TIMEOUT, timeout=1)
    t.presses(CTRL_Z, stopped, PROMPT)
    t.types("bg", "sleep 1001", PROMPT)
    t.types("jobs", "Running", "sleep 1001", PROMPT)
    t.types("kill %1; wait", PROMPT)
    t.types("cat &", PROMPT)
    t.child.expect(pexpect.TIMEOUT, timeout=2)
    t.types("", stopped, "cat", PROMPT)
    t.types("fg", "cat\r\n")
    t.types("hello", "hello\r\n", "hello\r\n")
    t.presses(CTRL_D, PROMPT)
    t.runs("sleep 1002")
    t.presses(CTRL_BACKSLASH, PROMPT)
    t.types("echo st''=$?", "st=131\r\n", PROMPT)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_a_shell_can_be_used(arch: str, tmp_path: Path) -> None:
    with terminal([*RUN, "--env", f"PS1={PROMPT}", str(busybox(arch)), "sh"], tmp_path) as t:
        t.sees(PROMPT)
        t.types("echo $((6*7)) | cat", "\r\n42\r\n", PROMPT)
        t.types("echo abX\x7fc", "\r\nabc\r\n", PROMPT)
        t.presses(UP, "echo abc")
        t.types("", "\r\nabc\r\n", PROMPT)
        t.types("stty size", "30 100", PROMPT)
        t.child.setwinsize(40, 120)
        t.types("stty size", "40 120", PROMPT)
        job_control(t, stopped="Stopped")
        t.types("echo still''here; exit 4", "\r\nstillhere\r\n")
        assert t.ends() == 4


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_bash_can_be_used(arch: str, tmp_path: Path) -> None:
    bash = deb("bash-static", DEBIAN[arch]) / "bin" / "bash-static"
    rc = tmp_path / "rc"
    rc.write_text(f"PS1='{PROMPT}'\nsleep() {{ {{ read -t $1 x; }} <&9; }}\nexec 9<>$HOME/never\n")
    os.mkfifo(tmp_path / "never")
    with terminal([*RUN, str(bash), "--noprofile", "--rcfile", str(rc), "-i"], tmp_path) as t:
        t.sees(PROMPT)
        t.types("echo $((6*7))", "\r\n42\r\n", PROMPT)
        t.types("(echo a; echo b) | while read x; do echo got $x; done", "got a", "got b", PROMPT)
        t.types("trap 'echo won' WINCH", PROMPT)
        t.child.setwinsize(40, 120)
        t.types("", "won", PROMPT)
        t.runs("(read x <&9)")
        t.presses(CTRL_Z, "Stopped", PROMPT)
        t.types("jobs", "Stopped", PROMPT)
        t.types("fg", "read x")
        t.presses(CTRL_C, PROMPT)
        t.types("echo st''=$?; exit 3", "st=130\r\n")
        assert t.ends() == 3


def test_a_run_is_a_job_of_the_shell_outside(tmp_path: Path) -> None:
    guest = " ".join([*RUN, str(busybox("x86_64"))])
    with terminal(["/bin/bash", "--norc", "--noprofile", "-i"], tmp_path) as t:
        t.types(f"PS1='{PROMPT}'", PROMPT)
        t.types(f"{guest} sh -c 'echo be''gin; sleep 1000; echo af''ter'", "begin\r\n")
        t.child.expect(pexpect.TIMEOUT, timeout=2)
        t.presses(CTRL_Z, "Stopped", PROMPT)
        t.types("jobs", "Stopped", PROMPT)
        t.types("fg", "sleep 1000")
        t.child.expect(pexpect.TIMEOUT, timeout=2)
        t.presses(CTRL_Z, "Stopped", PROMPT)
        t.types("fg", "sleep 1000")
        t.child.expect(pexpect.TIMEOUT, timeout=1)
        t.presses(CTRL_C, PROMPT)
        t.types("echo st''=$?", "st=130\r\n", PROMPT)
        t.types(f"{guest} sh -c 'stty raw -echo; kill -9 $$'; echo st''=$?", "st=137\r\n", PROMPT)
        t.types("stty -a | grep -o ' -*icanon'", " icanon\r\n", PROMPT)
        t.types(f"{guest} sh -c 'sleep 1000' | cat")
        t.child.expect(pexpect.TIMEOUT, timeout=2)
        t.presses(CTRL_C, PROMPT)
        t.types("echo st''=${PIPESTATUS[0]}", "st=130\r\n", PROMPT)
