"""What a Linux program finds at its stack pointer."""

from __future__ import annotations

import struct

import pytest

from aot.personality.abi.start import StartFacts
from aot.personality.linux import start as tables
from aot.personality.linux.start import start
from aot.personality.linux.vdso import image

TOP = 0x7FFF_F000
VDSO = 0x7000_0000_0000


class Space:
    """A stack of zeroes."""

    def __init__(self) -> None:
        self.raw = bytearray(0x8000)
        self.vdso = b""

    def map(self, size: int, *, at: int | None = None, prot: int = 6, name: str = "") -> int:
        assert name == "[vdso]" and prot == 5, "nothing but the stack and the vDSO is needed"
        return VDSO

    def poke(self, address: int, data: bytes) -> None:
        if address == VDSO:
            self.vdso = data
            return
        at = address - TOP + len(self.raw)
        self.raw[at : at + len(data)] = data

    def peek(self, address: int, size: int) -> bytes:
        at = address - TOP + len(self.raw)
        return bytes(self.raw[at : at + size])

    def word(self, address: int) -> int:
        return int(struct.unpack("<Q", self.peek(address, 8))[0])

    def text(self, address: int) -> bytes:
        return self.peek(address, 100).split(b"\0")[0]


def facts(arch: str, argv: tuple[bytes, ...], env: tuple[bytes, ...]) -> StartFacts:
    return StartFacts(
        arch=arch, column=arch, argv=argv, env=env, exec_path=b"/bin/prog", entry=0x401000, bias=0,
        phdr=(0x400040, 56, 4), image_base=0x400000, image_end=0x500000, interpreter_base=0, stack_top=TOP,
        stack_size=0x8000, page_size=4096, random=bytes(range(16)), pid=1, tid=1, uid=5, euid=6, gid=7,
        egid=8,
    )  # fmt: skip


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("extra", range(4))
def test_stack_is_aligned_and_complete(arch: str, extra: int) -> None:
    space, argv = Space(), (b"prog", *(b"x" * i for i in range(extra)))
    state = start(space, facts(arch, argv, (b"A=1", b"B=2")))
    sp = state.regs["rsp" if arch == "x86_64" else "sp"]
    assert sp % 16 == 0
    assert state.regs["rip" if arch == "x86_64" else "pc"] == 0x401000
    assert set(state.regs) == ({"rsp", "rip"} if arch == "x86_64" else {"sp", "pc"})
    assert space.word(sp) == len(argv)
    assert tuple(space.text(space.word(sp + 8 + 8 * i)) for i in range(len(argv))) == argv
    env = sp + 8 * (len(argv) + 2)
    assert space.word(env - 8) == 0
    assert [space.text(space.word(env + 8 * i)) for i in range(2)] == [b"A=1", b"B=2"]
    at, auxv = env + 24, {}
    while kind := space.word(at):
        auxv[kind], at = space.word(at + 8), at + 16
    assert auxv[tables.AT_PHDR] == 0x400040 and auxv[tables.AT_PHNUM] == 4
    assert space.peek(auxv[tables.AT_RANDOM], 16) == bytes(range(16))
    assert space.text(auxv[tables.AT_EXECFN]) == b"/bin/prog"
    assert space.text(auxv[tables.AT_PLATFORM]) == arch.encode()
    assert (auxv[tables.AT_UID], auxv[tables.AT_EGID], auxv[tables.AT_SECURE]) == (5, 8, 0)
    assert (auxv[tables.AT_HWCAP], auxv[tables.AT_PAGESZ], auxv[tables.AT_CLKTCK]) == (
        tables.HWCAP[arch], 4096, 100,
    )  # fmt: skip
    assert auxv[tables.AT_SYSINFO_EHDR] == VDSO and space.vdso == image(arch)
