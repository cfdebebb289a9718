"""How an x86-64 stub that serves several numbers finds the part made for the one in rax.

Only rcx and r11 are used and no flag is touched, as everywhere in a stub. `jrcxz` is the one conditional jump that
reads no flag, so a number is looked for by subtracting it. A few numbers are tried one after the other; more are
found through a table: the two low bytes of rax choose an entry, and the entry's number must be all of rax.

    table     256 half words: where the page of the second byte is, in bytes from the table
    page      256 entries of two words: the number, negated; where its part is, in bytes from the first part

A number that is none of them takes the gate by table, like any of a site without cases.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from aot.image.model import Arch
from aot.rewrite.assemble import Template, render, template

FEW = 1  # numbers that are tried: 9 ns each in the engine, against 15 for any number of them through a table
_TRY = "lea rcx, [rax + {minus:disp32}]"
_JRCXZ, _JRCXZ_SIZE = 0xE3, 2
_FIND = """
    movzx ecx, ah
    lea r11, [rip + {table:rel32}]
    movzx ecx, word ptr [r11 + rcx * 2]
    lea r11, [r11 + rcx]
    movzx ecx, al
    lea r11, [r11 + rcx * 8]
    movsxd rcx, dword ptr [r11]
    lea rcx, [rax + rcx]
    jrcxz found
    jmp {missed:rel32}
    found:
    movsxd rcx, dword ptr [r11 + 4]
    lea r11, [rip + {parts:rel32}]
    lea r11, [r11 + rcx]
    jmp r11
"""
_ENTRY = struct.Struct("<ii")
_HEAD = 256 * 2
PAGE_SIZE = 256 * _ENTRY.size


def suits(number: int) -> bool:
    """Whether a stub can look for `number`: a displacement of 32 bits must hold it, negated."""
    return 0 <= number < 1 << 31


def distinct(numbers: Sequence[int]) -> list[int]:
    """Those of `numbers` that a table tells apart: the first of each that share their two low bytes."""
    chosen: dict[int, int] = {}
    for number in sorted(numbers):
        chosen.setdefault(number & 0xFFFF, number)
    return list(chosen.values())


def room(numbers: Sequence[int]) -> int:
    """Bytes of the table for `numbers`; 0: they are tried one after the other."""
    return 0 if len(numbers) <= FEW else _HEAD + PAGE_SIZE * len({number >> 8 & 0xFF for number in numbers})


def table(offsets: Mapping[int, int]) -> bytes:
    """The table for numbers and where their parts are, in bytes from the first part."""
    seconds = sorted({number >> 8 & 0xFF for number in offsets})
    pages = {second: _HEAD + PAGE_SIZE * at for at, second in enumerate(seconds)}
    # A second byte of no number leads to a page all the same: no entry there is all of rax.
    head = struct.pack("<256H", *(pages.get(second, _HEAD) for second in range(256)))
    return head + b"".join(_page(second, offsets) for second in seconds)


def _page(second: int, offsets: Mapping[int, int]) -> bytes:
    # What finds nothing: -1, which ends in ff, in the entry for 00; 0, which ends in 00, in all others.
    entries = [(1 if not low else 0, 0) for low in range(256)]
    for number, offset in offsets.items():
        if number >> 8 & 0xFF == second:
            entries[number & 0xFF] = (-number, offset)
    return b"".join(_ENTRY.pack(*entry) for entry in entries)


def search(address: int, table_at: int, parts: Mapping[int, int], missed: int) -> bytes:
    """The search at `address` for the numbers of `parts` (number -> address); `missed` follows it."""
    if table_at:
        values = {"table": table_at, "parts": min(parts.values()), "missed": missed}
        return render(finder(), address, values)
    code = b""
    for number, part in parts.items():
        code += render(trial(), address + len(code), {"minus": -number})
        distance = part - (address + len(code) + _JRCXZ_SIZE)
        code += bytes((_JRCXZ, distance))
    return code


def size(count: int) -> int:
    """Bytes of the search for `count` numbers."""
    return len(finder().code) if count > FEW else count * (len(trial().code) + _JRCXZ_SIZE)


def trial() -> Template:
    """rcx = rax - number."""
    return template(Arch.X86_64, _TRY)


def finder() -> Template:
    """The search through a table."""
    return template(Arch.X86_64, _FIND)
