"""C headers printed from the project's own tables, so that programs and tables cannot drift apart."""

from __future__ import annotations

from aot.personality.native.header import constants, structs


def for_system(os_name: str) -> dict[str, str]:
    """Headers generated for programs of one system: file name -> text."""
    return {"native.h": native()} if os_name == "native" else {}


def native() -> str:
    """Constants of the native interface, and its structs where C is being compiled."""
    return "\n".join((*constants(), "#ifndef __ASSEMBLER__", *structs(), "#endif", ""))
