"""Code that the guest makes while it runs: what is noted, what is bound, what is forgotten, and what is said of it."""

from __future__ import annotations

import io
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from aot.image.elf_headers import PHDR, PT_GNU_STACK, read_headers
from aot.image.model import Arch, Prot
from aot.manifest import PAGE
from aot.personality.linux.system import SYSTEM as LINUX
from aot.translate import translate_file
from corpus.build import build, program
from runtime.kernel.memory import AddressSpace
from runtime.kernel.regions import FileBacking
from runtime.machine import RunOptions, run
from runtime.made import MadeCode, Tally

TRAP = {Arch.X86_64: b"\x0f\x05", Arch.AARCH64: bytes.fromhex("010000d4")}
RW, RX = Prot.R | Prot.W, Prot.R | Prot.X
PASSED = 42


class Watcher:
    """What an address space tells of code that the guest makes."""

    def __init__(self, space: AddressSpace, *, dynamic: bool = False) -> None:
        wrap = None if dynamic else (lambda handler: handler)
        self.code = MadeCode(LINUX.gates[space.arch.value], set(), Tally(), wrap)
        space.watch(self)

    def made(self, space: AddressSpace, start: int, end: int) -> None:
        self.code.executable(space, start, end)

    def gone(self, space: AddressSpace, start: int, end: int, *, unmapped: bool) -> None:
        self.code.gone(start, end)

    def executable(self, space: AddressSpace, start: int, end: int, file: FileBacking, offset: int) -> None:
        """Files are not its business."""

    def plain(self, start: int, end: int) -> None:
        """Nothing is patched."""

    def own_code(self, address: int, size: int) -> None:
        """There is none."""


def first(_ctx: object) -> int:
    return 1


def second(_ctx: object) -> int:
    return 2


def test_what_becomes_executable_is_noted(space: AddressSpace) -> None:
    code = Watcher(space).code
    at = space.map(None, 4 * PAGE, RW)
    space.write(at + PAGE + 8, TRAP[space.arch])
    space.write(at + 3 * PAGE - 4, TRAP[space.arch])
    space.protect(at + PAGE, PAGE, RX)
    assert code.noted == {at + PAGE + 8}
    space.protect(at, 4 * PAGE, RX)
    assert code.noted == {at + PAGE + 8, at + 3 * PAGE - 4}
    assert (code.tally.pages, code.tally.noted) == (3, 2)
    space.protect(at, 4 * PAGE, RW)
    space.protect(at, 4 * PAGE, RX)
    assert code.tally.noted == 2, "noted again"


def test_memory_nobody_touched_is_not_looked_at(space: AddressSpace) -> None:
    code = Watcher(space).code
    at = space.map(None, 1 << 36, RX)
    assert not code.tally.pages
    assert space.arena.committed < 1 << 24
    space.unmap(at, 1 << 36)


def test_the_programs_own_code_is_not_made(space: AddressSpace) -> None:
    at = space.map(None, PAGE, RX)
    space.poke(at, TRAP[space.arch])
    code = Watcher(space).code
    assert not code.noted
    assert not code.meet(space, at, 5, first)
    space.protect(at, PAGE, RW)
    space.protect(at, PAGE, RX)
    assert code.noted == {at}


def test_the_last_number_is_bound(space: AddressSpace) -> None:
    code = Watcher(space).code
    at = space.map(None, PAGE, RW)
    space.write(at, TRAP[space.arch])
    space.protect(at, PAGE, RX)
    assert code.class_of(at) == "table"
    assert code.meet(space, at, 5, first)
    assert code.places == {at: (5, first)}
    assert not code.noted
    assert code.meet(space, at, 6, second)
    assert code.places == {at: (6, second)}
    assert code.tally.calls == {"table": 2}


def test_what_was_written_later_is_met_once(space: AddressSpace) -> None:
    code = Watcher(space).code
    at = space.map(None, PAGE, RW | Prot.X)
    space.write(at + 16, TRAP[space.arch])
    space.write(at + 32, TRAP[space.arch])
    assert code.class_of(at + 16) == "dynamic"
    assert code.meet(space, at + 16, 5, first)
    assert code.noted == {at + 32}, "its surroundings were not looked at"
    assert code.class_of(at + 32) == "table"
    assert code.tally.calls == {"dynamic": 1}


def test_what_goes_is_forgotten(space: AddressSpace) -> None:
    code = Watcher(space).code
    at = space.map(None, 2 * PAGE, RW)
    for where in (at, at + PAGE, at + PAGE + 64):
        space.write(where, TRAP[space.arch])
    space.protect(at, 2 * PAGE, RX)
    code.meet(space, at, 5, first)
    code.meet(space, at + PAGE, 5, first)
    twin = code.copied()
    space.unmap(at + PAGE, PAGE)
    assert set(code.places) == {at}
    assert not code.noted
    assert set(twin.places) == {at, at + PAGE}
    assert twin.noted == {at + PAGE + 64}
    elsewhere = space.map(None, 2 * PAGE, 0)
    space.unmap(elsewhere, 2 * PAGE)
    space.move(at, PAGE, elsewhere)
    assert not code.places
    assert code.noted == {elsewhere}


def test_a_dynamic_run_binds_nothing(space: AddressSpace) -> None:
    code = Watcher(space, dynamic=True).code
    at = space.map(None, PAGE, RW | Prot.X)
    space.write(at, TRAP[space.arch])
    assert code.meet(space, at, 5, first)
    assert not code.places
    assert code.tally.calls == {"dynamic": 1}


def test_a_written_page_of_a_file_is_made(space: AddressSpace, tmp_path: Path) -> None:
    code = Watcher(space).code
    code_file = tmp_path / "code"
    code_file.write_bytes(TRAP[space.arch] + bytes(2 * PAGE))
    with code_file.open("rb") as file:
        at = space.map(None, 2 * PAGE, RW, backing=FileBacking(file.fileno()))
    space.write(at + PAGE, TRAP[space.arch])
    space.protect(at, 2 * PAGE, RX)
    assert code.noted == {at, at + PAGE}


# whole programs


def told(image: bytes, dispatch: str, *arguments: str) -> str:
    out = io.StringIO()
    assert run(image, RunOptions(argv=["made", *arguments], stats=out, dispatch=dispatch)) == PASSED
    return out.getvalue()


def counted(text: str) -> dict[str, int]:
    """Class -> calls from code made at run time."""
    (line,) = [line for line in text.splitlines() if line.startswith("code made at run time")]
    return {name: int(count) for name, count in re.findall(r"(bound|table|dynamic) (\d+)", line)}


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_stats_count_every_call_from_such_code(arch: str, capfd: pytest.CaptureFixture[str]) -> None:
    image = translate_file(build("made", f"linux-{arch}"))
    aot, dynamic = told(image, "aot"), told(image, "dynamic")
    assert "FAILED" not in capfd.readouterr().out
    unknown = "traps from addresses the translator did not know: 0\n"
    assert unknown in aot
    assert unknown in dynamic
    ours, theirs = counted(aot), counted(dynamic)
    assert sum(ours.values()) == theirs["dynamic"] == sum(theirs.values())
    assert ours["bound"] > 0.7 * sum(ours.values())
    assert "traps of sites that stand as they were: 0\n" in aot


@pytest.mark.parametrize("target", program("fresh", "native-x86_64").targets())
def test_every_system_binds_such_calls(target: str, capfd: pytest.CaptureFixture[str]) -> None:
    text = told(translate_file(build("fresh", target)), "aot")
    assert "FAIL" not in capfd.readouterr().out
    calls = counted(text)
    number_in_trap = target == "netbsd-aarch64"
    assert calls["table" if number_in_trap else "bound"] >= 16
    assert not calls["dynamic"]
    assert "traps from addresses the translator did not know: 0\n" in text


def test_an_executable_stack_is_what_the_file_asks_for(capfd: pytest.CaptureFixture[str]) -> None:
    raw = bytearray(build("made", "linux-x86_64").read_bytes())
    headers = read_headers(bytes(raw))
    (index,) = [i for i, p in enumerate(headers.phdrs) if p.type == PT_GNU_STACK]
    struct.pack_into("<I", raw, headers.phoff + index * PHDR.size + 4, 7)
    for dispatch in ("aot", "dynamic"):
        told(translate_file(bytes(raw)), dispatch, "stack")
        assert capfd.readouterr().out == "ok on the stack\n"
    killed = subprocess.run(
        [sys.executable, "-m", "aot.cli", "run", build("made", "linux-x86_64"), "stack"],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert killed.returncode == 139
    assert "execution of" in killed.stderr
