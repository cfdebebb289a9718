"""Ops on properties of a process that are kept, told, and inherited."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_process import Trait
from aot.personality.abi.op import Op
from aot.personality.abi.signals import LAST
from runtime.kernel.context import Context
from runtime.kernel.ops_ids import SETPCAP, capable
from runtime.kernel.optable import op

KEPT = {
    Trait.DUMPABLE: (0, 1),
    Trait.KEEP_CAPS: (0, 1),
    Trait.NO_NEW_PRIVS: (1,),
    Trait.MCE_KILL: (0, 1, 2),
}
"""Values that are taken, where not every one is."""


@op(Op.TRAIT_GET)
def trait_get(ctx: Context, trait: Trait) -> int:
    """A property of the process."""
    return ctx.process.life.traits.get(trait, trait.default)


@op(Op.TRAIT_SET)
def trait_set(ctx: Context, trait: Trait, value: int) -> None:
    """Change a property of the process. Raises INVAL for a value it cannot have, PERM."""
    if value not in KEPT.get(trait, (value,)):
        raise Errno(E.INVAL)
    if trait is Trait.DEATH_SIGNAL and not 0 <= value <= LAST:
        raise Errno(E.INVAL)
    if trait is Trait.SECURE_BITS and not capable(ctx, SETPCAP):
        raise Errno(E.PERM)
    if trait is Trait.SUBREAPER:
        value = int(value != 0)
    if trait is Trait.TIMER_SLACK and not value:
        value = trait.default
    ctx.process.life.traits[trait] = value


@op(Op.PERSONA)
def persona(ctx: Context, value: int) -> int:
    """Set the execution domain's bits (0xffffffff: look only); the old ones. They change nothing."""
    old: int = ctx.process.data.get("persona", 0)
    if value != 0xFFFF_FFFF:
        ctx.process.data["persona"] = value
    return old
