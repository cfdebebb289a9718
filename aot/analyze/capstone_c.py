"""Capstone by its C interface: the only module that loads it.

Its Python package imports the tables of twenty architectures and half of the standard library, and reads every
field of every instruction through ctypes: together more than half of what translating a C library takes. The C
functions and `cs_insn` below are the stable interface of version 5. From: capstone.h.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from aot.errors import AotError
from aot.image.model import Arch

MAJOR: Final = 5
MODES: Final = {Arch.X86_64: (3, 1 << 3), Arch.AARCH64: (1, 0)}  # CS_ARCH_*, CS_MODE_*
DETAIL: Final = (2, 3)  # CS_OPT_DETAIL, CS_OPT_ON
REGISTERS: Final = 64  # of a cs_regs

# cs_insn: id, address, size, bytes, mnemonic, operands, detail
_INSN: Final = struct.Struct("<I4xQH24x32s160s6xQ")
_NAMES: Final = {"darwin": "libcapstone.dylib", "win32": "capstone.dll"}
_Registers = ctypes.c_uint16 * REGISTERS


@cache
def _library() -> Any:
    spec = find_spec("capstone")
    folders = spec.submodule_search_locations if spec is not None else None
    name = _NAMES.get(sys.platform, "libcapstone.so")
    found = next((path for f in folders or () if (path := Path(f, "lib", name)).exists()), None)
    # A distribution's package has the library where the system's linker finds it.
    library = ctypes.CDLL(str(found) if found else f"{name}.{MAJOR}")
    version = library.cs_version(None, None) >> 8
    if version != MAJOR:
        raise AotError(f"Capstone {version} is installed, version {MAJOR} is needed")
    address, size, out = ctypes.c_uint64, ctypes.c_size_t, ctypes.c_void_p
    library.cs_disasm.argtypes = (size, ctypes.c_char_p, size, address, size, out)
    library.cs_disasm.restype = size
    library.cs_free.argtypes = (out, size)
    library.cs_free.restype = None
    library.cs_option.argtypes = (size, ctypes.c_int, size)
    library.cs_regs_access.argtypes = (size, out, out, out, out, out)
    library.cs_reg_name.argtypes = (size, ctypes.c_uint)
    library.cs_reg_name.restype = ctypes.c_char_p
    return library


class Capstone:
    """A disassembler of one architecture."""

    def __init__(self, arch: Arch) -> None:
        self._c = _library()
        self._plain = self._open(arch)
        self._detailed = self._open(arch)
        self._c.cs_option(self._detailed, *DETAIL)
        self._mnemonics: dict[bytes, str] = {}  # one string for each, however many instructions there are

    def _open(self, arch: Arch) -> int:
        handle = ctypes.c_size_t()
        if self._c.cs_open(*MODES[arch], ctypes.byref(handle)):
            raise AotError(f"this Capstone was built without {arch.value}")
        return handle.value

    def instructions(self, code: bytes, address: int) -> list[tuple[int, int, str, str]]:
        """(address, size, mnemonic, operands) of the instructions until the bytes end or are none."""
        found = ctypes.c_void_p()
        count = self._c.cs_disasm(self._plain, code, len(code), address, 0, ctypes.byref(found))
        if not count:
            return []
        rows = ctypes.string_at(found.value or 0, count * _INSN.size)
        self._c.cs_free(found, count)
        known, out = self._mnemonics, []
        for _, at, size, name, operands, _ in _INSN.iter_unpack(rows):
            head = name[: name.index(0)]
            mnemonic = known.get(head) or known.setdefault(head, head.decode())
            out.append((at, size, mnemonic, operands[: operands.index(0)].decode()))
        return out

    def access(self, code: bytes) -> tuple[frozenset[str], frozenset[str]] | None:
        """Names of the registers that one instruction reads and writes; None when it is none."""
        found = ctypes.c_void_p()
        count = self._c.cs_disasm(self._detailed, code, len(code), 0x1000, 1, ctypes.byref(found))
        if not count:
            return None
        reads, writes = _Registers(), _Registers()
        sizes = (ctypes.c_uint8 * 2)()
        places = (reads, ctypes.byref(sizes), writes, ctypes.byref(sizes, 1))
        failed = self._c.cs_regs_access(self._detailed, found, *places)
        self._c.cs_free(found, count)
        if failed:
            return frozenset(), frozenset()
        return self._names(reads[: sizes[0]]), self._names(writes[: sizes[1]])

    def _names(self, registers: list[int]) -> frozenset[str]:
        return frozenset(self._c.cs_reg_name(self._detailed, number).decode() for number in registers)
