"""File systems in memory hold what they may hold, and say so."""

from __future__ import annotations

import pytest

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from runtime.kernel.schemes.memfs import MemDirectory, Volume
from runtime.kernel.schemes.memnodes import MemOpenFile

PAGE = 4096


def opened(directory: MemDirectory, name: bytes) -> MemOpenFile:
    file = directory.open_at(name, Open.READ | Open.WRITE | Open.CREATE, 0o600)
    assert isinstance(file, MemOpenFile)
    return file


def test_a_full_file_system_refuses_what_more_is_written() -> None:
    volume = Volume(lambda: 0, 7, capacity=8 * PAGE)
    directory = MemDirectory(volume)
    one, two = opened(directory, b"one"), opened(directory, b"two")
    page = (memoryview(bytearray(PAGE)),)
    for at in range(4):
        assert one.write_at(page, at * PAGE) == PAGE
        assert two.write_at(page, at * PAGE) == PAGE
    assert volume.used() == 8 * PAGE
    with pytest.raises(Errno) as refused:
        one.write_at(page, 4 * PAGE)
    assert refused.value.code is E.NOSPC
    assert directory.statfs().bfree == 0
    two.truncate(0)
    assert one.write_at(page, 4 * PAGE) == PAGE
    assert directory.statfs().bfree == 3


def test_room_is_made_before_it_is_filled() -> None:
    volume = Volume(lambda: 0, 7, capacity=8 * PAGE)
    file = opened(MemDirectory(volume), b"one")
    file.truncate(1 << 40)  # a hole takes nothing
    file.make_room(8 * PAGE)
    with pytest.raises(Errno):
        file.make_room(9 * PAGE)
