"""What an image passes to a function that it imports: the numbers that a program gives to libc's syscall()."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from aot.analyze.callers import NOBODY, Arrival, Callers
from aot.analyze.decode import Flow
from aot.analyze.model import CallPath, Link
from aot.analyze.paths import Paths
from aot.analyze.places import Places
from aot.analyze.reach.stubs import import_stubs
from aot.analyze.values import Place
from aot.image.model import Image

if TYPE_CHECKING:
    from aot.personality.abi.gate import Gate

_STUB: Final = 16  # bytes of the longest


def passed(image: Image, names: Collection[str], place: Place, gate: Gate) -> tuple[CallPath, ...]:
    """Every value that calls of the imported functions `names` pass in `place`, the register of an argument.

    A path of unknown number stands for each way that hides it: the function's address in a register or in data.
    Empty when the image does not call them.
    """
    slots = {found.slot: found.name for found in image.imports if found.name in names}
    if not slots:
        return ()
    callers = Callers(Places(image))
    paths = Paths(callers)
    stubs = {at for at in import_stubs(image, slots) if callers.places.branches_into(at, at + 1)}
    out: list[CallPath] = []
    for stub in sorted(stubs):
        ways = paths.into(place, stub, gate)
        out += (path for path in ways if path.why != NOBODY)
    for slot in sorted(slots):
        for used in _uses(callers, slot, stubs):
            found = paths.from_branch(used, place, gate) if isinstance(used, Arrival) else (used,)
            out += found
    return tuple(dict.fromkeys(out))


def _uses(callers: Callers, slot: int, stubs: set[int]) -> Iterator[Arrival | CallPath]:
    """Calls and jumps through `slot` outside of stubs, and whatever else reads it."""
    for mention in callers.mentions.to(slot):
        raw, _ = callers.instruction(mention.address) if mention.code else (None, False)
        if raw is None or any(stub <= raw[0] < stub + _STUB for stub in stubs):
            continue
        code = callers.places.at(raw[0]).code
        flow = code.decoder.flow(raw)
        if flow in (Flow.CALL_INDIRECT, Flow.JUMP_INDIRECT):
            yield Arrival(code, raw[0], is_call=flow is Flow.CALL_INDIRECT)
        else:
            link = Link(raw[0], f"{raw[2]} {raw[3]}")
            yield CallPath(None, (link,), code.function_at(raw[0])[0], "the function's address is taken")
