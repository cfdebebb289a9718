"""Stubs that serve several numbers: parts with the handler chosen ahead of time, a search, and the way by table.

    x86_64    search, table gate, parts; the table of the search is in front of the stub
    aarch64   search, table exit, parts

A part is a bound site's stub. The search leaves everything as it was but the registers that the call loses.
"""

from __future__ import annotations

from collections.abc import Sequence

from aot.manifest import Case, ExitWord
from aot.personality.abi.gate import Gate
from aot.record import dataclass, replace
from aot.rewrite import cases_aarch64, cases_x86_64, stubs_aarch64, stubs_x86_64
from aot.rewrite.assemble import render
from aot.rewrite.call import Call
from aot.rewrite.space import Area

_PART = 96  # bytes of the largest part, and of what a search needs for one; only an estimate of the area


@dataclass(frozen=True, slots=True)
class Chosen:
    """The parts of one stub and what finds them; `outward` are addresses of fields that name the image."""

    search: bytes
    parts: bytes
    cases: tuple[Case, ...]
    exits: tuple[ExitWord, ...] = ()
    outward: tuple[int, ...] = ()
    table: bytes = b""


def case_numbers(gate: Gate, numbers: Sequence[int]) -> list[int]:
    """Those of `numbers` that a stub behind `gate` can look for."""
    if gate.trap == "svc":
        return [] if gate.skip else [number for number in numbers if cases_aarch64.suits(number)]
    return cases_x86_64.distinct([number for number in numbers if cases_x86_64.suits(number)])


def cases_size(call: Call) -> int:
    """At most so many bytes more than a stub without cases."""
    return len(call.cases) * _PART + table_size(call)


def table_size(call: Call) -> int:
    """Bytes of the table in front of the stub of `call`."""
    if call.gate.trap == "svc":
        return 0
    return cases_x86_64.room([case.number or 0 for case in call.cases])


def x86_64_size(call: Call) -> int:
    """Bytes of the search and the parts."""
    return cases_x86_64.size(len(call.cases)) + sum(len(stubs_x86_64.body(case).code) for case in call.cases)


def x86_64(call: Call, first: int, stub: tuple[int, int], resume: int, area: Area) -> Chosen:
    """Search and parts of the stub of `call`. `stub` says where it begins, the table in front of it, and where its
    search is, behind what a tactic moved; `first` is the index of its first case."""
    begin, address = stub
    enter = len(stubs_x86_64.body(call).code)
    start = address + cases_x86_64.size(len(call.cases)) + enter
    parts, cases, outward = b"", list[Case](), list[int]()
    for index, case in enumerate(call.cases, first):
        here, body = start + len(parts), stubs_x86_64.body(case)
        values = {"index": index, "resume": resume, "slot": area.slot(stubs_x86_64.gate_kind(case))}
        outward += (here + field.offset for field in body.fields if field.name == "resume")
        parts += render(body, here, values)
        cases.append(_case(case, here, here + stubs_x86_64.gate_offset(case)))
    at = {case.number: case.entry for case in cases}
    room = table_size(call)
    search = cases_x86_64.search(address, begin - room if room else 0, at, start - enter)
    table = cases_x86_64.table({number: entry - start for number, entry in at.items()}) if room else b""
    return Chosen(search, parts, tuple(cases), outward=tuple(outward), table=table)


def aarch64(call: Call, first: int, address: int, resume: int) -> Chosen:
    """The stub of `call` at `address`: its search, and the parts that stand behind the exit by table."""
    start = address + cases_aarch64.size(len(call.cases)) + 2 * 4
    parts, cases, exits, outward = b"", list[Case](), list[ExitWord](), list[int]()
    for index, case in enumerate(call.cases, first):
        here, kind = start + len(parts), stubs_aarch64.gate_kind(case)
        body, values = stubs_aarch64.body(case, index)
        values |= {"exit": stubs_aarch64.exit_word(kind), "resume": resume}
        (gate,) = (here + field.offset for field in body.fields if field.name == "exit")
        outward += (here + field.offset for field in body.fields if field.name == "resume")
        parts += render(body, here, values)
        cases.append(_case(case, here, gate))
        exits.append(ExitWord(gate, kind))
    at = {case.number: case.entry for case in cases}
    found = cases_aarch64.search(address, int(call.gate.number[1:]), at, start - 2 * 4)
    tested = tuple(replace(case, test=found.tests[case.number]) for case in cases)
    return Chosen(found.code, parts, tested, tuple(exits), tuple(outward))


def _case(call: Call, entry: int, gate: int) -> Case:
    assert call.number is not None
    assert call.info is not None
    return Case(call.number, call.info.name, entry, gate)
