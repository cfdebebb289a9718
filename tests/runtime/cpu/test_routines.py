"""Machine-code routines answer what the Python handlers would: the same calls are made both ways.

Two worlds with equal memory, files and descriptors, one of them without routines, make the same random calls
through every kind of crossing; registers, flags, memory, files, positions and recent calls must stay equal.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aot.image.model import Arch
from aot.manifest import GateKind
from aot.personality.abi.errors import Errno
from aot.personality.abi.neutral import Open
from aot.personality.abi.personality import Personality
from aot.personality.linux.system import SYSTEM as LINUX
from aot.personality.registry import system_of
from runtime.answers import facts, routine_table
from runtime.cpu.api import Doors, Fault, FaultKind, Kick, Left
from runtime.cpu.routines import CLOCKS, KINDS, TRAP, Routine, _Block
from runtime.kernel.direct import DESCRIPTORS, PAGES, Translations
from runtime.kernel.schemes.dev import DevDirectory
from runtime.kernel.schemes.hostfs import host_root
from runtime.kernel.schemes.pipe import make_pipe
from tests.runtime.cpu.rig import A64, ARGS, CODE, DATA, X86, Rig
from tests.runtime.kernel.kit import Kit

MORE = 0x70_0000  # pages with other rights and a hole: rw, r, rwx, none, rw
SPAN = 0x5000
BIG, BIG_SIZE = 0x100_0000, 0x4_0000
ORDER = (GateKind.BOUND, GateKind.TABLE, TRAP)
NAMES = (
    "read",
    "write",
    "pread64",
    "pwrite64",
    "lseek",
    "readv",
    "writev",
    "getpid",
    "gettid",
    "sched_yield",
)
EDGES = (0, 1, 15, 16, 64, 4095, 4096, 4097, 70_000, 140_000, 1 << 31, (1 << 64) - 1)


class World:
    """One process on one engine, with files of every sort at descriptors 10 and up."""

    def __init__(self, arch: Arch, folder: Path, *, routines: bool, deterministic: bool = True) -> None:
        self.rig, self.arch, self.folder = Rig(arch), arch, folder
        self.space = self.rig.space
        self.kit = kit = Kit(LINUX, arch.value, folder)
        self.ctx = ctx = kit.ctx
        kit.process.mem = kit.mem = ctx.mem = self.space
        ctx.cpu, ctx.regs = self.rig.cpu, self.rig.cpu.new_regs()
        for i, prot in enumerate((6, 4, 7, 0, 6)):
            self.space.map(MORE + i * 0x1000, 0x1000, prot, fixed=True)
        self.space.map(BIG, BIG_SIZE, 6, fixed=True)
        dispatcher = kit.dispatcher
        dispatcher.routines = table = routine_table(
            LINUX, arch, deterministic=deterministic, watched=not routines, counted=False
        )
        doors = Doors(table=dispatcher.table, trap=dispatcher.trap, routines=table, facts=facts)
        doors.page_fault = self.space.fault
        self.numbers = {}
        for row in LINUX.calls:
            number = row.number(kit.column)
            if number is not None and row.name in (*NAMES, *(r for r in LINUX.routines)):
                self.numbers[row.name] = len(doors.sites), number
                doors.sites.append(dispatcher.by_number(number))
                dispatcher.bound(len(doors.sites) - 1, number)
        self.rig.cpu.doors = doors
        self._cross()
        self._files()

    def _cross(self) -> None:
        """A bound crossing of every site, one of every other kind, an illegal instruction behind each."""
        rig = self.rig
        self.at = {(GateKind.BOUND, site): CODE + 0x100 + site * 64 for site, _ in self.numbers.values()}
        self.at |= {(GateKind.TABLE, 0): CODE, (TRAP, 0): CODE + 64}
        for (kind, site), at in self.at.items():
            rig.put(
                rig.illegal(),
                rig.put(rig.trap() if kind == TRAP else rig.crossing(GateKind(kind), site, at), at),
            )

    def _files(self) -> None:
        (self.folder / "file").write_bytes(bytes(range(256)) * 40)
        files, root, dev = self.kit.files, host_root(self.folder), DevDirectory(random.Random(1))
        both = Open.READ | Open.WRITE
        opened = [
            root.open_at(b"file", flags, 0) for flags in (both, Open.READ, Open.WRITE, both | Open.APPEND)
        ]
        opened += [dev.lookup(name).open(both) for name in (b"null", b"zero", b"full")]
        opened += [*make_pipe(Open(0)), root.open(Open.READ), dev.lookup(b"null").open(Open.WRITE)]
        for fd, file in enumerate(opened, 10):
            files.put(fd, file, cloexec=False)
        files.put(30, opened[0], cloexec=False)
        files.limit = 2000
        files.put(DESCRIPTORS + 3, opened[0], cloexec=False)

    def call(self, kind: int, name: str, words: tuple[int, ...], junk: tuple[int, ...]) -> tuple[Any, ...]:
        """Make a call; everything that could differ afterwards."""
        site, number = self.numbers[name]
        ctx, regs, cpu = self.ctx, self.ctx.regs, self.rig.cpu
        regs[: len(junk)] = memoryview(b"".join(w.to_bytes(8, "little") for w in junk)).cast("Q")
        regs[0 if self.arch is X86 else 8] = number
        for index, word in zip(ARGS[self.arch], words, strict=False):
            regs[index] = word
        regs[-1] = self.at[kind, site if kind == GateKind.BOUND else 0]
        left = cpu.resume(ctx)
        if isinstance(left, Kick):
            left = cpu.resume(ctx)
        if isinstance(left, Left):
            cpu.complete(ctx, 0)
            left = type(left.cause).__name__  # type: ignore[assignment]
        else:
            assert isinstance(left, Fault) and left.kind is FaultKind.ILLEGAL, left
        ctx.wait = None
        return (left, bytes(ctx.regs), cpu.get_flags(ctx), tuple(ctx.calls))

    def state(self) -> tuple[Any, ...]:
        """Memory, file contents and positions."""
        memory = [self.space.peek(DATA, 0x4000), self.space.peek(BIG, BIG_SIZE)]
        for i in range(5):
            try:
                memory.append(self.space.peek(MORE + i * 0x1000, 0x1000))
            except Errno:
                memory.append(b"")
        places = [
            os.lseek(file.host_fd, 0, os.SEEK_CUR) if file.seekable and file.host_fd is not None else None
            for _, file in sorted(self.kit.files.open.items())[3:]
        ]
        return memory, (self.folder / "file").read_bytes(), places

    def answered(self) -> int:
        """Calls that routines answered."""
        table = self.kit.dispatcher.routines
        return sum(table.counts().values()) if table else 0

    def close(self) -> None:
        self.kit.files.close_all()
        self.rig.close()


@pytest.fixture(params=[X86, A64], ids=lambda arch: arch.value)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, World]]:
    """A world with routines and one without."""
    made = []
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
        made.append(World(request.param, tmp_path / name, routines=name == "with"))
    if not (made[0].rig.cpu.routines and made[0].rig.cpu.routines.entries):  # type: ignore[attr-defined]
        pytest.skip("no routines for this host: Python serves every call")
    yield made[0], made[1]
    for world in made:
        world.close()


def some_address(chance: random.Random) -> int:
    base = chance.choice((DATA, DATA, DATA, MORE, MORE + chance.randrange(SPAN), BIG, 0, 1 << 47, 1 << 63))
    tag = 0xA5 << 56 if chance.random() < 0.05 else 0
    return base + chance.choice((0, 8, chance.randrange(0x4000), 0xFF8)) | tag


def some_call(chance: random.Random, worlds: tuple[World, World]) -> tuple[str, tuple[int, ...]]:
    name = chance.choice(NAMES)
    if chance.random() < 0.5 and not name.endswith("v"):  # the plain case
        place = chance.randrange(3) if name == "lseek" else chance.randrange(1, 300)
        offset = chance.randrange(9000) if name == "lseek" else DATA + chance.randrange(0x1F00)
        return name, (chance.choice((10, 14, 15, 18, 30)), offset, place, chance.randrange(9000))
    fd = chance.choice(
        (10, 10, 10, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 30, 3, DESCRIPTORS + 3, -1, 1 << 32 | 10)
    )
    size = chance.choice((64, chance.randrange(1, 300), chance.choice(EDGES), chance.randrange(20_000)))
    if name in ("readv", "writev"):
        at, count = DATA + chance.choice((0, 0xFE8, 0x1000)), chance.choice((1, 2, 3, 8, 9, 0))
        for i in range(min(count, 8)):
            vector = some_address(chance).to_bytes(8, "little") + (size % 5000).to_bytes(8, "little")
            for world in worlds:
                world.space.poke(at + 16 * i, vector)
        return name, (fd & (1 << 64) - 1, at, count)
    if name == "lseek":
        far = chance.choice((0, 5, chance.randrange(9000), (1 << 64) - 3, 1 << 63))
        return name, (fd & (1 << 64) - 1, far, chance.choice((0, 1, 2, 3, 4, 7)))
    place = chance.choice((0, 100, chance.randrange(12_000), 1 << 63, (1 << 64) - 1))
    return name, (fd & (1 << 64) - 1, some_address(chance), size, place)


def disturb(chance: random.Random, world: World) -> None:
    """Something the kernel does between calls."""
    files, space = world.kit.files, world.space
    match chance.randrange(7):
        case 0:
            space.protect(MORE + 0x4000, 0x1000, chance.choice((0, 4, 5, 6)))
        case 1:
            space.map(DATA + 0x2000, 0x1000, 6, fixed=True)
        case 2:
            files.put(chance.choice((11, 14, 30)), files.get(chance.choice((10, 12, 15))), cloexec=False)
        case 3:
            space.clone().close()
        case 4:
            space.decommit(MORE, 0x1000)
        case 5:
            files.get(12).truncate(chance.randrange(6000, 12_000))
        case 6 if 20 in files.open:
            files.close(20)
        case _:
            pass


@pytest.mark.parametrize("seed", range(3))
def test_the_answer_is_the_handlers(pair: tuple[World, World], seed: int) -> None:
    chance = random.Random(seed)
    for step in range(500):
        kind, (name, words) = chance.choice(ORDER), some_call(chance, pair)
        junk = tuple(chance.getrandbits(64) for _ in range(16 if pair[0].arch is X86 else 31))
        if pair[0].arch is X86:
            junk = (*junk[:4], DATA + 0x3F00, *junk[5:])  # a stack pointer
        results = [world.call(kind, name, words, junk) for world in pair]
        assert results[0] == results[1], (step, kind, name, [hex(w) for w in words])
        if step % 15 == 0:
            assert pair[0].state() == pair[1].state(), (step, name)
            turn = chance.getrandbits(32)
            for world in pair:
                disturb(random.Random(turn), world)
    assert pair[0].state() == pair[1].state()
    assert pair[0].answered() > 100
    assert pair[1].answered() == 0


def test_a_kick_tells_of_other_descriptors(pair: tuple[World, World]) -> None:
    """A process that stops sharing its descriptors goes on with its own."""
    for world in pair:
        shared = world.kit.files
        for _ in range(2):
            assert world.call(TRAP, "write", (10, DATA, 8), (0,) * 4)
        world.kit.process.files = shared.copy()
        world.rig.cpu.kick()
        world.kit.process.files.close(10)
        world.call(TRAP, "write", (10, DATA, 8), (0,) * 4)
        assert world.ctx.regs[0] == (1 << 64) - 9  # EBADF
        world.kit.process.files.close_all()
        world.kit.process.files = shared
    assert pair[0].answered() >= 1


def test_every_routine_answers(pair: tuple[World, World]) -> None:
    """None of the routines is dead: the plain case of each is served without Python."""
    world = pair[0]
    vector = (DATA + 0x100).to_bytes(8, "little") + (32).to_bytes(8, "little")
    world.space.poke(DATA, vector * 2)
    for name in NAMES[:-1]:
        words = (
            (10, DATA, 2)
            if name in ("readv", "writev")
            else (10, DATA + 0x200, 0 if name == "lseek" else 64, 0)
        )
        for _ in range(2):  # the first may have to translate the page
            for kind in ORDER:
                world.call(kind, name, words, (0,) * 4)
    table = world.kit.dispatcher.routines
    assert table is not None
    found = {(kind, name) for kind, name in table.counts()}
    assert found == {(int(kind), name) for kind in ORDER for name in NAMES[:-1]}


@pytest.mark.parametrize("arch", [X86, A64], ids=lambda arch: arch.value)
def test_clocks_run(arch: Arch, tmp_path: Path) -> None:
    world = World(arch, tmp_path, routines=True, deterministic=False)
    world.kit.process.kernel.clocks = Real()  # type: ignore[assignment]
    for name, words in (
        ("clock_gettime", (1, DATA)),
        ("clock_gettime", (0, DATA)),
        ("gettimeofday", (DATA, 0)),
    ):
        world.call(TRAP, name, words, ())
        before = world.answered()
        clock = time.CLOCK_MONOTONIC if words[0] == 1 else time.CLOCK_REALTIME
        begin = time.clock_gettime_ns(clock)
        world.call(TRAP, name, words, ())
        end = time.clock_gettime_ns(clock)
        sec, part = (int.from_bytes(world.space.peek(DATA + at, 8), "little") for at in (0, 8))
        told = sec * 10**9 + part * (1000 if name == "gettimeofday" else 1)
        assert begin - 1000 <= told <= end
        assert world.ctx.regs[0] == 0
        assert world.answered() == before + 1
    world.close()


class Real:
    """The host's clocks, for the call that Python answers first."""

    now_ns = staticmethod(lambda clock: time.monotonic_ns())


def test_deterministic_clocks_and_watched_calls_are_pythons() -> None:
    table = routine_table(LINUX, X86, deterministic=True, watched=False, counted=True)
    assert table is not None
    assert not CLOCKS & set(table.rows.values())
    assert not table.enabled >> TRAP & 1
    assert routine_table(LINUX, X86, deterministic=False, watched=True, counted=False) is None


def test_only_systems_whose_gate_is_plain_have_routines() -> None:
    """Routines set the result register alone."""
    for personality in Personality:
        system = system_of(personality)
        for arch in Arch:
            table = routine_table(system, arch, deterministic=False, watched=False, counted=False)
            assert (table is not None) == bool(system.routines and arch.value in system.gates), system.name


def test_rows_with_a_routine_exist_and_routines_have_names() -> None:
    names = {row.name for row in LINUX.calls}
    assert set(LINUX.routines) <= names
    assert set(LINUX.routines.values()) == {r.name for r in Routine} - {"NONE"}


def test_the_block_is_what_the_source_says() -> None:
    assert _Block.slow.size == 8 * KINDS
    assert len(GateKind) + 1 == KINDS
    assert PAGES & PAGES - 1 == 0


def test_translations_show_no_more_than_they_know() -> None:
    known = Translations()
    chance = random.Random(5)
    for _ in range(3000):
        page = chance.randrange(4 * PAGES)
        match chance.randrange(8):
            case 0:
                known.pop(page, None)  # type: ignore[arg-type]
            case 1:
                known.drop(page, page + chance.randrange(20))
            case 2 if chance.random() < 0.1:
                known.clear()
            case _:
                known[page] = chance.randrange(-1 << 40, 1 << 40)
        for at in range(0, 2 * PAGES, 2):
            if tag := known.words[at]:
                assert known[tag - 1] & (1 << 64) - 1 == known.words[at + 1]
