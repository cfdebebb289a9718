"""The processes of a batch: limits, and those that are slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from aot.cli.batching import pool
from aot.cli.batching.engine import attend
from aot.cli.batching.model import Choice, Limits
from tests.cli import work
from tests.cli.batches import batch, outcomes, program, reasons


def test_a_file_that_needs_too_much_memory_costs_itself_only(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "greedy").write_bytes(work.ASKED + b"greedy")
    (source / "fine").write_bytes(program())
    status, report = batch(source, tmp_path / "out", work.greedy, limits=Limits(60.0, 128 << 20))
    assert status == 1
    assert outcomes(report)["fine"] == "translated"
    assert outcomes(report)["greedy"] == "failed"
    assert (
        reasons(report)["greedy"] == "the translator ended with status 1"
    )  # its MemoryError is nobody's to catch


def test_a_file_that_goes_away_is_tried_again(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    for name in ("a", "b"):
        (source / name).write_bytes(program())
    report = batch(source, tmp_path / "out", work.vanish, jobs=1)[1]
    assert reasons(report) == {"a": "cannot be read: No such file or directory"}
    assert outcomes(report)["b"] == "translated"
    (source / "a").write_bytes(program())
    assert outcomes(batch(source, tmp_path / "out")[1]) == {"a": "copied", "b": "up to date"}


def test_slow_files_do_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SLOW_S", 0.2)
    source = tmp_path / "src"
    source.mkdir()
    (source / "a hang").write_bytes(work.ASKED + b"hang")
    for number in range(5):
        (source / f"p{number}").write_bytes(program(str(number).encode()))
    order: list[str] = []
    engine = pool.Pool(work.obey, 1, 3.0)
    tasks = [
        pool.Task(path.name, (str(path), str(tmp_path / f"{path.name}.elf"), Choice()))
        for path in sorted(source.iterdir())
    ]
    for task, answer in engine.run(tasks):
        order.append(f"{task.path}: {answer['outcome']}")
    assert order[-1] == "a hang: failed"
    assert order[:-1] == [f"p{number}: translated" for number in range(5)]


def test_more_slow_files_than_jobs_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SLOW_S", 0.1)
    engine = pool.Pool(work.sleep, 1, 1.0)
    most, tasks = 0, iter([pool.Task(str(number), (30.0,)) for number in range(4)])
    left = 4
    while left:
        while engine.room and (task := next(tasks, None)):
            engine.start(task)
        most = max(most, len(engine.running()))
        left -= len(list(engine.collect(attend((engine,)))))
    assert most == 2


def test_a_generator_goes_on_when_it_is_let() -> None:
    engine = pool.Pool(work.count, 1, 30.0)
    task = pool.Task("three", (3,))
    engine.start(task)
    told = []
    while engine.busy:
        told += [answer for _, answer in engine.collect(attend((engine,)))]
        assert engine.due == float("inf")  # nobody's time runs while it waits
        engine.proceed(task)
    assert told == [{"found": 0}, {"found": 1}, {"found": 2}, {"outcome": "counted"}]
