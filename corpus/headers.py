"""C headers printed from the project's own tables, so that programs and tables cannot drift apart."""

from __future__ import annotations

from aot.personality.abi.op import Op


def for_system(os_name: str) -> dict[str, str]:
    """Headers generated for programs of one system: file name -> text."""
    return {"native.h": native()} if os_name == "native" else {}


def native() -> str:
    """Numbers of the native kernel interface."""
    return "".join(f"#define OP_{op.name} {op.value}\n" for op in Op)
