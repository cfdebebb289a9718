"""Call paths: from whoever decides a number, through wrappers of wrappers, to where it is asked with."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from aot.analyze.model import CallPath, Link
from aot.analyze.stack import depth_at
from aot.analyze.tracer import Born, Param, trace
from aot.analyze.values import Lost, Place
from aot.image.model import Arch
from aot.record import dataclass

if TYPE_CHECKING:
    from aot.analyze.blocks import Code
    from aot.analyze.callers import Arrival, Callers
    from aot.personality.abi.gate import Gate

_MOST: Final = 4096  # paths to one place; more become one path that is not known


@dataclass(frozen=True, slots=True)
class _Source:
    """What one way into a function passes: a value born in the caller, a parameter of it, or a reason."""

    value: int | Param | None
    why: str
    links: tuple[Link, ...]
    caller: int


class Paths:
    """Call paths of one image. What a function's callers pass is asked once."""

    def __init__(self, callers: Callers) -> None:
        self.callers = callers
        self._sources: dict[Param, tuple[_Source, ...]] = {}

    def to(self, code: Code, address: int, born: Iterable[Born], gate: Gate) -> tuple[CallPath, ...]:
        """Every way in which the values `born` get to the instruction at `address` of `code`, known ones first."""
        return self._follow([self._source(code, one, address, ()) for one in born], gate)

    def into(self, place: Place, entry: int, gate: Gate) -> tuple[CallPath, ...]:
        """Every way in which a value gets into `place` of the function at `entry`."""
        return self._follow(self._passed_in(Param(place, entry), gate), gate)

    def from_branch(self, arrival: Arrival, place: Place, gate: Gate) -> tuple[CallPath, ...]:
        """Every way in which a value gets into `place` before one call or jump."""
        return self._follow(self._passed_by(arrival, Param(place, 0), gate), gate)

    def _follow(self, sources: Iterable[_Source], gate: Gate) -> tuple[CallPath, ...]:
        """The paths that end in `sources`, through parameters of one caller after the other."""
        out: dict[tuple[int | None, int, tuple[Link, ...], str], CallPath] = {}
        asked: set[Param] = set()
        work: deque[tuple[_Source, tuple[Link, ...]]] = deque((source, ()) for source in sources)
        while work:
            source, behind = work.popleft()
            links = (*source.links, *behind)
            if not isinstance(source.value, Param):
                path = CallPath(source.value, links, source.caller, source.why)
                out.setdefault((path.number, path.caller, links[:1], path.why), path)
            elif source.value not in asked:
                asked.add(source.value)
                work += ((further, links) for further in self._passed_in(source.value, gate))
            if len(out) >= _MOST:
                out[None, 0, (), ""] = CallPath(None, (), 0, f"more than {_MOST} paths")
                break
        return tuple(sorted(out.values(), key=_order))

    def _passed_in(self, param: Param, gate: Gate) -> tuple[_Source, ...]:
        if param not in self._sources:
            ways = self.callers.to(param.entry)
            out = [source for arrival in ways.arrivals for source in self._passed_by(arrival, param, gate)]
            for unseen in ways.unseen:
                links = (unseen.link,) if unseen.link else ()
                out.append(_Source(None, unseen.why, links, param.entry))
            self._sources[param] = tuple(out)
        return self._sources[param]

    def _passed_by(self, arrival: Arrival, param: Param, gate: Gate) -> list[_Source]:
        code, at, place = arrival.code, arrival.at, param.place
        link = self.callers.link(code, at)
        if isinstance(place, int):
            depth = depth_at(code, at)
            if depth is None:
                return [_Source(None, "the stack pointer is not followed", (link,), code.function_at(at)[0])]
            place += depth
            if arrival.is_call and code.decoder.arch is Arch.X86_64:
                place -= 8  # the return address is not pushed yet
        born = trace(code, gate, self.callers.returns, (at, place, param.ops), strict=False)
        return [self._source(code, one, at, (link,)) for one in born]

    def _source(self, code: Code, one: Born, at: int, behind: tuple[Link, ...]) -> _Source:
        """`one` with the instructions that prove it."""
        value = one.value
        why = value.why if isinstance(value, Lost) else ""
        addresses = one.via if isinstance(value, Param) else (one.at, *one.via)
        links = tuple(self.callers.link(code, address) for address in addresses if address in code.reached)
        function = code.function_at(at)[0]
        return _Source(None if isinstance(value, Lost) else value, why, (*links, *behind), function)


def _order(path: CallPath) -> tuple[bool, int, int, tuple[int, ...]]:
    known = path.number is not None
    return not known, path.number or 0, path.caller, tuple(link.address for link in path.proof)
