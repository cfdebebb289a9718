"""Python's own test suite: which modules, how one is run, what came out of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PYTHON = "/usr/bin/python3"  # the distribution's own
INSIDE = Path(__file__).with_name("inside.py")
STARTS = 25  # how often a module is taken up again behind a test that ended it

MODULES = (
    "test_os", "test_posix", "test_posixpath", "test_mmap", "test_fcntl", "test_select", "test_selectors", "test_poll",
    "test_epoll", "test_signal", "test_threadsignals", "test_subprocess", "test_threading", "test_thread", "test_socket",
    "test_time", "test_tempfile", "test_shutil", "test_io", "test_file", "test_fileio", "test_pty", "test_openpty",
    "test_fork1", "test_wait3", "test_wait4", "test_popen", "test_glob", "test_pathlib", "test_stat", "test_resource",
    "test_sched", "test_queue", "test_errno", "test_eintr", "test_ioctl", "test_largefile", "test_pwd", "test_grp",
    "test_socketserver", "test_timeout", "test_struct", "test_math", "test_float", "test_zlib", "test_hashlib",
    "test_dbm_dumb", "test_tarfile", "test_zipfile", "test_random", "test_uuid", "test_sys", "test_ctypes",
)  # fmt: skip


def has_suite() -> bool:
    """Whether the distribution's Python is there with its tests."""
    command = [PYTHON, "-c", "import test.support, test.test_os"]
    return Path(PYTHON).exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def run_module(module: str, prefix: Sequence[str], timeout_s: float) -> dict[str, tuple[str, str]]:
    """Outcome and detail of every test of `module` run under `prefix`; "hang" and "crash" are outcomes too."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=f"{module}-") as folder:
        results = Path(folder) / "results.jsonl"
        for _ in range(STARTS):
            before = [part.format(cwd=folder) for part in prefix]
            ended = _start([*before, PYTHON, str(INSIDE), str(results), f"test.{module}"], folder, timeout_s)
            lines = _lines(results)
            if lines and "end" in lines[-1]:
                break
            running = [line["start"] for line in lines if "start" in line]
            told = {line["test"] for line in lines if "test" in line}
            if not running or running[-1] in told:
                return _told(lines) | {module: ("crash", f"ended between tests: {ended}")}
            with results.open("a", encoding="utf-8") as out:
                outcome = "hang" if ended == "timeout" else "crash"
                out.write(json.dumps({"test": running[-1], "outcome": outcome, "detail": ended}) + "\n")
        return _told(_lines(results))


def _told(lines: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {line["test"]: (line["outcome"], line["detail"]) for line in lines if "test" in line}


def _lines(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    if text and not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        path.write_text(text, encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _start(command: Sequence[str], folder: str, quiet_s: float) -> str:
    """Run until the end, or until no test has ended for `quiet_s` seconds; says how it ended."""
    results = Path(folder) / "results.jsonl"
    with open(Path(folder) / "output", "ab") as output:
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            env={"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8", **_ours()},
        )  # fmt: skip
        size, since = -1, time.monotonic()
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return f"status {child.wait(0.5)}"
            now = results.stat().st_size if results.exists() else 0
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > quiet_s:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                return "timeout"


def _ours() -> dict[str, str]:
    """What helctic-aot itself needs, and a guest never sees."""
    return {name: os.environ[name] for name in ("PYTHONPATH", "XDG_CACHE_HOME") if name in os.environ}
