from __future__ import annotations

import json

from aot.analyze.report import report
from aot.image.model import Import, ImportKind, Symbol
from aot.record import replace
from tests.aot.analyze.lab import BASE, X86_64, assemble, found, image

CALLS = {1: "write", 60: "exit"}


def test_report_counts_by_number_and_names_functions() -> None:
    name = Symbol("leave", BASE, 12, code=True)
    program = image(
        X86_64,
        "mov eax, 60\nsyscall\nmov eax, 60\nsyscall\nmov rax, rdi\nsyscall\nret",
        symbols=(name,),
    )
    made = report(program, found(program), CALLS.get)
    (line,) = made.numbers
    assert (line.number, line.call, line.sites, line.functions) == (60, "exit", 2, ("leave",))
    assert [site.known for site in made.sites] == [True, True, False]
    assert made.sites[2].why == "parameter rdi"


def test_report_is_json_with_refusals() -> None:
    program = image(X86_64, "mov eax, 0x050f\nmov eax, 99\nsyscall\nret")
    text = report(program, found(program), CALLS.get).to_json()
    fields = json.loads(text)
    assert fields["sites"][0]["calls"] == ["#99"]
    assert fields["refused"][0]["address"] == BASE + 1
    assert text == report(program, found(program), CALLS.get).to_json()


def test_imports_are_grouped_by_name() -> None:
    slots = (
        Import("libc.so", "write", 0x10, ImportKind.GOT),
        Import("libc.so", "write", 0x20, ImportKind.PLT),
        Import("libc.so", "environ", 0x30, ImportKind.GOT, data=True),
    )
    program = replace(image(X86_64, "ret"), imports=slots)
    environ, write = report(program, found(program), CALLS.get).imports
    assert (environ.name, environ.data) == ("environ", True)
    assert (write.slots, write.kinds) == ((0x10, 0x20), (ImportKind.GOT, ImportKind.PLT))


def test_paths_with_their_proofs() -> None:
    wrapper = assemble(X86_64, "mov rax, rdi\nsyscall\nret")
    at = len(wrapper)
    caller = assemble(X86_64, "mov edi, 60\ncall 0x400000\nret", BASE + at)
    names = (Symbol("wrapper", BASE, at, code=True), Symbol("leave", BASE + at, len(caller), code=True))
    program = image(X86_64, wrapper + caller, functions=((0, at), (at, 0)), symbols=names, entry=at)
    made = report(program, found(program), CALLS.get)
    (line,) = made.sites[0].paths
    assert (line.number, line.call, line.caller, line.why) == (60, "exit", "leave", "")
    assert line.proof == (
        "0x400006 mov edi, 0x3c",
        "0x40000b call 0x400000 (wrapper)",
        "0x400000 mov rax, rdi",
    )
    assert made.known_paths() == (1, 1)
