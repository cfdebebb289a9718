"""The printed C header compiles for both architectures, and C lays its structs out as the tables say."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aot.cli.header import lines
from aot.personality.abi.op import RESERVED, Op
from aot.personality.native.layouts import STRUCTS
from corpus.probe import probe

TARGETS = ("linux-x86_64", "linux-aarch64")


@pytest.fixture(scope="module")
def header() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "helctic.h")
        path.write_text("\n".join(lines()) + "\n")
        yield f'#include "{path}"'


@pytest.mark.parametrize("target", TARGETS)
def test_structs_have_the_size_and_offsets_of_their_layouts(header: str, target: str) -> None:
    wanted: dict[str, int] = {}
    for layout in STRUCTS:
        name = f"struct {layout.name}"
        wanted[f"sizeof({name})"] = layout.size
        for field, at in layout.offsets().items():
            wanted[f"__builtin_offsetof({name}, {field.replace('.', '_')})"] = at
    found = dict(zip(wanted, probe(target, [header], list(wanted)), strict=True))
    assert found == wanted


@pytest.mark.parametrize("target", TARGETS)
def test_table_slots_are_in_the_order_of_the_ops(header: str, target: str) -> None:
    asked = [f"__builtin_offsetof(struct KernelOps, {op.name.lower()}_) / sizeof(void *)" for op in Op]
    *slots, size = probe(target, [header], [*asked, "sizeof(struct KernelOps) / sizeof(void *)"])
    assert slots == [int(op) for op in Op]
    assert size == RESERVED
