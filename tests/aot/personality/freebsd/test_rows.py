"""The FreeBSD rows against the native ops they target, and the start state in detail."""

from __future__ import annotations

import struct

import pytest

from aot.image.model import Arch
from aot.personality.abi.call import Call, Level, parameters
from aot.personality.abi.compile import Door, compile_call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import MapFlag, Open
from aot.personality.abi.start import StartFacts
from aot.personality.freebsd import flags
from aot.personality.freebsd.start import At, start
from aot.personality.freebsd.system import SYSTEM
from aot.personality.native.system import SYSTEM as NATIVE
from aot.record import replace
from runtime.cpu.api import REG_INDEX

ARCHS = [(Arch.X86_64, "rsp"), (Arch.AARCH64, "sp")]


def rows(calls: tuple[Call, ...]) -> list[Call]:
    """Rows with their sub-rows instead of selectors."""
    out: list[Call] = []
    for row in calls:
        out += rows(tuple(row.by[1].values())) if row.by else [row]
    return out


def test_rows_feed_exactly_the_parameters_of_their_op() -> None:
    wanted = {row.op: parameters(row) for row in NATIVE.calls if row.status.level is Level.FULL}
    for row in rows(SYSTEM.calls):
        if row.op is not None:
            assert parameters(row) == wanted[row.op], row.name


@pytest.mark.parametrize(("arch", "sp"), ARCHS, ids=[a.value for a, _ in ARCHS])
def test_every_row_compiles(arch: Arch, sp: str) -> None:
    door = Door(SYSTEM.gates[arch.value], REG_INDEX[arch], sp)
    for row in SYSTEM.by_number(arch.value).values():
        compile_call(row, arch.value, door, {}, SYSTEM.errors)


def test_map_flags() -> None:
    assert flags.MAP.decode(0x1002) == MapFlag.PRIVATE | MapFlag.ANONYMOUS
    assert flags.MAP.decode(0x1012) == MapFlag.PRIVATE | MapFlag.ANONYMOUS | MapFlag.FIXED
    assert flags.MAP.decode(0x5012) == MapFlag.PRIVATE | MapFlag.ANONYMOUS | MapFlag.FIXED_NOREPLACE
    assert flags.MAP.decode(0x1000) & MapFlag.PRIVATE  # neither shared nor private
    assert flags.MAP.decode(0x2000) & MapFlag.RESERVE
    assert flags.MAP.decode(0x0C001002) == MapFlag.PRIVATE | MapFlag.ANONYMOUS  # MAP_ALIGNED(12)
    for wrong in (0x1003, 0x5002, 0x1042):  # both, MAP_EXCL alone, a reserved bit
        with pytest.raises(Errno) as caught:
            flags.MAP.decode(wrong)
        assert caught.value.code is E.INVAL


def test_open_flags() -> None:
    assert flags.OPEN.decode(0x602) == Open.READ | Open.WRITE | Open.CREATE | Open.TRUNCATE
    assert flags.OPEN.encode(Open.WRITE | Open.APPEND) == 0x9
    with pytest.raises(Errno):
        flags.OPEN.decode(3)


class Memory:
    """A start space that only keeps what is written."""

    def __init__(self) -> None:
        self.bytes = bytearray(0x10000)
        self.base = 0x7000_0000

    def map(self, size: int, *, at: int | None = None, prot: int = 6, name: str = "") -> int:
        raise AssertionError("a static program's start maps nothing")

    def poke(self, address: int, data: bytes) -> None:
        at = address - self.base
        self.bytes[at : at + len(data)] = data

    def peek(self, address: int, size: int) -> bytes:
        at = address - self.base
        return bytes(self.bytes[at : at + size])

    def word(self, address: int) -> int:
        return int(struct.unpack("<Q", self.peek(address, 8))[0])

    def text(self, address: int) -> bytes:
        return self.peek(address, 64).partition(b"\0")[0]


FACTS = StartFacts(
    arch="x86_64", column="x86_64", argv=(b"prog", b"one", b""), env=(b"A=1", b"B=2"),
    exec_path=b"/bin/prog", entry=0x201000, bias=0, phdr=(0x200040, 56, 5), image_base=0x200000,
    image_end=0x210000, interpreter_base=0, stack_top=0x7001_0000, stack_size=0x10000, page_size=4096,
    random=bytes(range(32)), pid=1, tid=1, uid=0, euid=0, gid=0, egid=0,
)  # fmt: skip


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_start(arch: str) -> None:
    memory = Memory()
    state = start(memory, replace(FACTS, arch=arch, column=arch))
    argc = state.regs["rdi" if arch == "x86_64" else "x0"]
    assert argc % 16 == 0
    assert state.regs["rsp" if arch == "x86_64" else "sp"] % 16 == (8 if arch == "x86_64" else 0)
    assert memory.word(argc) == 3
    assert [memory.text(memory.word(argc + 8 * i)) for i in (1, 2, 3)] == [b"prog", b"one", b""]
    assert memory.word(argc + 32) == 0
    assert [memory.text(memory.word(argc + 8 * i)) for i in (5, 6)] == [b"A=1", b"B=2"]
    assert memory.word(argc + 56) == 0
    auxv, at = {}, argc + 64
    while memory.word(at):
        auxv[At(memory.word(at))] = memory.word(at + 8)
        at += 16
    assert auxv[At.PHDR] == 0x200040 and auxv[At.ENTRY] == 0x201000 and auxv[At.PAGESZ] == 4096
    assert memory.text(auxv[At.EXECPATH]) == b"/bin/prog"
    assert memory.peek(auxv[At.CANARY], 32) == bytes(range(32))
    strings = auxv[At.PS_STRINGS]
    assert memory.word(strings) == argc + 8 == auxv[At.ARGV]
    assert memory.word(strings + 16) == auxv[At.ENVV] == argc + 40
