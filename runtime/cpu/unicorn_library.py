"""The engine's shared library as it lies in memory: where its functions and its linkage table are.

Read through the dynamic section (elf.h, link.h), which holds whatever a loader needs; no file is opened.
"""

from __future__ import annotations

import ctypes
import os
import struct

JUMP_SLOT = {"x86_64": 7, "aarch64": 1026}
DT_PLTRELSZ, DT_STRTAB, DT_SYMTAB, DT_JMPREL, DT_GNU_HASH = 2, 5, 6, 23, 0x6FFF_FEF5
RTLD_DI_LINKMAP = 2  # dlfcn.h
_SYMBOL, _RELOCATION = struct.Struct("<IBBHQQ"), struct.Struct("<QQq")


class Library:
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

    @property
    def readable(self) -> bool:
        """Whether everything is there that the rest needs."""
        return {DT_GNU_HASH, DT_SYMTAB, DT_STRTAB, DT_JMPREL, DT_PLTRELSZ} <= self.facts.keys()

    def function(self, name: bytes) -> tuple[int, int] | None:
        """Address and size in bytes of a function the library defines."""
        index = self.symbol(name) if self.readable else None
        if index is None:
            return None
        at = self.facts[DT_SYMTAB] + _SYMBOL.size * index
        _, _, _, _, value, size = _SYMBOL.unpack(ctypes.string_at(at, _SYMBOL.size))
        return self.base + value, size

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
                text = _SYMBOL.unpack(ctypes.string_at(symbols + _SYMBOL.size * index, _SYMBOL.size))[0]
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
        if not self.readable:
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


def writable(address: int) -> bool:
    """Whether the page of an address may be written."""
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            span, rights, _ = line.split(maxsplit=2)
            low, _, high = span.partition(b"-")
            if int(low, 16) <= address < int(high, 16):
                return rights.startswith(b"rw")
    return False
