"""What a fork shares, and what is left of that when it is over."""

from __future__ import annotations

from aot.personality.abi.errors import E
from runtime.cpu.api import RangeEvent
from runtime.kernel.memory import AddressSpace
from tests.runtime.kernel.kit import AT, PAGE, R, W, refused


def test_a_fork_shares_until_somebody_writes(space: AddressSpace) -> None:
    space.map(AT, 3 * PAGE, R | W, fixed=True)
    space.map(AT + 8 * PAGE, PAGE, R | W, fixed=True, shared=True)
    space.write(AT, b"before")
    child = space.clone()
    events: list[RangeEvent] = []
    space.listeners.append(events.append)
    space.write(AT, b"parent")
    assert events, "the engine has to learn that the page moved"
    assert child.read(AT, 6) == b"before"
    child.write(AT + 2, b"ild")
    assert (space.read(AT, 6), child.read(AT, 6)) == (b"parent", b"beilde")
    space.write(AT + 8 * PAGE, b"both")
    assert child.read(AT + 8 * PAGE, 4) == b"both"
    grandchild = child.clone()
    child.close()
    assert grandchild.read(AT, 6) == b"beilde"
    assert grandchild.read(AT + PAGE, PAGE) == bytes(PAGE)
    grandchild.close()
    assert space.read(AT, 6) == b"parent"
    assert refused(space.read, AT + 4 * PAGE, 1) is E.FAULT


def test_what_the_kernel_wrote_reaches_a_fork(space: AddressSpace) -> None:
    size = 8 << 20
    at = space.map(None, size, R | W)
    space.write(at, b"first")
    for view in space.buffers(
        at + (4 << 20), 1 << 20, True
    ):  # as read(2) fills a large buffer: no page is touched
        view[:] = b"k" * len(view)
    child = space.clone()
    assert child.read(at + (4 << 20), 1 << 20) == b"k" * (1 << 20)
    assert child.read(at, 5) == b"first"
    child.close()


def test_a_fork_that_is_over_leaves_its_parent_the_pages(space: AddressSpace) -> None:
    at = space.map(None, 64 * PAGE, R | W)
    space.write(at, b"x" * 64 * PAGE)
    space.clone().close()
    space.write(at, b"y" * 64 * PAGE)
    used = space.arena.committed
    for generation in range(20):
        space.clone().close()
        space.write(at, bytes([generation]) * 64 * PAGE)
    assert space.arena.committed <= used + 64 * PAGE
    assert space.read(at, 2) == b"\x13\x13"


def test_frames_of_earlier_forks_are_brought_together(space: AddressSpace) -> None:
    at = space.map(None, 4 * PAGE, R | W)
    children = []
    for generation in range(10):
        space.write(at, bytes([generation]) * 2 * PAGE)
        children.append(space.clone())
    region = space.region_at(at)
    assert region is not None and len(region.inherited) <= 5
    assert [child.read(at + PAGE, 1)[0] for child in children] == list(range(10))
    assert space.read(at, 4 * PAGE) == b"\x09" * 2 * PAGE + bytes(2 * PAGE)
    for child in children:
        child.close()
