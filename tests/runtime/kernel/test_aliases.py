"""Memory with several addresses, code at one of them: a page is writable or executable, and always the same bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aot.image.model import Prot
from aot.personality.abi.errors import E, Errno
from runtime.cpu.api import EventKind, RangeEvent
from runtime.kernel.frames import PAGE
from runtime.kernel.memory import AddressSpace
from runtime.kernel.regions import FileBacking, SharedBacking

READ, WRITE, EXECUTE = range(3)
RW, RX = Prot.R | Prot.W, Prot.R | Prot.X


def rights(space: AddressSpace, address: int) -> int:
    return space.table.format.prot(space.table.get(address))


def two(space: AddressSpace) -> tuple[int, int]:
    """Two pages at two addresses: to write, and to execute."""
    one = space.map(None, 2 * PAGE, RW, shared=True)
    region = space.region_at(one)
    assert region is not None
    assert region.extent is not None
    return one, space.map(None, 2 * PAGE, RX, backing=SharedBacking(region.extent))


def test_a_page_is_writable_or_executable(space: AddressSpace) -> None:
    write, run = two(space)
    dropped: list[RangeEvent] = []
    space.listeners.append(lambda event: dropped.append(event) if event.kind is EventKind.CODE else None)
    for _ in range(3):
        assert space.fault(write, WRITE)
        assert rights(space, write) == RW
        assert not rights(space, run) & Prot.X
        assert dropped
        dropped.clear()
        assert space.fault(run, EXECUTE)
        assert rights(space, run) == RX
        assert not rights(space, write) & Prot.W
        assert not dropped
    assert space.fault(write + PAGE, WRITE)
    assert rights(space, run) == RX, "the other page"


def test_rights_that_change_do_not_bring_both_back(space: AddressSpace) -> None:
    write, run = two(space)
    assert space.fault(run, EXECUTE)
    space.protect(write, PAGE, Prot.R)
    space.protect(write, PAGE, RW)
    assert not rights(space, write) & Prot.W
    assert space.fault(write, WRITE)
    space.protect(run, PAGE, RX)
    assert not rights(space, run) & Prot.X


def test_other_processes_count(space: AddressSpace) -> None:
    write, run = two(space)
    child = space.clone()
    assert child.fault(run, EXECUTE)
    assert space.fault(write, WRITE)
    assert not rights(child, run) & Prot.X
    assert child.fault(run, EXECUTE)
    assert not rights(space, write) & Prot.W
    child.close()


def test_the_kernel_may_always_write(space: AddressSpace) -> None:
    write, run = two(space)
    assert space.fault(run, EXECUTE)
    space.write(write, b"code")
    assert space.peek(run, 4) == b"code"
    assert not rights(space, run) & Prot.X


def test_memory_without_code_keeps_its_rights(space: AddressSpace) -> None:
    one = space.map(None, PAGE, RW, shared=True)
    region = space.region_at(one)
    assert region is not None
    assert region.extent is not None
    other = space.map(None, PAGE, RW, backing=SharedBacking(region.extent))
    assert space.fault(one, WRITE)
    assert space.fault(other, WRITE)
    assert rights(space, one) == rights(space, other) == RW


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(4 * PAGE))
    return path


def mapped(space: AddressSpace, path: Path, how: int, prot: Prot, offset: int = 0, pages: int = 1) -> int:
    fd = os.open(path, how)
    try:
        return space.map(None, pages * PAGE, prot, shared=True, backing=FileBacking(fd, offset))
    finally:
        os.close(fd)


def test_mappings_of_a_file_are_one_memory(space: AddressSpace, file: Path) -> None:
    whole = mapped(space, file, os.O_RDWR, RW, pages=4)
    part = mapped(space, file, os.O_RDWR, RX, 2 * PAGE)
    assert space.fault(part, EXECUTE)
    assert not rights(space, whole + 2 * PAGE) & Prot.W
    assert space.fault(whole + 2 * PAGE, WRITE)
    assert not rights(space, part) & Prot.X
    space.unmap(whole, 4 * PAGE)
    space.write(mapped(space, file, os.O_RDWR, RW, 2 * PAGE), b"here")
    assert space.peek(part, 4) == b"here"
    assert file.read_bytes()[2 * PAGE :][:4] == b"here"


def test_a_descriptor_to_read_does_not_let_write(space: AddressSpace, file: Path) -> None:
    mapped(space, file, os.O_RDWR, RW)
    with pytest.raises(Errno) as caught:
        mapped(space, file, os.O_RDONLY, RW)
    assert caught.value.code is E.ACCES
    read = mapped(space, file, os.O_RDONLY, Prot.R)
    with pytest.raises(Errno):
        space.protect(read, PAGE, RW)


def test_a_later_descriptor_may_write(space: AddressSpace, file: Path) -> None:
    read = mapped(space, file, os.O_RDONLY, Prot.R)
    write = mapped(space, file, os.O_RDWR, RW)
    space.write(write, b"late")
    assert space.peek(read, 4) == b"late"
    assert file.read_bytes()[:4] == b"late"


def test_what_is_unmapped_is_let_go(space: AddressSpace, file: Path) -> None:
    before = space.arena.used
    for _ in range(3):
        one, other = mapped(space, file, os.O_RDWR, RW), mapped(space, file, os.O_RDWR, RX)
        space.fault(one, WRITE)
        space.unmap(one, PAGE)
        space.unmap(other, PAGE)
    assert space.arena.used - before < 100 * PAGE
    facts = file.stat()
    assert space.arena.laid((facts.st_dev, facts.st_ino), 0, PAGE) is None
