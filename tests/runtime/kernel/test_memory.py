"""Access to an address space: rights, buffers, strings, wild addresses."""

from __future__ import annotations

import pytest

from aot.image.model import Arch
from aot.personality.abi.errors import E
from runtime.kernel.memory import AddressSpace
from runtime.kernel.paging import FAULT_RIGHTS
from tests.runtime.kernel.kit import AT, PAGE, R, W, X, refused


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


def test_poke_ignores_rights_but_not_absence(space: AddressSpace) -> None:
    space.map(AT, 2 * PAGE, R | X, fixed=True)
    space.poke(AT + PAGE - 2, b"loader")
    assert space.read(AT + PAGE - 2, 6) == b"loader"
    space.protect(AT, PAGE, 0)
    space.poke(AT, b"none")
    assert space.peek(AT, 4) == b"none"
    assert refused(space.poke, AT + 2 * PAGE - 1, b"ab") is E.FAULT
