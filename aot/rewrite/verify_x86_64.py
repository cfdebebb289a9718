"""Compares a disassembled x86-64 stub with what its class and tactic say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from aot.errors import VerifyError
from aot.manifest import DATA, PAGE, Site, StubClass
from aot.rewrite.disassembly import Checker, Text, expect, number_text
from aot.rewrite.verify_cases import check_x86_64_cases
from aot.rewrite.verify_conditions import check_x86_64_tests


def check_x86_64(checker: Checker, index: int, site: Site, ordinal: int, first: int) -> None:
    """One patched site; `ordinal` counts inline ones, `first` is the index of its first case. Raises VerifyError."""
    goal = site.landing or site.stub
    expect([checker.one(site.window)], [f"jmp {goal:#x}"])
    if site.landing:
        expect([checker.one(site.landing)], [f"jmp {site.stub:#x}"])
    behind = next((machine for machine, _ in site.moved if machine > site.gate), None)
    body_end = behind or site.stub + site.stub_size
    before = [(m, g) for m, g in site.moved if m < site.gate]
    after = [(m, g) for m, g in site.moved if m > site.gate]
    body = before[-1][0] + checker.one(before[-1][0]).size if before else site.stub
    if bool(after) != bool(site.cont) or (after and after[0][0] != site.cont):
        raise VerifyError("the gate does not come back to the moved neighbours")
    if site.again != (site.window if site.folded else body):
        raise VerifyError("the call cannot be made again from where the manifest says")
    _check_neighbours(checker, site, before, after)
    found: Sequence[Text] = checker.text(body, body_end - body)
    if not found:
        raise VerifyError("the stub has no body")
    if site.cases:
        found = check_x86_64_cases(checker, first, site, found)
    enter = _enter(checker, index, site)
    inline = site.cls == StubClass.INLINE.value
    if inline:
        _check_inline_x86_64(checker, site, found, enter, ordinal)
    else:
        expect(found, enter)
    if found[2 * inline + 2].address != site.gate:
        raise VerifyError("the gate is not entered where the manifest says")
    if after:
        _check_way_back(checker, site, after)


def _enter(checker: Checker, index: int, site: Site) -> list[str]:
    slot = checker.manifest.area + 8 * site.kind
    return [
        f"lea rcx, [{site.cont or site.resume:#x}]",
        f"mov r11d, {number_text(index)}",
        f"jmp qword ptr [{slot:#x}]",
    ]


def _check_neighbours(
    checker: Checker, site: Site, before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]
) -> None:
    """What was moved, or folded, lies right around the trap."""
    _check_moved(checker, before)
    _check_moved(checker, after)
    starts = [guest for _, guest in before] or [site.window if site.folded else site.addr]
    ends = [guest + checker.one(guest, checker.original).size for _, guest in before[-1:]]
    if site.folded:
        load = checker.one(site.window, checker.original)
        ends = [load.address + load.size]
        if before or str(load).partition(", ")[0] not in ("mov eax", "mov rax"):
            raise VerifyError(f"`{load}` was folded away")
    if starts[0] != site.window or ends not in ([], [site.addr]):
        raise VerifyError("the window does not begin where the manifest says")
    if site.resume != site.addr + site.size or (after and after[0][1] != site.resume):
        raise VerifyError("the guest does not continue behind its trap")


def _check_moved(checker: Checker, pairs: Sequence[tuple[int, int]]) -> None:
    """Each moved instruction means what it meant at its own address."""
    for machine, guest in pairs:
        new, old = checker.one(machine), checker.one(guest, checker.original)
        if (new.mnemonic, new.operands) != (old.mnemonic, old.operands):
            raise VerifyError(f"`{old}` of {guest:#x} became `{new}` at {machine:#x}")
    for (one, guest), (two, following) in pairwise(pairs):
        if one + checker.one(one).size != two:
            raise VerifyError(f"something else is between the moved {guest:#x} and {following:#x}")
        if guest + checker.one(guest, checker.original).size != following:
            raise VerifyError(f"{guest:#x} and {following:#x} were no neighbours")


def _check_way_back(checker: Checker, site: Site, after: Sequence[tuple[int, int]]) -> None:
    machine, guest = after[-1]
    last = checker.one(machine)
    behind = machine + last.size
    rest = checker.text(behind, site.stub + site.stub_size - behind)
    if last.mnemonic in ("ret", "jmp", "bnd ret", "repz ret"):
        expect(rest, [])
    else:
        old = checker.one(guest, checker.original)
        expect(rest, [f"jmp {guest + old.size:#x}"])


def _check_inline_x86_64(
    checker: Checker, site: Site, found: Sequence[Text], enter: Sequence[str], ordinal: int
) -> None:
    area = checker.manifest.area
    counter = f"[{area + PAGE + 8 * ordinal:#x}]"
    if len(found) <= 2 + len(enter):
        raise VerifyError("the inline path is too short")
    tests = found[2 + len(enter) :]
    passed = check_x86_64_tests(checker.manifest, site, tests, found[2].address)
    if site.fast != tests[passed].address:
        raise VerifyError("the call is not answered where the manifest says")
    expect(
        found[: 2 + len(enter)],
        [f"mov rcx, qword ptr [{area + DATA:#x}]", f"jrcxz {tests[0].address:#x}", *enter],
    )
    middle = [str(one) for one in tests[passed:]]
    count = [f"mov r11, qword ptr {counter}", "lea r11, [r11 + 1]", f"mov qword ptr {counter}, r11"]
    back = [
        f"lea rcx, [{site.cont or site.resume:#x}]",
        f"jmp {site.cont or site.resume:#x}",
    ]
    if middle[:3] != count or middle[-2:] != back:
        raise VerifyError("the inline path does not count, or does not come back")
    words = [f"[{area + DATA + 8 * word:#x}]" for word in site.words]
    if len(middle) < 6:
        raise VerifyError("the inline path is too short")
    if middle[3] != f"mov rax, qword ptr {words[0]}":
        raise VerifyError(f"`{middle[3]}` does not answer from {words[0]}")
    for line in middle[4:-2]:
        load = re.fullmatch(r"mov \w+, qword ptr (\[0x[0-9a-f]+\])", line)
        zero = re.fullmatch(r"mov \w+, 0", line)
        if line != "clc" and zero is None and (load is None or load.group(1) != words[-1]):
            raise VerifyError(f"`{line}` has no place on the inline path")
