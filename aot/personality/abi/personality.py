"""The seven personalities and their values on the wire."""

from __future__ import annotations

from enum import IntEnum


class Personality(IntEnum):
    """OS ABI a program expects; the value is what contexts and native ELF notes carry."""

    NATIVE = 0
    LINUX = 1
    WINDOWS = 2
    DARWIN = 3
    FREEBSD = 4
    NETBSD = 5
    OPENBSD = 6
