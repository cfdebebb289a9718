"""A batch that is killed at any moment goes on and ends with the same results."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from aot.cli.batching.store import FOLDER, JOURNAL
from tests.cli.batches import batch, program, results, tar, zipped

KILLS = 10
TREE = Path(__file__).parents[2]


def corpus(folder: Path) -> Path:
    """Programs in directories and archives, some of them twice, and files that are none."""
    (folder / "deep").mkdir(parents=True)
    for number in range(40):
        (folder / ("deep" if number % 2 else "") / f"p{number}").write_bytes(program(b"%d" % (number % 30)))
    (folder / "a.tar.xz").write_bytes(tar([(f"m{n}", program(b"m%d" % n)) for n in range(12)], "w:xz"))
    inner = zipped([(f"i{n}", program(b"i%d" % n)) for n in range(6)])
    (folder / "b.zip").write_bytes(
        zipped([("inner.whl", inner), ("text", b"text\n"), ("same", program(b"0"))])
    )
    (folder / "notes").write_text("text\n")
    return folder


def start(source: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "aot.cli", "batch", "-q", "-j", "2", str(source), str(out)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(TREE)},
    )  # fmt: skip


def done(out: Path) -> int:
    """Results that the journal has."""
    journal = out / FOLDER / JOURNAL
    return journal.read_bytes().count(b'"output_sha256"') if journal.exists() else 0


def test_killed_at_ten_moments_it_ends_with_the_same_tree(tmp_path: Path) -> None:
    source, out = corpus(tmp_path / "src"), tmp_path / "out"
    batch(source, tmp_path / "undisturbed")
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    at = 0
    for _ in range(KILLS):
        running = start(source, out)
        wanted = done(out) + moments.randrange(6)  # a moment is so many results, and some milliseconds
        deadline = time.monotonic() + 120
        while done(out) < wanted and running.poll() is None:
            assert time.monotonic() < deadline, "no result within two minutes"
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.05))
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        assert done(out) >= at, f"a result was lost (seed {seed})"
        at = done(out)
    assert start(source, out).wait(timeout=120) == 0
    assert results(out) == results(tmp_path / "undisturbed"), f"seed {seed}"
    assert sorted(p.name for p in (out / FOLDER).iterdir()) == [JOURNAL, "lock"]
    report = json.loads((out / "batch.json").read_text())
    assert set(report["counts"]) <= {"translated", "copied", "up to date", "opened", "not an executable"}


def test_only_the_batch_itself_is_killed(tmp_path: Path) -> None:
    """Its workers live on for a moment; what they write must not get into the next batch's results."""
    source, out = corpus(tmp_path / "src"), tmp_path / "out"
    batch(source, tmp_path / "undisturbed")
    for wanted in (1, 5, 20):
        running = start(source, out)
        while done(out) < wanted and running.poll() is None:
            time.sleep(0.002)
        running.kill()
        running.wait()
    assert start(source, out).wait(timeout=120) == 0
    assert results(out) == results(tmp_path / "undisturbed")
