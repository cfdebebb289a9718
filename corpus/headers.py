"""C headers printed from the project's own tables, so that programs and tables cannot drift apart."""

from __future__ import annotations

from aot.personality.abi.personality import Personality
from aot.personality.darwin import numbers as darwin_numbers
from aot.personality.darwin.names import BSD, MACH, MACHDEP
from aot.personality.native.header import constants, structs
from aot.personality.registry import system_of
from aot.personality.windows.numbers import COLUMNS, SERVICES, nt
from corpus import wild

UNIX = {
    "native": Personality.NATIVE, "linux": Personality.LINUX, "freebsd": Personality.FREEBSD,
    "netbsd": Personality.NETBSD, "openbsd": Personality.OPENBSD,
    "darwin": Personality.DARWIN,
}  # fmt: skip


def for_system(os_name: str) -> dict[str, str]:
    """Headers generated for programs of one system: file name -> text."""
    out = {"native.h": native()} if os_name == "native" else {}
    if os_name == "windows":
        out["numbers.h"] = windows()
    if os_name == "darwin":
        out["numbers.h"] = darwin()
    if os_name in UNIX:
        out["wild.h"] = wild.header(system_of(UNIX[os_name]))
    return out


def native() -> str:
    """Constants of the native interface, and its structs where C is being compiled."""
    return "\n".join((*constants(), "#ifndef __ASSEMBLER__", *structs(), "#endif", ""))


def darwin() -> str:
    """SYS_name of BSD calls, MACH_name of traps and MACHDEP_name of the rest; one block an architecture."""
    lines: list[str] = []
    for column in darwin_numbers.COLUMNS:
        lines.append(f"#if defined(__{column}__)")
        tables = (("SYS", BSD, darwin_numbers.bsd), ("MACH", MACH, darwin_numbers.mach))
        for prefix, names, number_of in (*tables, ("MACHDEP", MACHDEP, darwin_numbers.machdep)):
            for number, name in names.items():
                value = number_of(number).get(column)
                if value is not None:
                    lines.append(f"#define {prefix}_{name} {_signed(value)}")
        lines.append("#endif")
    return "\n".join((*lines, ""))


def _signed(value: int) -> str:
    return str(value - (1 << 32)) if value >> 31 else f"{value:#x}"


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
