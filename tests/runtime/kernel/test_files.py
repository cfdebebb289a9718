from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from runtime.kernel.files import FileTable
from runtime.kernel.node import File, Node


class Probe(File):
    def __init__(self) -> None:
        super().__init__(Node(), Open.READ)
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_lowest_number_is_reused() -> None:
    table = FileTable()
    assert [table.add(Probe()) for _ in range(4)] == [0, 1, 2, 3]
    table.close(2)
    table.close(1)
    assert table.add(Probe()) == 1
    assert table.add(Probe(), lowest=10) == 10
    assert table.add(Probe()) == 2
    assert table.add(Probe()) == 4


def test_a_file_is_closed_with_its_last_descriptor() -> None:
    table, file = FileTable(), Probe()
    first = table.add(file)
    second = table.add(file)
    table.close(first)
    assert file.closed == 0
    table.close(second)
    assert file.closed == 1


def test_putting_a_file_on_itself_keeps_it_open() -> None:
    table, file, other = FileTable(), Probe(), Probe()
    fd = table.add(file)
    table.put(fd, file, cloexec=True)
    assert (file.closed, fd in table.cloexec) == (0, True)
    table.put(fd, other, cloexec=False)
    assert (file.closed, fd in table.cloexec) == (1, False)


@pytest.mark.parametrize("fd", [-1, 0, 7])
def test_a_closed_number_is_refused(fd: int) -> None:
    table = FileTable()
    for action in (table.get, table.close):
        with pytest.raises(Errno) as caught:
            action(fd)
        assert caught.value.code is E.BADF


def test_the_limit_is_enforced() -> None:
    table = FileTable(limit=2)
    table.add(Probe())
    table.add(Probe())
    with pytest.raises(Errno) as caught:
        table.add(Probe())
    assert caught.value.code is E.MFILE
    with pytest.raises(Errno) as caught:
        table.put(2, Probe(), cloexec=False)
    assert caught.value.code is E.BADF


@given(st.lists(st.tuples(st.sampled_from(["add", "close", "put"]), st.integers(0, 12))))
def test_numbers_agree_with_a_model(steps: list[tuple[str, int]]) -> None:
    table, model = FileTable(), set[int]()
    for action, n in steps:
        if action == "add":
            lowest = min(set(range(len(model) + 1)) - model)
            assert table.add(Probe()) == lowest
            model.add(lowest)
        elif action == "put":
            table.put(n, Probe(), cloexec=False)
            model.add(n)
        elif n in model:
            table.close(n)
            model.remove(n)
    assert set(table.open) == model
