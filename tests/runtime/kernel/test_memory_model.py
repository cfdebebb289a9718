"""Every sequence of calls leaves the memory that a model of single pages has."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from runtime.kernel.frames import Arena
from runtime.kernel.memory import AddressSpace
from tests.runtime.kernel.kit import AT, PAGE, R, W, X, refused

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
