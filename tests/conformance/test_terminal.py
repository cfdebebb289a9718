"""An interactive shell in a terminal: line by line, pipes, Ctrl-C for what runs in front, its exit status."""

from __future__ import annotations

import os
import pty
import select
import sys
from pathlib import Path

import pytest

from tests.conformance.harness import ROOT
from tests.conformance.test_busybox import busybox

PATIENCE_S = 120


class Terminal:
    """A run under a pseudo-terminal."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
            os.execve(sys.executable, [sys.executable, "-m", "aot.cli", "run", str(program), "sh"], env)
        self.seen = b""

    def until(self, text: bytes, patience: float = PATIENCE_S) -> bool:
        """Read up to `text`; False when it does not come."""
        while text not in self.seen:
            if not select.select([self.fd], [], [], patience)[0]:
                return False
            try:
                self.seen += os.read(self.fd, 4096)
            except OSError:  # the other side closed
                return False
        self.seen = self.seen.partition(text)[2]
        return True

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)


@pytest.mark.conformance
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_a_shell_can_be_used(arch: str, tmp_path: Path) -> None:
    shell = Terminal(busybox(arch), tmp_path)
    try:
        assert shell.until(b"# ") or shell.until(b"$ ")
        shell.type(b"echo $((6*7)) | cat\n")
        assert shell.until(b"\r\n42\r\n")
        shell.type(b"echo star''ted; sleep 1000\n")
        assert shell.until(b"\r\nstarted\r\n")
        while True:  # the first may come before there is anything to end
            shell.type(b"\x03")
            if shell.until(b"# ", 2):
                break
        shell.type(b"echo still''here; exit 4\n")
        assert shell.until(b"\r\nstillhere\r\n")
        shell.until(b"\0")
        assert os.waitstatus_to_exitcode(os.waitpid(shell.pid, 0)[1]) == 4
    finally:
        os.close(shell.fd)
