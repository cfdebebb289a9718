"""One function of the engine is replaced by one that does nothing: the check for a stop behind memory accesses.

The engine's translator puts a call of a helper in front of every block and, through the function
`check_exit_request`, behind every load and store as well, to see whether somebody wants the run to stop. The
second place is one where nobody may stop (poll.py says why), and the call makes translated code write its
registers back after each access: without it sha256 takes three quarters of the time. The function is an
ordinary exported symbol that the library calls through its procedure linkage table, so that a program may put
its own in its place, and that is what happens here: the slot in the table is set.

Whatever is not as expected (another library, another ABI) leaves the engine as it is.
"""

from __future__ import annotations

import ctypes
import os
import struct
from functools import cache

from aot.image.model import Arch
from runtime.cpu.walker import HostCode

DONE = {"x86_64": b"\xc3", "aarch64": bytes.fromhex("c0035fd6")}  # ret
JUMP_SLOT = {"x86_64": 7, "aarch64": 1026}
# elf.h
DT_PLTRELSZ, DT_STRTAB, DT_SYMTAB, DT_JMPREL, DT_GNU_HASH = 2, 5, 6, 23, 0x6FFF_FEF5
RTLD_DI_LINKMAP = 2  # dlfcn.h
_SYMBOL, _RELOCATION = struct.Struct("<IBBHQQ"), struct.Struct("<QQq")


class _Library:
    """A loaded shared library, read through its dynamic section."""

    def __init__(self, handle: int) -> None:
        self.facts: dict[int, int] = {}
        dlinfo = ctypes.CDLL(None).dlinfo
        dlinfo.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
        found = ctypes.c_void_p()
        if dlinfo(handle, RTLD_DI_LINKMAP, ctypes.byref(found)) or not found.value:
            return
        self.base, _, dynamic = struct.unpack("<QQQ", ctypes.string_at(found.value, 24))  # link.h: link_map
        while True:
            tag, value = struct.unpack("<QQ", ctypes.string_at(dynamic, 16))
            if not tag:
                return
            if tag in (DT_STRTAB, DT_SYMTAB, DT_JMPREL, DT_GNU_HASH) and value < self.base:
                value += self.base  # glibc has already done so, others have not
            self.facts[tag] = value
            dynamic += 16

    def symbol(self, name: bytes) -> int | None:
        """Index of a defined symbol, by the GNU hash table."""
        table, symbols = self.facts[DT_GNU_HASH], self.facts[DT_SYMTAB]
        buckets, first, bloom, _ = struct.unpack("<IIII", ctypes.string_at(table, 16))
        hashed = 5381
        for byte in name:
            hashed = hashed * 33 + byte & 0xFFFF_FFFF
        at = table + 16 + 8 * bloom
        index = self._word(at + 4 * (hashed % buckets))
        while index >= first:
            link = self._word(at + 4 * buckets + 4 * (index - first))
            if link | 1 == hashed | 1:
                text = _SYMBOL.unpack(ctypes.string_at(symbols + 24 * index, 24))[0]
                if ctypes.string_at(self.facts[DT_STRTAB] + text) == name:
                    return index
            if link & 1:
                return None
            index += 1
        return None

    @staticmethod
    def _word(address: int) -> int:
        return ctypes.c_uint32.from_address(address).value

    def slot(self, name: bytes) -> int | None:
        """Address of the word through which the library calls `name`."""
        if not {DT_GNU_HASH, DT_SYMTAB, DT_STRTAB, DT_JMPREL, DT_PLTRELSZ} <= self.facts.keys():
            return None
        index, kind = self.symbol(name), JUMP_SLOT.get(os.uname().machine)
        if index is None or kind is None:
            return None
        wanted = (index << 32 | kind).to_bytes(8, "little")
        raw = ctypes.string_at(self.facts[DT_JMPREL], self.facts[DT_PLTRELSZ])
        at = raw.find(wanted)
        while at >= 0 and at % _RELOCATION.size != 8:
            at = raw.find(wanted, at + 1)
        if at < 0:
            return None
        offset, _, _ = _RELOCATION.unpack_from(raw, at - 8)
        return int(self.base + offset)


def _writable(address: int) -> bool:
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            span, rights, _ = line.split(maxsplit=2)
            low, _, high = span.partition(b"-")
            if int(low, 16) <= address < int(high, 16):
                return rights.startswith(b"rw")
    return False


_kept: dict[tuple[int, Arch], HostCode] = {}


@cache
def only_between_blocks(handle: int, arch: Arch) -> bool:
    """Make engines of this architecture look for a stop in front of blocks only; whether they do now.

    `handle` is the library's, as dlopen gave it. Code that was translated before stays as it is.
    """
    code = DONE.get(os.uname().machine)
    slot = _Library(handle).slot(f"check_exit_request_{arch.value}".encode()) if code else None
    if slot is None or code is None or not _writable(slot):
        return False
    host = HostCode(code)
    if host.usable:
        _kept[handle, arch] = host
        ctypes.c_uint64.from_address(slot).value = host.address
    return host.usable
