"""The system libraries a program can name: file names, aliases, and the pages that stand for them."""

from __future__ import annotations

import struct

MODULE_SIZE = 0x1000
MODULES = (
    "ntdll.dll",
    "kernel32.dll",
    "kernelbase.dll",
    "ucrtbase.dll",
    "msvcrt.dll",
    "advapi32.dll",
    "bcryptprimitives.dll",
    "bcrypt.dll",
    "user32.dll",
    "shell32.dll",
    "ws2_32.dll",
    "vcruntime140.dll",
    "winmm.dll",
    "powrprof.dll",
)
"""Libraries whose functions have rows, in load order."""

_PREFIXES = (("api-ms-win-crt-", "ucrtbase"), ("api-ms-win-core-", "kernel32"), ("ext-ms-win-", "kernel32"))
_ALIASES = {
    "kernelbase": "kernel32",
    "msvcrt": "ucrtbase",
    "vcruntime140": "ucrtbase",
    "bcrypt": "bcryptprimitives",
}


def file_name(name: str) -> str:
    """A library's lower-case file name: no directory, `.dll` added when there is no extension."""
    name = name.replace("/", "\\").rpartition("\\")[2].lower()
    return name.removesuffix(".") if "." in name else name + ".dll"


def library(name: str) -> str:
    """The library whose rows serve `name`."""
    plain = file_name(name).removesuffix(".dll")
    for prefix, target in _PREFIXES:
        if plain.startswith(prefix):
            return target
    return _ALIASES.get(plain, plain)


def module_of(name: str) -> str | None:
    """The file name under which a library is loaded here, or None for one we do not have."""
    file = file_name(name)
    if file in MODULES:
        return file
    target = library(file) + ".dll"
    return target if target in MODULES and target != file else None


def headers(name: str) -> bytes:
    """DOS and NT headers that name an empty library, so that a walk over modules finds no exports."""
    raw = bytearray(0x200)
    raw[:2] = b"MZ"
    struct.pack_into("<I", raw, 0x3C, 0x80)
    raw[0x80:0x84] = b"PE\0\0"
    struct.pack_into("<HH12xHH", raw, 0x84, 0x8664, 0, 240, 0x2022)
    struct.pack_into("<H", raw, 0x98, 0x20B)
    struct.pack_into("<II", raw, 0x98 + 32, 0x1000, 0x200)
    struct.pack_into("<II", raw, 0x98 + 56, MODULE_SIZE, 0x200)
    struct.pack_into("<I", raw, 0x98 + 108, 16)
    return bytes(raw)
