"""Builds runtime/cpu/routines.c into the bytes that are checked in: python -m corpus.routines [--check]."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from elftools.elf.elffile import ELFFile

import runtime.cpu
from corpus.build import run_zig

HERE = Path(runtime.cpu.__path__[0])
SOURCE, TARGET = HERE / "routines.c", HERE / "routines_code.py"
GUESTS = ("x86_64", "aarch64")
HOST = "x86_64"
FLAGS = (
    "-c", "-O2", "-g0", "-std=gnu11", "-ffreestanding", "-fno-builtin", "-fPIC", "-fno-jump-tables",
    "-fno-stack-protector", "-fno-sanitize=all", "-fno-vectorize", "-fno-slp-vectorize",
    "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fcf-protection=none",
    "-fomit-frame-pointer", "-mcmodel=small", "-Wall", "-Wextra", "-Werror",
)  # fmt: skip
WIDTH = 96

HEAD = '''"""Machine code of routines.c by (host, guest): bytes and the offset of each entry.

Written by `python -m corpus.routines` (make gen); a test compares it with what the source gives.
"""

from __future__ import annotations

CODE: dict[tuple[str, str], tuple[bytes, dict[str, int]]] = {
'''


def compiled(guest: str) -> tuple[bytes, dict[str, int]]:
    """Position-independent bytes for one guest architecture, and their entries.

    Raises ValueError when the code would need a relocation or data of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "routines.o"
        where = ("-target", f"{HOST}-linux-musl", f"-DGUEST_{guest.upper()}")
        run_zig("cc", *where, *FLAGS, str(SOURCE), "-o", str(out))
        with out.open("rb") as file:
            elf = ELFFile(file)
            for section in elf.iter_sections():
                wanted = section["sh_flags"] & 2 and section["sh_size"] and section.name != ".text"
                if wanted or section["sh_type"] in ("SHT_REL", "SHT_RELA"):
                    raise ValueError(f"{SOURCE.name} for {guest} has a section {section.name}")
            text, symbols = elf.get_section_by_name(".text"), elf.get_section_by_name(".symtab")
            entries = {
                s.name: s["st_value"]
                for s in symbols.iter_symbols()
                if s["st_info"]["bind"] == "STB_GLOBAL" and s["st_info"]["type"] == "STT_FUNC"
            }
            return text.data(), entries


def generated() -> str:
    """The text of routines_code.py."""
    parts = [HEAD]
    for guest in GUESTS:
        code, entries = compiled(guest)
        text = code.hex()
        parts.append(f'    ("{HOST}", "{guest}"): (\n        bytes.fromhex(\n')
        parts += [f'            "{text[at : at + WIDTH]}"\n' for at in range(0, len(text), WIDTH)]
        names = ", ".join(f'"{name}": {entries[name]}' for name in sorted(entries))
        parts.append(f"        ),\n        {{{names}}},\n    ),\n")
    return "".join([*parts, "}\n"])


def main(*arguments: str) -> int:
    """Write the file, or with --check say whether it is what the source gives."""
    text = generated()
    if "--check" in arguments:
        same = TARGET.read_text() == text
        print(f"{TARGET.name} is {'as' if same else 'not what'} {SOURCE.name} gives")
        return 0 if same else 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
