"""The address space: rights, populating, files, sharing, and a model all sequences of calls agree with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from runtime.cpu.api import EventKind, RangeEvent
from runtime.kernel.frames import Arena, Extent
from runtime.kernel.memory import AddressSpace
from runtime.kernel.paging import FAULT_BEYOND, FAULT_MEMORY, FAULT_RIGHTS, FAULT_UNMAPPED
from runtime.kernel.regions import FileBacking, SharedBacking

PAGE, R, W, X = 4096, 4, 2, 1
AT = 0x10_0000


@pytest.fixture(params=[Arch.X86_64, Arch.AARCH64], ids=lambda arch: arch.value)
def space(request: pytest.FixtureRequest) -> Iterator[AddressSpace]:
    arena = Arena()
    made = AddressSpace(arena, request.param)
    yield made
    made.close()


def refused(call: object, *args: object) -> E:
    assert callable(call)
    with pytest.raises(Errno) as caught:
        call(*args)
    return caught.value.code


def test_memory_is_zero_and_keeps_what_is_written(space: AddressSpace) -> None:
    at = space.map(None, 3 * PAGE, R | W)
    assert space.read(at, 3 * PAGE) == bytes(3 * PAGE)
    space.write(at + PAGE - 3, b"across")
    assert space.read(at + PAGE - 3, 6) == b"across"
    assert space.peek(at + PAGE - 3, 6) == b"across"
    space.store_u64(at + 8, -1)
    assert space.load_u64(at + 8) == (1 << 64) - 1
    space.store_u64(at + PAGE - 4, 0x1122_3344_5566_7788)
    assert space.load_u64(at + PAGE - 4) == 0x1122_3344_5566_7788
    assert space.load_u32(at + PAGE - 2) == 0x3344_5566


@pytest.mark.parametrize(
    "address", [0, AT - 1, AT + 2 * PAGE - 3, AT + 2 * PAGE, 1 << 47, 1 << 48, (1 << 64) - 2]
)
def test_wild_ranges_are_refused_without_side_effect(space: AddressSpace, address: int) -> None:
    space.map(AT, 2 * PAGE, R | W, fixed=True)
    assert refused(space.read, address, 4) is E.FAULT
    assert refused(space.write, address, b"abcd") is E.FAULT
    assert refused(space.load_u64, address) is E.FAULT
    assert refused(space.store_u64, address, 1) is E.FAULT
    assert refused(space.probe, address, 4, False) is E.FAULT
    assert refused(space.buffers, address, 4, True) is E.FAULT
    assert space.read(AT, 2 * PAGE) == bytes(2 * PAGE)


def test_an_empty_range_is_always_good(space: AddressSpace) -> None:
    assert space.read(5, 0) == b""
    space.write(5, b"")
    assert space.buffers(5, 0, True) == ()


@pytest.mark.parametrize("prot", range(8))
def test_rights_as_the_hardware_has_them(space: AddressSpace, prot: int) -> None:
    space.map(AT, PAGE, prot, fixed=True)
    readable, writable = bool(prot), bool(prot & W)
    for write, allowed in ((False, readable), (True, writable)):
        if allowed:
            space.probe(AT, PAGE, write)
        else:
            assert refused(space.probe, AT, 1, write) is E.FAULT
            assert space.fault_code == FAULT_RIGHTS
    assert space.fault(AT, 2) == bool(prot & X)


def test_protect_takes_and_gives_rights_and_keeps_bytes(space: AddressSpace) -> None:
    space.map(AT, 4 * PAGE, R | W, fixed=True)
    space.write(AT, b"kept" * PAGE)
    for prot in (0, R, R | X, R | W):
        space.protect(AT + PAGE, PAGE, prot)
        assert (refused(space.read, AT + PAGE, 4) if not prot else None) in (None, E.FAULT)
        if not prot & W:
            assert refused(space.write, AT + PAGE - 1, b"xx") is E.FAULT
    assert space.read(AT, 4 * PAGE) == b"kept" * PAGE
    assert [(r.start, r.prot) for r in space.regions()][1] == (AT + PAGE, R | W)
    assert refused(space.protect, AT + 3 * PAGE, 2 * PAGE, R) is E.NOMEM


def test_partial_buffers_end_where_access_ends(space: AddressSpace) -> None:
    space.map(AT, 2 * PAGE, R | W, fixed=True)
    space.protect(AT + PAGE, PAGE, R)
    assert sum(map(len, space.buffers(AT + 10, 2 * PAGE, True, True))) == PAGE - 10
    assert sum(map(len, space.buffers(AT + 10, 3 * PAGE, False, True))) == 2 * PAGE - 10
    assert refused(space.buffers, AT + PAGE, 1, True, True) is E.FAULT
    assert refused(space.buffers, 1 << 60, 1, True, True) is E.FAULT


def test_buffers_are_the_memory_itself(space: AddressSpace) -> None:
    at = space.map(None, 8 * PAGE, R | W)
    (view,) = space.buffers(at + 100, 5 * PAGE, True)
    view[:] = b"v" * len(view)
    assert space.read(at + 99, 5 * PAGE + 2) == b"\0" + b"v" * 5 * PAGE + b"\0"


def test_neighbours_with_their_own_memory_are_separate_views(space: AddressSpace) -> None:
    space.map(AT, PAGE, R | W, fixed=True)
    space.map(AT + 4 * PAGE, PAGE, R | W, fixed=True)
    space.map(AT + PAGE, PAGE, R | W, fixed=True)
    views = space.buffers(AT, 2 * PAGE, True)
    assert sum(map(len, views)) == 2 * PAGE
    views[0][0:1] = b"a"
    views[-1][-1:] = b"z"
    assert space.read(AT, 1) + space.read(AT + 2 * PAGE - 1, 1) == b"az"


def test_strings(space: AddressSpace) -> None:
    space.map(AT, 2 * PAGE, R | W, fixed=True)
    space.write(AT + PAGE - 3, b"longer\0")
    assert space.cstr(AT + PAGE - 3) == b"longer"
    assert refused(space.cstr, AT + PAGE - 3, 4) is E.NAMETOOLONG
    space.write(AT + 2 * PAGE - 4, b"open")
    assert refused(space.cstr, AT + 2 * PAGE - 4) is E.FAULT


def test_tagged_pointers_are_arm64s(space: AddressSpace) -> None:
    space.map(AT, PAGE, R | W, fixed=True)
    space.write(AT, b"tag")
    tagged = AT | 0x5A << 56
    if space.arch is Arch.AARCH64:
        assert space.read(tagged, 3) == b"tag"
        space.write(tagged, b"TAG")
        assert space.read(AT, 3) == b"TAG"
        assert space.cstr(tagged) == b"TAG"
    else:
        assert refused(space.read, tagged, 3) is E.FAULT


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


def test_poke_ignores_rights_but_not_absence(space: AddressSpace) -> None:
    space.map(AT, 2 * PAGE, R | X, fixed=True)
    space.poke(AT + PAGE - 2, b"loader")
    assert space.read(AT + PAGE - 2, 6) == b"loader"
    space.protect(AT, PAGE, 0)
    space.poke(AT, b"none")
    assert space.peek(AT, 4) == b"none"
    assert refused(space.poke, AT + 2 * PAGE - 1, b"ab") is E.FAULT


PAGES = 24
ranges = st.tuples(st.integers(0, PAGES - 1), st.integers(1, 6)).map(
    lambda r: (r[0], min(r[1], PAGES - r[0]))
)
actions = st.one_of(
    st.tuples(st.just("map"), ranges, st.integers(0, 7)),
    st.tuples(st.just("unmap"), ranges, st.just(0)),
    st.tuples(st.just("protect"), ranges, st.integers(0, 7)),
    st.tuples(st.just("decommit"), ranges, st.just(0)),
    st.tuples(st.just("write"), ranges, st.integers(1, 255)),
    st.tuples(st.just("clone"), ranges, st.just(0)),
)


class Model:
    """One (rights, byte) a page."""

    def __init__(self, pages: dict[int, tuple[int, int]] | None = None) -> None:
        self.pages = pages or {}

    def apply(self, action: str, first: int, count: int, value: int) -> bool:
        span = range(first, first + count)
        if action == "map":
            self.pages.update(dict.fromkeys(span, (value, 0)))
        elif action == "unmap":
            for p in span:
                self.pages.pop(p, None)
        elif action == "protect":
            for p in span:  # up to the first page that is not there
                if p not in self.pages:
                    return False
                self.pages[p] = value, self.pages[p][1]
        elif action == "decommit":
            self.pages.update({p: (self.pages[p][0], 0) for p in span if p in self.pages})
        elif action == "write":
            if any(not self.pages.get(p, (0, 0))[0] & W for p in span):
                return False
            self.pages.update({p: (self.pages[p][0], value) for p in span})
        return True


def perform(space: AddressSpace, action: str, first: int, count: int, value: int) -> bool:
    at, size = AT + first * PAGE, count * PAGE
    try:
        if action == "map":
            space.map(at, size, value, fixed=True)
        elif action == "unmap":
            space.unmap(at, size)
        elif action == "protect":
            space.protect(at, size, value)
        elif action == "decommit":
            space.decommit(at, size)
        elif action == "write":
            space.write(at, bytes([value]) * size)
    except Errno:
        return False
    return True


def agree(space: AddressSpace, model: Model) -> None:
    for p in range(PAGES):
        at = AT + p * PAGE
        prot, byte = model.pages.get(p, (0, 0))
        region = space.region_at(at)
        assert (region is not None) == (p in model.pages)
        if region is not None:
            assert region.prot == prot
            assert space.peek(at, PAGE) == bytes([byte]) * PAGE
        if prot:
            assert space.read(at + 7, 9) == bytes([byte]) * 9
        else:
            assert refused(space.read, at, 1) is E.FAULT
        assert space.fault(at, 1) == bool(prot & W)
        assert space.fault(at, 2) == bool(prot & X)
        entry = space.table.get(at)
        assert space.table.format.prot(entry) == (prot and prot | R)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(Arch)), st.lists(actions, max_size=25))
def test_every_sequence_agrees_with_a_model(
    arch: Arch, steps: list[tuple[str, tuple[int, int], int]]
) -> None:
    arena = Arena()
    sides = [(AddressSpace(arena, arch), Model())]
    for i, (action, (first, count), value) in enumerate(steps):
        space, model = sides[i % len(sides)]
        if action == "clone":
            if len(sides) < 4:
                sides.append((space.clone(), Model(dict(model.pages))))
            continue
        assert perform(space, action, first, count, value) == model.apply(action, first, count, value)
    for space, model in sides:
        agree(space, model)
    for space, _ in sides:
        space.close()
    assert arena.used == 0
