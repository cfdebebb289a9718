"""The constants and structs of the native interface as C, printed from the tables the kernel itself uses."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, IntEnum, IntFlag

from aot.personality.abi.layout import F, Layout
from aot.personality.abi.op import Op
from aot.personality.native import layouts, layouts_files, layouts_memory, layouts_process
from aot.personality.native.errors import ERRORS
from aot.personality.native.flags import ENUMS, PROT_MAP

C_TYPES = {
    "Q": "unsigned long", "q": "long", "I": "unsigned int", "i": "int", "H": "unsigned short", "h": "short",
    "B": "unsigned char", "b": "signed char",
}  # fmt: skip


def constants() -> Iterator[str]:
    """`#define`s that assembler sources can use as well."""
    yield from (f"#define HELCTIC_OP_{op.name} {op.value}" for op in Op)
    yield from (f"#define HELCTIC_E{error.name} {number}" for error, number in ERRORS.items())
    yield from (f"#define HELCTIC_{name} {bits}" for name, bits, _ in PROT_MAP.bits)
    for enum in ENUMS:
        yield from _values(enum)


def _values(enum: type[Enum]) -> Iterator[str]:
    numbered = issubclass(enum, IntEnum | IntFlag)
    for position, member in enumerate(enum):
        value = member.value if numbered else position
        yield f"#define HELCTIC_{enum.__name__.upper()}_{member.name} {value}"


def structs() -> Iterator[str]:
    """Struct declarations, packed the way the layouts are."""
    for layout in (
        *layouts.STRUCTS, *layouts_files.STRUCTS, *layouts_memory.STRUCTS, *layouts_process.STRUCTS,
    ):  # fmt: skip
        yield from _struct(layout)


def _struct(layout: Layout) -> Iterator[str]:
    yield f"struct {layout.name} {{"
    yield from (f"    {_field(f, i)}" for i, f in enumerate(layout.fields))
    yield f"}} __attribute__((packed, aligned({8 if layout.size % 8 == 0 else 1})));"


def _field(f: F, position: int) -> str:
    name = f.name.replace(".", "_") or f"reserved_{position}"
    if f.code[-1] in "sx":
        return f"char {name}[{f.size}];"
    return f"{C_TYPES[f.code]} {name};"
