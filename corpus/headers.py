"""C headers printed from the project's own tables, so that programs and tables cannot drift apart."""

from __future__ import annotations

from aot.personality.abi.personality import Personality
from aot.personality.native.header import constants, structs
from aot.personality.registry import system_of
from aot.personality.windows.numbers import COLUMNS, SERVICES, nt
from corpus import wild

UNIX = {
    "native": Personality.NATIVE, "linux": Personality.LINUX, "freebsd": Personality.FREEBSD,
    "netbsd": Personality.NETBSD, "openbsd": Personality.OPENBSD,
}  # fmt: skip


def for_system(os_name: str) -> dict[str, str]:
    """Headers generated for programs of one system: file name -> text."""
    out = {"native.h": native()} if os_name == "native" else {}
    if os_name == "windows":
        out["numbers.h"] = windows()
    if os_name in UNIX:
        out["wild.h"] = wild.header(system_of(UNIX[os_name]))
    return out


def native() -> str:
    """Constants of the native interface, and its structs where C is being compiled."""
    return "\n".join((*constants(), "#ifndef __ASSEMBLER__", *structs(), "#endif", ""))


def windows() -> str:
    """NR_NtName of the column that NT_BUILD names (default wine); one macro a service and column."""
    lines = ["#ifndef NT_COLUMN", "#define NT_COLUMN WINE", "#endif"]
    lines += ["#define NR_JOIN_(c, n) NR_##c##_##n", "#define NR_JOIN(c, n) NR_JOIN_(c, n)"]
    for name in SERVICES:
        for column in COLUMNS:
            number = nt(name)[column]
            if number is not None:
                lines.append(f"#define NR_{column.upper()}_{name} {number:#x}")
        lines.append(f"#define NR_{name} NR_JOIN(NT_COLUMN, {name})")
    return "\n".join((*lines, ""))
