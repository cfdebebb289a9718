"""Which personalities exist: their tables are imported only when asked for."""

from __future__ import annotations

from importlib import import_module

from aot.errors import IdentifyError
from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System

PERSONALITIES: tuple[Personality, ...] = (
    Personality.NATIVE,
    Personality.LINUX,
    Personality.WINDOWS,
    Personality.FREEBSD,
    Personality.DARWIN,
    Personality.NETBSD,
    Personality.OPENBSD,
)
"""Personalities that have a folder of tables."""


def system_of(personality: Personality) -> System:
    """The tables of one personality. Raises IdentifyError for one that has none."""
    if personality not in PERSONALITIES:
        raise IdentifyError(f"{personality.name.lower()} programs are recognised but not supported yet")
    system: System = import_module(f"aot.personality.{personality.name.lower()}.system").SYSTEM
    return system
