from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from runtime.cpu.api import Doors
from runtime.kernel.leave import Block, ExitProcess
from runtime.profile import BOUND, DYNAMIC, IMPORT, TABLE, Profile


class Row:
    name = "read"


def wrapped(profile: Profile, handler: Any) -> Any:
    return profile.wrap(handler, Row(), None)  # type: ignore[arg-type]


def test_counts_and_times_by_class() -> None:
    ticks = count(step=10)
    profile = Profile(lambda: next(ticks))
    read = wrapped(profile, lambda ctx: 1)
    doors = Doors(sites=[read], imports=[read], table=lambda c, n, w: read(c), trap=lambda c, p, i: read(c))
    profile.watch(doors)
    assert doors.table is not None and doors.trap is not None
    assert [doors.sites[0](None), doors.sites[0](None), doors.imports[0](None)] == [1, 1, 1]
    assert [doors.table(None, 0, 0), doors.trap(None, 0, 0)] == [1, 1]
    read(None)  # an import found at run time, behind no watched door
    assert {key: line.count for key, line in profile.lines.items()} == {
        ("read", BOUND): 2,
        ("read", IMPORT): 2,
        ("read", TABLE): 1,
        ("read", DYNAMIC): 1,
    }
    assert {line.median_ns() for line in profile.lines.values()} == {10}
    assert {line.mean_ns() for line in profile.lines.values()} == {10}


def test_a_call_that_waits_is_one_call() -> None:
    ticks = count(step=10)
    profile = Profile(lambda: next(ticks))
    waits = [True, False]

    def handler(ctx: object) -> int:
        if waits.pop(0):
            raise Block
        return 0

    read = wrapped(profile, handler)
    with pytest.raises(Block):
        read(None)
    read(None)
    (line,) = profile.lines.values()
    assert (line.count, line.left, line.times) == (1, 1, [20])


def test_a_call_that_ends_the_guest_is_a_call() -> None:
    def handler(ctx: object) -> int:
        raise ExitProcess(3)

    profile = Profile()
    with pytest.raises(ExitProcess):
        wrapped(profile, handler)(None)
    (line,) = profile.lines.values()
    assert (line.count, line.left) == (1, 1)


def test_slow_outliers_do_not_count() -> None:
    profile = Profile()
    read = wrapped(profile, lambda ctx: 0)
    read(None)
    (line,) = profile.lines.values()
    line.times[:] = [10] * 98 + [100_000] * 2
    assert line.mean_ns() == 10
