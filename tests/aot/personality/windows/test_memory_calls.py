"""Windows calls about handles, memory and heaps, made as a guest makes them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aot.personality.abi.errors import E, Errno
from aot.personality.windows import vm
from aot.personality.windows.heap import Heap, heap
from tests.aot.personality.windows.lab import IMAGE, STACK_TOP, Lab
from tests.runtime.kernel.kit import DATA


def test_pseudo_and_wrong_handles() -> None:
    lab = Lab()
    assert lab.trap("NtClose", -1) == 0
    assert lab.trap("NtClose", 0) == 0xC0000008
    assert lab.trap("NtClose", 0x4444) == 0xC0000008
    assert lab.trap("NtCreateEvent", DATA, 0, 0, 1, 0) == 0
    event = lab.mem.load_u64(DATA)
    assert lab.trap("NtReadFile", event, 0, 0, 0, DATA, DATA, 1, 0, 0) == 0xC0000024
    assert lab.trap("NtSetEvent", 8, 0) == 0xC0000024
    assert lab.trap("NtSetEvent", event, DATA) == 0
    assert lab.trap("NtWaitForSingleObject", event, 0, 0) == 0
    lab.mem.write(DATA, bytes(8))
    assert lab.trap("NtWaitForSingleObject", event, 0, DATA) == 0x102  # it reset itself
    assert lab.trap("NtClose", event) == 0
    assert lab.trap("NtClose", event) == 0xC0000008


# -- memory ------------------------------------------------------------------------------------------


def test_reserve_commit_release() -> None:
    ctx = Lab().ctx
    base, size = vm.allocate(ctx, 0, 0x2_3456, vm.RESERVE, 4)
    assert base % 0x1_0000 == 0
    assert size == 0x2_4000
    with pytest.raises(Errno):
        ctx.mem.write(base, b"x")
    assert vm.allocate(ctx, base + 0x1234, 0x1000, vm.COMMIT, 4) == (base + 0x1000, 0x2000)
    ctx.mem.write(base + 0x1000, b"kept")
    vm.allocate(ctx, base, 0x4000, vm.COMMIT, 4)
    assert ctx.mem.read(base + 0x1000, 4) == b"kept"
    found = vm.query(ctx, base + 0x1000)
    assert (found.allocation, found.state, found.protect, found.type) == (base, vm.COMMIT, 4, vm.PRIVATE)
    assert vm.protect(ctx, base, 0x2000, 2) == (base, 0x2000, 4)
    assert vm.query(ctx, base).size == 0x2000
    vm.free(ctx, base + 0x1000, 0x1000, vm.DECOMMIT)
    vm.allocate(ctx, base + 0x1000, 0x1000, vm.COMMIT, 4)
    assert ctx.mem.read(base + 0x1000, 4) == bytes(4)
    assert vm.free(ctx, base, 0, vm.RELEASE) == (base, 0x2_4000)
    assert vm.query(ctx, base).state == vm.FREE


def test_huge_reservations_cost_nothing() -> None:
    ctx = Lab().ctx
    base, _ = vm.allocate(ctx, 0, 1 << 40, vm.RESERVE, 4)
    vm.allocate(ctx, base + (1 << 39), 0x1000, vm.COMMIT, 4)
    ctx.mem.write(base + (1 << 39), b"far")
    vm.free(ctx, base, 0, vm.RELEASE)


@pytest.mark.parametrize(
    ("kind", "protect", "size", "error"),
    [
        (vm.RESERVE, 0x33, 4096, E.INVAL),
        (0, 4, 4096, E.INVAL),
        (vm.RESERVE, 4, 0, E.INVAL),
        (vm.RESERVE | 0x800, 4, 4096, E.INVAL),
        (vm.RESERVE, 4, 1 << 60, E.INVAL),
    ],
)
def test_refused_allocations(kind: int, protect: int, size: int, error: E) -> None:
    with pytest.raises(Errno) as raised:
        vm.allocate(Lab().ctx, 0, size, kind, protect)
    assert raised.value.code is error


def test_conflicts() -> None:
    ctx = Lab().ctx
    with pytest.raises(Errno) as taken:
        vm.allocate(ctx, IMAGE, 0x1000, vm.RESERVE, 4)
    with pytest.raises(Errno) as nowhere:
        vm.allocate(ctx, 0x5000_0000, 0x1000, vm.COMMIT, 4)
    with pytest.raises(Errno) as foreign:
        vm.free(ctx, IMAGE, 0, vm.RELEASE)
    assert {e.value.code for e in (taken, nowhere, foreign)} == {E.NOT_MAPPED}


def test_queries_of_image_and_stack() -> None:
    ctx = Lab().ctx
    image = vm.query(ctx, IMAGE + 0x1234)
    assert (image.base, image.allocation, image.type, image.protect) == (
        IMAGE + 0x1000,
        IMAGE,
        vm.IMAGE,
        0x20,
    )
    stack = vm.query(ctx, STACK_TOP - 1)
    assert (stack.state, stack.protect, stack.type) == (vm.COMMIT, 4, vm.PRIVATE)
    with pytest.raises(Errno):
        vm.query(ctx, 1 << 47)


SIZES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5000)), max_size=60)


@settings(max_examples=30, deadline=None)
@given(SIZES)
def test_heap_blocks_never_overlap(steps: list[tuple[int, int]]) -> None:
    mem, blocks = Lab().mem, Heap()
    live: dict[int, bytes] = {}
    for step, size in steps:
        if step < 5 or not live:
            address = blocks.alloc(mem, size)
            assert address % 16 == 0
            assert address not in live
            live[address] = bytes((len(live) & 0xFF,)) * size
            if size:
                mem.write(address, live[address])
        else:
            address = sorted(live)[size % len(live)]
            assert mem.read(address, len(live[address])) == live[address]
            if step < 8:
                assert blocks.free(mem, address)
                del live[address]
            else:
                content = live.pop(address)
                moved = blocks.resize(mem, address, size)
                kept = content[:size].ljust(size, b"\xee")
                if size:
                    mem.write(moved, kept)
                live[moved] = kept
    for address, content in live.items():
        assert mem.read(address, len(content)) == content


def test_heap_functions() -> None:
    lab = Lab()
    process_heap = lab.use("GetProcessHeap")
    block = lab.use("HeapAlloc", process_heap, 8, 100)
    assert lab.mem.read(block, 100) == bytes(100)
    assert lab.use("HeapSize", process_heap, 0, block) == 100
    lab.mem.write(block, b"x" * 100)
    grown = lab.use("HeapReAlloc", process_heap, 8, block, 3000)
    assert lab.mem.read(grown, 3000) == b"x" * 100 + bytes(2900)
    assert lab.use("HeapFree", process_heap, 0, grown) == 1
    assert lab.use("HeapFree", process_heap, 0, grown) == 0
    own = lab.use("HeapCreate", 0, 0, 0)
    lab.use("HeapAlloc", own, 0, 10)
    lab.use("HeapAlloc", own, 0, 1 << 20)
    assert lab.use("HeapDestroy", own) == 1
    assert heap(lab.ctx).sizes == {}


# -- the rest of kernel32 ----------------------------------------------------------------------------
