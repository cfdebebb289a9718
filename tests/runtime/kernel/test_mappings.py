"""Mappings: where they go, what they cost, files, shared memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from runtime.cpu.api import EventKind, RangeEvent
from runtime.kernel.frames import Arena, Extent
from runtime.kernel.memory import AddressSpace
from runtime.kernel.paging import FAULT_BEYOND, FAULT_MEMORY, FAULT_UNMAPPED
from runtime.kernel.regions import GROWS, FileBacking, SharedBacking
from tests.runtime.kernel.kit import AT, PAGE, R, W, X, refused


def test_reservations_of_any_size_are_free(space: AddressSpace) -> None:
    at = space.map(None, 1 << 45, 0)
    space.protect(at + (1 << 44), PAGE, R | W)
    space.write(at + (1 << 44), b"x")
    assert refused(space.read, at, 1) is E.FAULT
    space.unmap(at, 1 << 45)
    assert not list(space.regions())


def test_more_memory_than_there_is(space: AddressSpace) -> None:
    at = space.map(None, 1 << 43, R | W)  # a promise is free, and kept in parts
    space.write(at + (1 << 42), b"x")
    space.arena.limit = space.arena.committed
    assert refused(space.write, at, b"x") is E.FAULT
    assert space.fault_code == FAULT_MEMORY
    space.arena.limit = None
    space.write(at, b"x")


def test_placing(space: AddressSpace) -> None:
    assert space.map(AT, PAGE, R) == AT
    assert space.map(AT + 1, PAGE, R) == AT + PAGE
    other = space.map(AT, PAGE, R)
    assert other not in (AT, AT + PAGE)
    assert refused(lambda: space.map(AT, PAGE, R, fixed=True, replace=False)) is E.EXIST
    assert refused(lambda: space.map(AT + 1, PAGE, R, fixed=True)) is E.INVAL
    assert refused(lambda: space.map(None, 0, R)) is E.INVAL
    low = space.map(None, PAGE, R, lo=0x20_0000, hi=0x20_4000, top_down=False)
    assert low == 0x20_0000
    high = space.map(None, PAGE, R, lo=0x20_0000, hi=0x20_4000)
    assert high == 0x20_3000
    big = space.map(None, PAGE, R, align=1 << 21)
    assert big % (1 << 21) == 0
    assert refused(lambda: space.find_free(3 * PAGE, lo=0x20_0000, hi=0x20_4000)) is E.NOMEM


def test_a_guest_page_of_16_kib() -> None:
    space = AddressSpace(Arena(), Arch.AARCH64, page_size=0x4000)
    at = space.map(None, 1, R | W)
    region = space.region_at(at)
    assert region is not None and region.size == 0x4000 and at % 0x4000 == 0
    assert refused(space.protect, at + PAGE, PAGE, R) is E.INVAL
    space.close()


def test_unmapped_memory_is_gone_and_comes_back_zero(space: AddressSpace) -> None:
    for _ in range(3):
        space.map(AT, 3 * PAGE, R | W, fixed=True)
        assert space.read(AT, 3 * PAGE) == bytes(3 * PAGE)
        space.write(AT, b"old" * PAGE)
        space.unmap(AT + PAGE, PAGE)
        assert refused(space.read, AT + PAGE, 1) is E.FAULT
        assert space.fault_code == FAULT_UNMAPPED
        assert space.read(AT + 2 * PAGE, 1) in (b"o", b"l", b"d")
        space.unmap(AT, 3 * PAGE)
        assert not list(space.regions())


def test_memory_given_back_is_the_hosts_again(space: AddressSpace) -> None:
    def blocks() -> int:
        return os.fstat(space.arena.fd).st_blocks

    before = blocks()
    at = space.map(None, 4 << 20, R | W)
    space.write(at, b"x" * (4 << 20))
    assert blocks() >= before + (4 << 20) // 512
    space.decommit(at, 2 << 20)
    assert space.read(at, 1) == b"\0"
    assert space.read(at + (2 << 20), 1) == b"x"
    space.unmap(at, 4 << 20)
    assert blocks() < before + (1 << 20) // 512


def test_private_file_mappings(space: AddressSpace, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 400)  # 25 pages exactly
    with path.open("rb") as file:
        space.map(AT, 30 * PAGE, R | W, fixed=True, backing=FileBacking(file.fileno(), PAGE))
    assert space.read(AT, 24 * PAGE) == path.read_bytes()[PAGE:]
    assert refused(space.read, AT + 24 * PAGE, 1) is E.FAULT
    assert space.fault_code == FAULT_BEYOND
    space.write(AT + 5, b"private")
    space.protect(AT, PAGE, 0)
    space.protect(AT, PAGE, R)
    assert space.read(AT + 5, 7) == b"private"
    assert path.read_bytes()[PAGE + 5 : PAGE + 12] == bytes(range(5, 12))
    space.decommit(AT, PAGE)
    assert space.read(AT + 5, 7) == bytes(range(5, 12))


def test_shared_file_mappings(space: AddressSpace, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PAGE + 10))
    with path.open("r+b") as file:
        space.map(AT, 4 * PAGE, R | W, fixed=True, shared=True, backing=FileBacking(file.fileno()))
        space.write(AT + PAGE - 2, b"seen")
        assert path.read_bytes()[PAGE - 2 : PAGE + 2] == b"seen"
        os.pwrite(file.fileno(), b"back", 2 * PAGE)
        assert space.read(AT + 2 * PAGE, 4) == b"back"
    assert refused(space.read, AT + 3 * PAGE, 1) is E.FAULT
    space.unmap(AT, 4 * PAGE)
    at = space.map(None, 4 * PAGE, R | W)
    assert space.read(at, 4 * PAGE) == bytes(4 * PAGE)
    space.write(at, b"x" * PAGE)
    assert path.read_bytes()[:4] == bytes(4)


def test_a_shared_mapping_of_a_read_only_file(space: AddressSpace, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"fixed" + bytes(PAGE))
    with path.open("rb") as file:
        backing = FileBacking(file.fileno())
        assert refused(lambda: space.map(AT, PAGE, R | W, shared=True, backing=backing)) is E.ACCES
        space.map(AT, PAGE, R, fixed=True, shared=True, backing=backing)
    assert space.read(AT, 5) == b"fixed"
    assert refused(space.protect, AT, PAGE, R | W) is E.ACCES


def test_shared_memory_is_one_memory(space: AddressSpace) -> None:
    extent = Extent(space.arena.alloc(2 * PAGE), 2 * PAGE, shared=True)
    space.map(AT, 2 * PAGE, R | W, fixed=True, backing=SharedBacking(extent))
    space.map(AT + 8 * PAGE, PAGE, R, fixed=True, backing=SharedBacking(extent, PAGE))
    space.write(AT + PAGE, b"both")
    assert space.read(AT + 8 * PAGE, 4) == b"both"
    space.unmap(AT, 2 * PAGE)
    assert space.read(AT + 8 * PAGE, 4) == b"both"


def test_events(space: AddressSpace) -> None:
    events: list[RangeEvent] = []
    space.listeners.append(events.append)
    space.map(AT, 2 * PAGE, R | W, fixed=True)
    space.write(AT, b"x")
    space.protect(AT, PAGE, R)
    space.unmap(AT, 2 * PAGE)
    assert events == [
        RangeEvent(EventKind.MAP, AT, 2 * PAGE),
        RangeEvent(EventKind.PROTECT, AT, PAGE),
        RangeEvent(EventKind.UNMAP, AT, 2 * PAGE),
    ]
    events.clear()
    space.map(AT, 600 << 12, R, fixed=True)
    space.protect(AT, 600 << 12, R | W)
    space.unmap(AT, 600 << 12)
    assert [e.kind for e in events] == [EventKind.MAP]  # nothing was present: no flush
    events.clear()
    space.map(AT, PAGE, R | W | X, fixed=True)
    space.write(AT + 8, b"code")
    assert events[1:] == [RangeEvent(EventKind.CODE, AT + 8, 4)]


def test_a_heap_that_grows_stays_one_region(space: AddressSpace) -> None:
    for i in range(10):
        space.map(AT + i * PAGE, PAGE, R | W, fixed=True, name="[heap]")
        space.write(AT, bytes([i]) * (i + 1) * PAGE)
    (region,) = space.regions()
    assert (region.start, region.size) == (AT, 10 * PAGE)
    assert len(space.buffers(AT, 10 * PAGE, True)) == 1
    space.unmap(AT + 5 * PAGE, PAGE)
    assert space.read(AT + 6 * PAGE, 4 * PAGE) == bytes([9]) * 4 * PAGE


def test_moving_takes_the_pages_along(space: AddressSpace) -> None:
    space.map(AT, 600 * PAGE, R | W, fixed=True)
    space.write(AT + 500 * PAGE, b"far")
    space.protect(AT, PAGE, R)
    frames = space.arena.committed
    space.move(AT, 600 * PAGE, AT + (1 << 30) + 7 * PAGE)
    moved = AT + (1 << 30) + 7 * PAGE
    assert space.read(moved + 500 * PAGE, 3) == b"far"
    assert refused(space.write, moved, b"x") is E.ACCES or refused(space.write, moved, b"x") is E.FAULT
    assert refused(space.read, AT, 1) is E.FAULT
    assert space.arena.committed <= frames + 64 * PAGE, "tables, and no copy"
    space.move(moved, 600 * PAGE, AT, leave=True)
    assert space.read(AT + 500 * PAGE, 3) == b"far"
    assert space.read(moved + 500 * PAGE, 3) == bytes(3)


def test_what_grows_downwards(space: AddressSpace) -> None:
    top = 0x7000_0000
    space.map(top, PAGE, R | W, fixed=True, traits=GROWS)
    space.write(top - 3 * PAGE, b"below")
    assert space.read(top - PAGE, 4) == bytes(4)
    (shown,) = space.shown()
    assert (shown.start, shown.end) == (top - 3 * PAGE, top + PAGE)
    space.stack_limit = 16 * PAGE
    assert refused(space.write, top - 20 * PAGE, b"x") is E.FAULT
    space.stack_limit = None
    space.map(top - 300 * PAGE, PAGE, R, fixed=True)
    assert refused(space.write, top - 200 * PAGE, b"x") is E.FAULT, "too near to what is below"


def test_a_file_cut_short_and_grown_again(space: AddressSpace, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 3 * PAGE)
    with path.open("r+b") as file:
        at = space.map(None, 4 * PAGE, R | W, shared=True, backing=FileBacking(file.fileno()))
        private = space.map(None, 4 * PAGE, R | W, backing=FileBacking(file.fileno()))
        space.write(at, b"b" * 3 * PAGE)
        space.write(private, b"c" * 3 * PAGE)
        os.ftruncate(file.fileno(), PAGE)
        space.arena.files_were_cut()
        assert refused(space.read, at + PAGE, 1) is E.FAULT
        assert space.fault_code == FAULT_BEYOND
        assert refused(space.read, private + PAGE, 1) is E.FAULT
        os.ftruncate(file.fileno(), 4 * PAGE)
        assert space.read(at + PAGE, 3) == bytes(3)
        assert space.read(private + PAGE, 3) == bytes(3)
        assert space.read(private, 1) == b"c"


def test_a_limit_of_memory(space: AddressSpace) -> None:
    at = space.map(None, 64 << 20, R | W)
    space.write(at, b"x")
    space.arena.limit = space.arena.committed + (8 << 20)
    space.write(at + (1 << 20), b"y" * (4 << 20))
    with pytest.raises(Errno):
        for offset in range(8 << 20, 60 << 20, PAGE):
            space.write(at + offset, b"z")
    assert space.fault_code == FAULT_MEMORY
    assert space.arena.committed <= space.arena.limit + (1 << 20)


def test_one_file_has_one_name_for_waiters(space: AddressSpace, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * PAGE))
    other = space.clone()
    with path.open("r+b") as file:
        a = space.map(None, 3 * PAGE, R | W, shared=True, backing=FileBacking(file.fileno()))
        b = other.map(None, PAGE, R | W, shared=True, backing=FileBacking(file.fileno(), PAGE))
    assert space.name_of(a + PAGE + 8) == other.name_of(b + 8) != other.name_of(b + 12)
    plain = space.map(None, PAGE, R | W)
    twin = space.clone()
    assert space.name_of(plain) != twin.name_of(plain)
    twin.close()
    other.close()


def test_what_is_around_the_kernels_own(space: AddressSpace) -> None:
    space.map(AT, 8 * PAGE, R, fixed=True)
    space.seal(AT + 2 * PAGE, PAGE)
    space.seal(AT + 3 * PAGE, 2 * PAGE)
    assert space.around_sealed(AT, AT + 8 * PAGE) == [(AT, AT + 2 * PAGE), (AT + 5 * PAGE, AT + 8 * PAGE)]
    assert space.around_sealed(AT, AT + PAGE) == [(AT, AT + PAGE)]
    assert refused(space.around_sealed, AT + 2 * PAGE, AT + 4 * PAGE) is E.PERM
    assert refused(space.unmap, AT, 8 * PAGE) is E.PERM
