from __future__ import annotations

from itertools import accumulate

import pytest

from aot.analyze.reach.graph import Graph
from aot.image.model import Arch, FunctionRange, Image, Import, ImportKind, Prot, Segment, Symbol
from aot.record import replace
from tests.aot.analyze.lab import AARCH64, BASE, X86_64, assemble, image

DATA = BASE + 0x10000
SIZE = 64
"""Bytes from one function of a program made here to the next; the last eight are between them."""


def program(arch: Arch, functions: dict[str, str], data: bytes = b"") -> Image:
    """An image whose functions are SIZE bytes apart, all exported; `{name}` in a text is an address."""
    starts = dict(zip(functions, accumulate([SIZE] * len(functions), initial=BASE), strict=False))
    nop = b"\x90" if arch is X86_64 else b"\x1f\x20\x03\xd5"
    code, ranges = b"", []
    for name, text in functions.items():
        raw = assemble(arch, text.format(**starts), starts[name])
        ranges.append(FunctionRange(starts[name], starts[name] + SIZE - 8, "eh_frame"))
        code += raw + nop * ((SIZE - len(raw)) // len(nop))
    made = image(arch, code)
    return replace(
        made,
        segments=(*made.segments, Segment(DATA, 0x100, data, Prot.R | Prot.W)),
        functions=tuple(ranges),
        symbols=(),
        exports=tuple(Symbol(name, start, 0, code=True) for name, start in starts.items()),
        entry=BASE,
    )


def reached(made: Image, *names: str, pointers: tuple[tuple[int, int], ...] = ()) -> set[str]:
    """The names of the functions that run when those of `names` may."""
    graph, running = Graph(made, pointers), set[int]()
    addresses = {s.name: s.address for s in made.exports}
    graph.spread([addresses[name] for name in names], running)
    return {name for name, address in addresses.items() if graph.node_at(address) in running}


@pytest.mark.parametrize(
    ("arch", "texts"),
    [
        (X86_64, {"main": "call {a}\nret", "a": "jmp {b}", "b": "ret", "c": "call {b}\nret"}),
        (X86_64, {"main": "lea rax, [rip + 57]\nret", "a": "je {b}\nret", "b": "ret", "c": "ret"}),
        (X86_64, {"main": "mov edi, {a}\nret", "a": "nop", "b": "ret", "c": "ret"}),
        (AARCH64, {"main": "bl #{a}\nret", "a": "cbz x0, #{b}\nret", "b": "ret", "c": "bl #{b}\nret"}),
        (AARCH64, {"main": ".word 0x10000201\nret", "a": "b #{b}", "b": "ret", "c": "ret"}),  # adr x1, a
        (
            AARCH64,
            {"main": ".word 0x90000001\nadd x1, x1, #64\nret", "a": "nop", "b": "ret", "c": "ret"},
        ),  # adrp
    ],
)
def test_what_a_function_leads_to(arch: Arch, texts: dict[str, str]) -> None:
    assert reached(program(arch, texts)) == {"main", "a", "b"}


def test_a_function_whose_address_is_in_data_may_run() -> None:
    texts = {"main": "ret", "a": "ret", "b": "ret"}
    assert reached(program(X86_64, texts, (BASE + SIZE).to_bytes(8, "little"))) == {"main", "a"}
    assert reached(program(X86_64, texts), pointers=((DATA, BASE + 2 * SIZE),)) == {"main", "b"}


def test_an_address_within_a_function_is_a_label_of_it() -> None:
    texts = {"main": "ret", "a": "nop\nnop\nret"}
    assert reached(program(X86_64, texts, (BASE + SIZE + 1).to_bytes(8, "little"))) == {"main"}


def test_what_nothing_refers_to_may_run() -> None:
    made = program(X86_64, {"main": "ret", "a": "ret"})
    hidden = replace(made, exports=made.exports[:1])  # nothing explains why the other is there
    graph, running = Graph(hidden), set[int]()
    graph.spread([], running)
    assert graph.node_at(BASE + SIZE) in running


def test_bytes_that_look_like_a_branch_into_a_function_do_not_count() -> None:
    texts = {
        "main": "movabs rax, 0x3ae890909090\nret",
        "a": "nop\nnop\nnop\nret",
    }  # e8 3a: into a, not its start
    assert reached(program(X86_64, texts)) == {"main"}


def test_names_imported_through_stubs_and_slots() -> None:
    texts = {
        "main": "call {stub}\nret",
        "stub": "jmp qword ptr [rip + 0x10000 - 64 - 6]",
        "other": "call qword ptr [rip + 0x10008 - 128 - 6]\nret",
    }
    made = program(X86_64, texts)
    slots = [
        Import("libc.so.6", name, DATA + 8 * i, ImportKind.GOT)
        for i, name in enumerate(("read", "write", "held"))
    ]
    made = replace(made, imports=tuple(slots))
    graph = Graph(made)
    assert graph.spread([], set()) == {"read", "held"}  # nothing in code uses the last slot: it is data
    assert graph.spread([BASE + 2 * SIZE], set()) == {"read", "write", "held"}


def test_code_that_runs_on_reaches_what_follows() -> None:
    texts = {"main": "nop\nnop", "a": "call {a}", "b": "ret"}  # a ends with a call that does not come back
    assert reached(program(X86_64, texts)) == {"main", "a"}


def test_a_table_of_stubs_uses_no_name_itself() -> None:
    jumps = "jmp qword ptr [rip + 0x10000 - 64 - 6]\nnop\nnop\n" * 6  # slots 0 to 5
    made = program(X86_64, {"main": "call {stubs}\nret", "stubs": jumps, "taken": "ret"})
    names = [f"name{n}" for n in range(6)]
    slots = tuple(Import("libc.so.6", name, DATA + 8 * n, ImportKind.PLT) for n, name in enumerate(names))
    made = replace(made, imports=slots, exports=made.exports[:1])  # nothing says who goes to the others
    found = Graph(made).spread([], set())
    assert "name0" in found and "name1" not in found
