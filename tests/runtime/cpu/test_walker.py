"""The native walker: its bytes are its sources, and it agrees with the page table on every host."""

from __future__ import annotations

import ctypes
import os
import random
import struct
from collections.abc import Callable, Iterator

import keystone as ks
import pytest
from unicorn import UC_ARCH_ARM64, UC_MODE_ARM, Uc
from unicorn import arm64_const as a64

from aot.image.model import Arch
from runtime.cpu.walker import CODE, SOURCES, Walker
from runtime.kernel.frames import Arena
from runtime.kernel.memory import AddressSpace

HOSTS = {"x86_64": (ks.KS_ARCH_X86, ks.KS_MODE_64), "aarch64": (ks.KS_ARCH_ARM64, ks.KS_MODE_LITTLE_ENDIAN)}
Answer = tuple[int, int] | None
Ask = Callable[[int, int], Answer]


@pytest.mark.parametrize("key", SOURCES, ids=lambda key: f"{key[0]}-{key[1].value}")
def test_the_bytes_are_those_of_the_source(key: tuple[str, Arch]) -> None:
    assert bytes(ks.Ks(*HOSTS[key[0]]).asm(SOURCES[key])[0]) == CODE[key]
    assert SOURCES.keys() == CODE.keys()


@pytest.fixture(params=[Arch.X86_64, Arch.AARCH64], ids=lambda arch: arch.value)
def space(request: pytest.FixtureRequest) -> Iterator[AddressSpace]:
    """Pages with every combination of rights, near, far and at the ends."""
    made = AddressSpace(Arena(), request.param)
    for prot in range(8):
        for base in (0x1_0000, 0x4000_0000, 0x7F00_0000_0000):
            made.map(base + prot * 0x2000, 0x1000, prot, fixed=True)
    made.map(made.limit - 0x1000, 0x1000, 6, fixed=True)
    yield made
    made.close()


def expected(space: AddressSpace, va: int, access: int) -> Answer:
    va &= space.mask
    entry = space.table.get(va) if va < space.limit else 0
    prot = space.table.format.prot(entry)
    if not prot & (4, 2, 1)[access]:
        return None
    rights = 1 | (prot & 2) | (4 if prot & 1 else 0)
    return entry & 0x0000_FFFF_FFFF_F000, rights


def addresses(space: AddressSpace) -> list[int]:
    chance = random.Random(1)
    pages = [r.start for r in space.regions()]
    near = [p + d for p in pages for d in (-0x1000, 0, 0x1000)]
    wild = [chance.getrandbits(64) & ~4095 for _ in range(100)]
    odd = [space.limit, 1 << 47, 1 << 48, 1 << 63, (1 << 64) - 4096, pages[2] | 0x55 << 56]
    return [a & (1 << 64) - 4096 for a in (*near, *wild, *odd)]


def compare(space: AddressSpace, ask: Ask) -> None:
    hits = 0
    for va in addresses(space):
        for access in range(3):
            answer = ask(va, access)
            assert answer == expected(space, va, access), (hex(va), access)
            hits += answer is not None
    assert hits > 30


@pytest.mark.skipif(os.uname().machine not in HOSTS, reason="no walker for this host: its Python fill serves")
def test_on_this_host(space: AddressSpace) -> None:
    walker = Walker(space.arch, space.arena.base, space.table.root)
    u64, pointer = ctypes.c_uint64, ctypes.c_void_p
    fill = ctypes.CFUNCTYPE(ctypes.c_bool, pointer, u64, ctypes.c_int, pointer, pointer)(walker.address or 0)
    entry = ctypes.create_string_buffer(16)

    def ask(va: int, access: int) -> Answer:
        if not fill(None, va, 16 + access, ctypes.addressof(entry), walker.table):
            return None
        pa, rights = struct.unpack_from("<Qi", entry)
        return pa, rights

    compare(space, ask)


def test_the_aarch64_bytes_under_emulation(space: AddressSpace) -> None:
    """The walker of an aarch64 host, run as a program with the arena as its memory."""
    uc = Uc(UC_ARCH_ARM64, UC_MODE_ARM)
    code, base = 0x10_0000_0000, 0x20_0000_0000
    size = 64 << 20  # tables and pages of this test are at the arena's start
    uc.mem_map(code, 0x2000)
    uc.mem_map_ptr(base, size, 3, space.arena.base)
    uc.mem_write(code, CODE["aarch64", space.arch])
    table, entry = code + 0x1000, code + 0x1100
    uc.mem_write(table, struct.pack("<QQ", base, space.table.root))

    def ask(va: int, access: int) -> Answer:
        for register, value in enumerate((0, va, 16 + access, entry, table)):
            uc.reg_write(a64.UC_ARM64_REG_X0 + register, value)
        uc.reg_write(a64.UC_ARM64_REG_X30, code + 0x1800)
        uc.emu_start(code, code + 0x1800)
        if not uc.reg_read(a64.UC_ARM64_REG_W0) & 0xFF:
            return None
        pa, rights = struct.unpack("<Qi", uc.mem_read(entry, 12))
        return pa, rights

    compare(space, ask)
