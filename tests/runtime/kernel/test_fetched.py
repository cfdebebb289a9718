"""Pages that are executed as something else than they are read, and what ends that."""

from __future__ import annotations

import pytest

from aot.image.model import Prot
from runtime.kernel.frames import PAGE
from runtime.kernel.memory import AddressSpace

READ, WRITE, EXECUTE = range(3)
RX = Prot.R | Prot.X
OLD, NEW = b"as it was", b"patched !"


def rights(space: AddressSpace, address: int) -> int:
    return space.table.format.prot(space.table.get(address))


@pytest.fixture
def code(space: AddressSpace) -> int:
    """Two pages of code that are patched across their border."""
    at = space.map(None, 3 * PAGE, RX)
    space.poke(at + PAGE - 4, OLD)
    space.fetched.put([(at + PAGE - 4, NEW)])
    return at


def executed(space: AddressSpace, code: int) -> bytes:
    return space.fetched.peek(code + PAGE - 4, len(OLD))


def test_what_is_read_stays(space: AddressSpace, code: int) -> None:
    assert space.read(code + PAGE - 4, len(OLD)) == OLD
    assert space.peek(code + PAGE - 4, len(OLD)) == OLD
    assert executed(space, code) == NEW
    assert rights(space, code) == rights(space, code + PAGE) == Prot.R
    assert rights(space, code + 2 * PAGE) == RX
    assert space.fault(code, EXECUTE)
    assert not space.fault(code, WRITE)


def test_other_rights_and_back(space: AddressSpace, code: int) -> None:
    space.protect(code, PAGE, 0)
    assert not space.fault(code, EXECUTE)
    space.protect(code, PAGE, RX)
    assert rights(space, code) == Prot.R
    assert executed(space, code) == NEW


def test_a_page_that_may_be_written_is_the_guests(space: AddressSpace, code: int) -> None:
    space.protect(code, PAGE, Prot.R | Prot.W)
    space.protect(code, PAGE, RX)
    assert rights(space, code) == RX
    assert executed(space, code) == OLD, "a window was cut in two"


def test_a_page_that_is_written_is_the_guests(space: AddressSpace) -> None:
    at = space.map(None, PAGE, RX | Prot.W)
    space.poke(at, OLD)
    space.fetched.put([(at, NEW)])
    assert rights(space, at) == Prot.R
    assert space.fault(at, EXECUTE)
    assert space.fetched.frames
    space.write(at + 64, b"data")
    assert rights(space, at) == RX | Prot.W
    assert space.fetched.peek(at, len(OLD)) == OLD


def test_the_kernels_writes_count(space: AddressSpace, code: int) -> None:
    space.poke(code + 8, b"more")
    assert executed(space, code) == OLD, "a window was cut in two"
    assert space.fetched.peek(code + 8, 4) == b"more"


@pytest.mark.parametrize("end", ["unmap", "decommit", "move", "map"])
def test_what_goes_is_gone(space: AddressSpace, code: int, end: str) -> None:
    used = space.arena.used
    match end:
        case "unmap":
            space.unmap(code, 2 * PAGE)
        case "decommit":
            space.decommit(code, 2 * PAGE)
        case "move":
            target = space.find_free(2 * PAGE)
            space.move(code, 2 * PAGE, target)
            assert space.fetched.peek(target + PAGE - 4, len(OLD)) == OLD
            assert rights(space, target) == RX
        case "map":
            space.map(code, 2 * PAGE, RX, fixed=True)
    assert not space.fetched.frames
    assert space.arena.used <= used


def test_a_fork_has_the_same_until_one_changes(space: AddressSpace, code: int) -> None:
    child = space.clone()
    assert executed(child, code) == executed(space, code) == NEW
    assert rights(child, code) == rights(space, code) == Prot.R
    assert child.fault(code, EXECUTE)
    child.fetched.put([(code + PAGE - 4, b"other way")])
    assert executed(child, code) == b"other way"
    assert executed(space, code) == NEW
    child.protect(code, 2 * PAGE, Prot.R | Prot.W)
    child.write(code + PAGE - 4, b"my own   ")
    child.protect(code, 2 * PAGE, RX)
    assert executed(child, code) == b"my own   "
    assert executed(space, code) == NEW
    assert space.peek(code + PAGE - 4, len(OLD)) == OLD
    grandchild = child.clone()
    child.close()
    assert executed(grandchild, code) == b"my own   "
    grandchild.close()


def test_a_copy_on_write_page_that_is_written(space: AddressSpace) -> None:
    at = space.map(None, PAGE, RX | Prot.W)
    space.poke(at, OLD)
    space.fetched.put([(at, NEW)])
    child = space.clone()
    child.write(at + 64, b"data")
    assert child.fetched.peek(at, len(OLD)) == OLD
    assert space.fetched.peek(at, len(OLD)) == NEW
    assert space.peek(at + 64, 4) == bytes(4)
    assert space.fault(at, WRITE)
    assert rights(space, at) == RX | Prot.W
    child.close()


def test_many_forks_keep_it(space: AddressSpace, code: int) -> None:
    spaces = [space]
    for _ in range(7):  # more than frames are inherited through
        spaces.append(spaces[-1].clone())
    for one in spaces:
        assert rights(one, code) == Prot.R
        assert executed(one, code) == NEW
    for one in spaces[1:]:
        one.close()
    assert executed(space, code) == NEW
