"""Who gets to a function: branches whose instruction is proved, and ways in that hide what is passed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Flow, Raw
from aot.analyze.mentions import Mention, Mentions
from aot.analyze.model import Link
from aot.image.model import Arch
from aot.record import dataclass

if TYPE_CHECKING:
    from aot.analyze.anchors import Span
    from aot.analyze.blocks import Code
    from aot.analyze.places import Places

_DEPTH: Final = 6  # functions that call each other, read to learn whether the first returns
_LONGEST: Final = 1500  # instructions of each
_READ: Final = 4000  # functions read to learn what callers pass
_NEIGHBOUR: Final = 0x4000  # bytes of the longest neighbour read for short branches into a range
NOBODY: Final = "nothing shows who calls it"
_SHORT: Final = 0x100  # bytes a short branch of x86 reaches, and more


@dataclass(frozen=True, slots=True)
class Arrival:
    """A branch that gets there."""

    code: Code
    at: int
    is_call: bool


@dataclass(frozen=True, slots=True)
class Unseen:
    """A way in that does not show what is passed."""

    why: str
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """Every way to one address."""

    arrivals: tuple[Arrival, ...]
    unseen: tuple[Unseen, ...]


class Callers:
    """Ways to the functions of one image. At most `_READ` functions are read for it."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.mentions = Mentions(places.image)
        self._left = _READ
        self._ways: dict[int, Ways] = {}
        self._marked: set[int] = set()
        self._returns: dict[int, bool] = {}

    def to(self, entry: int) -> Ways:
        """Every way to the function that starts at `entry`."""
        if entry not in self._ways:
            arrivals, unseen = self._direct(entry)
            unseen += self._declared(entry)
            if (
                entry not in self._exported
            ):  # which is a mention for everybody, and stands in a table of symbols
                unseen += [hidden for mention in self.mentions.to(entry) for hidden in self._taken(mention)]
            if not arrivals and not unseen:
                unseen = [Unseen(NOBODY)]
            self._ways[entry] = Ways(tuple(arrivals), tuple(unseen))
        return self._ways[entry]

    def returns(self, function: int, depth: int = _DEPTH) -> bool:
        """Whether a call of `function` may come back; what is not read to its end may."""
        if function not in self._returns:
            self._returns[function] = True  # a recursion says nothing
            span = self.places.anchors.span_at(function)
            if depth and span is not None and self._read(span):
                self._returns[function] = self._can_return(self.places.of(span).code, function, depth)
        return self._returns[function]

    def _can_return(self, code: Code, function: int, depth: int) -> bool:
        seen: set[int] = set()
        work = [function]
        while work:
            address = work.pop()
            if address in seen:
                continue
            seen.add(address)
            raw = code.reached.get(address)
            if raw is None or len(seen) > _LONGEST or not code.decoder.effort.spend():
                return True
            flow = code.decoder.flow(raw)
            target = code.decoder.target(raw) if flow in (Flow.JUMP, Flow.BRANCH, Flow.CALL) else None
            if flow is Flow.JUMP_INDIRECT or raw[2].rpartition(" ")[2].startswith("ret"):
                return True
            if flow in (Flow.JUMP, Flow.BRANCH):
                inside = target is not None and code.start <= target < code.end
                if inside and target is not None:
                    work.append(target)
                elif target is None or self.returns(target, depth - 1):
                    return True
            ends = flow in (Flow.STOP, Flow.JUMP)
            if not ends and not (
                flow is Flow.CALL and target is not None and not self.returns(target, depth - 1)
            ):
                work.append(address + raw[1])
        return False

    def link(self, code: Code, at: int) -> Link:
        """The instruction at `at`, with the name of what it branches to."""
        raw = code.reached[at]
        flow = code.decoder.flow(raw)
        target = code.decoder.target(raw) if flow in (Flow.CALL, Flow.JUMP, Flow.BRANCH) else None
        name = self.places.anchors.names.get(target) if target is not None else None
        return Link(at, f"{raw[2]} {raw[3]}".rstrip() + (f" ({name})" if name else ""))

    def _read(self, span: Span) -> bool:
        """Whether the range may still be read."""
        if self.places.was_read(span):
            return True
        self._left -= 1
        return self._left >= 0

    def _direct(self, entry: int) -> tuple[list[Arrival], list[Unseen]]:
        arrivals: list[Arrival] = []
        unseen: list[Unseen] = []
        for _, source, is_call in self.places.branches_into(entry, entry + 1):
            code = self._code(source)
            if code is None:
                unseen.append(Unseen("too many callers to read", Link(source, f"to {entry:#x}")))
                continue
            found = self._arrival(code, source, entry, is_call=is_call)
            if found is not None:
                arrivals.append(found)
            elif code.covering(source) is None:
                unseen.append(Unseen("a branch in code that nothing reaches", Link(source, f"to {entry:#x}")))
        return arrivals + self._short(entry), unseen

    def _code(self, address: int) -> Code | None:
        """The range around `address`, with the targets of long branches into it from elsewhere."""
        span = self.places.anchors.span_at(address)
        if span is not None and not self._read(span):
            return None
        place = self.places.at(address)
        code = place.code
        if code.covering(address) is None:
            self.places.reach(place, address)
        if code.start not in self._marked:
            self._marked.add(code.start)
            for target, source, is_call in self.places.branches_into(code.start, code.end):
                inside = code.start <= source < code.end
                if not inside and not is_call and target in code.reached and target not in code.entries:
                    code.foreign.add(target)
        return code

    def _arrival(self, code: Code, source: int, entry: int, *, is_call: bool) -> Arrival | None:
        raw = code.reached.get(source)
        inside = code.start <= entry < code.end and not is_call  # an edge of the range already
        if raw is None or inside or code.decoder.target(raw) != entry:
            return None
        return Arrival(code, source, is_call)

    def _short(self, entry: int) -> list[Arrival]:
        """Branches of two bytes, which only x86-64 has, from the functions next to `entry`."""
        if self.places.image.arch is not Arch.X86_64:
            return []
        span = self.places.anchors.span_at(entry)
        out: list[Arrival] = []
        for near in self.places.anchors.neighbours(span) if span else ():
            if near.end - near.start > _NEIGHBOUR or near.end < entry - _SHORT or near.start > entry + _SHORT:
                continue
            code = self.places.of(near).code
            for raw in code.reached.values():
                branch = raw[1] == 2 and code.decoder.flow(raw) in (Flow.JUMP, Flow.BRANCH)
                if branch and code.decoder.target(raw) == entry:
                    out.append(Arrival(code, raw[0], is_call=False))
        return out

    @cached_property
    def _exported(self) -> dict[int, str]:
        return {symbol.address: symbol.name for symbol in self.places.image.exports if symbol.code}

    def _declared(self, entry: int) -> list[Unseen]:
        image = self.places.image
        out = [Unseen(f"exported as {self._exported[entry]}")] if entry in self._exported else []
        if entry == image.entry:
            out.append(Unseen("the image begins here"))
        if entry in image.initialisers:
            out.append(Unseen("the system's linker calls it"))
        return out

    def _taken(self, mention: Mention) -> list[Unseen]:
        if not mention.code:
            return [Unseen("its address stands in data", Link(mention.address, "data"))]
        raw, sure = self.instruction(mention.address)
        if raw is None:
            return (
                []
                if sure
                else [Unseen("its address is taken", Link(mention.address, "in code nothing reaches"))]
            )
        return [Unseen("its address is taken", Link(raw[0], f"{raw[2]} {raw[3]}"))]

    def instruction(self, at: int) -> tuple[Raw | None, bool]:
        """The instruction with its opcode at `at`, after prefixes; whether the code there is known to be reached."""
        span = self.places.anchors.span_at(at)
        if span is None or not self._read(span):
            return None, False
        raw = self.places.of(span).code.covering(at)
        if raw is None:
            return None, False
        return (raw, True) if at - raw[0] <= 2 else (None, True)
