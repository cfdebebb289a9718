"""The same batch on a Dask cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aot.cli.batching.guard import digest, guarded
from aot.cli.batching.model import Choice
from aot.cli.main import serve as command_line
from aot.errors import SetupError
from tests.cli.batches import batch, program, results, zipped

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
ANY = tuple(Choice())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    folder.mkdir()
    for number in range(16):
        (folder / f"p{number}").write_bytes(program(b"%d" % (number % 12)))
    (folder / "a.whl").write_bytes(zipped([("m", program(b"m")), ("text", b"text\n")]))
    return folder


def test_a_file_is_guarded_on_its_worker() -> None:
    answer, output = guarded(program(), ANY, (60.0, 0), digest())
    assert (answer["outcome"], answer["sites"]) == ("translated", 1)
    assert output.startswith(b"\x7fELF")
    assert guarded(b"text", ANY, (60.0, 0), digest())[0]["outcome"] == "not an executable"
    answer, output = guarded(program(bytes(64 << 20)), ANY, (60.0, 1 << 20), digest())
    assert (answer["reason"], output) == ("more memory is needed than a file may have (--memory)", b"")
    assert guarded(program(), ANY, (0.001, 0), digest())[0]["reason"] == "not done after 0.001 s (--timeout)"


def test_a_worker_with_another_translator_is_refused() -> None:
    with pytest.raises(SetupError, match="has another version of helctic-aot"):
        guarded(program(), ANY, (60.0, 0), "another")


def test_a_cluster_of_this_machine(source: Path, tmp_path: Path) -> None:
    batch(source, tmp_path / "local")
    out = tmp_path / "out"
    assert command_line(["batch", "-q", "-j", "2", "--engine", "dask", str(source), str(out)]) == 0
    assert results(out) == results(tmp_path / "local")
    counts = json.loads((out / "batch.json").read_text())["counts"]
    assert counts == {"translated": 13, "copied": 4, "opened": 1, "not an executable": 1}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes that end with the test."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(module: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (tmp_path / f"log{len(running)}").open("wb")
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", module, *arguments], stdout=log, stderr=subprocess.STDOUT, env=ENVIRONMENT,
                cwd=tmp_path, start_new_session=True,
            )
        )  # fmt: skip
        return running[-1]

    yield begin
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_scheduler_and_workers_that_are_lost(
    source: Path, tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    batch(source, tmp_path / "local")
    where, out = tmp_path / "scheduler.json", tmp_path / "out"
    scheduler = start(
        "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
        "--scheduler-file", str(where),
    )  # fmt: skip
    until(where.exists)
    address = json.loads(where.read_text())["address"]
    workers = [
        start("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny") for _ in "12"
    ]  # fmt: skip
    running = start("aot.cli", "batch", "--scheduler", address, str(source), str(out))
    until(lambda: len(results(out)) >= 2 or running.poll() is not None)
    os.killpg(workers[0].pid, signal.SIGKILL)
    assert running.wait(timeout=120) == 0
    assert results(out) == results(tmp_path / "local")
    # Without its scheduler a batch ends with one line, and what it did is kept.
    again = start("aot.cli", "batch", "--no-resume", "--scheduler", address, str(source), str(out))
    until(lambda: "translated" in (tmp_path / "log4").read_text() or again.poll() is not None)
    os.killpg(scheduler.pid, signal.SIGKILL)
    status = again.wait(timeout=120)
    said = (tmp_path / "log4").read_text()
    assert status in (0, 2), said  # it may have been quicker
    assert "Traceback" not in said, said


def test_no_cluster_is_one_line(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        assert command_line(["batch", "--scheduler", address, str(source), str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"helctic-aot: error: {address}: ")
        assert said.count("\n") == 1
