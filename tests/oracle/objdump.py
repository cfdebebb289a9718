"""What GNU objdump says about the code of a file."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import pytest

from aot.image.model import Arch

PACKAGES = {
    Arch.X86_64: ("x86_64-linux-gnu-objdump", "binutils-x86-64-linux-gnu"),
    Arch.AARCH64: ("aarch64-linux-gnu-objdump", "binutils-aarch64-linux-gnu"),
}
HOSTS = {Arch.X86_64: ("x86_64", "AMD64"), Arch.AARCH64: ("aarch64", "arm64")}
LINE = re.compile(r"^ +([0-9a-f]+):\t(\S+)(?:[ \t]+(.*))?$", re.M)
REMARK = re.compile(r"\s*(?:#\s|//|<).*")


def missing(what: str, how: str) -> NoReturn:
    """Skip with the way to get `what`; where nothing may be skipped (CI), fail with it."""
    text = f"{what} is missing: {how}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def tool(arch: Arch) -> str:
    """The GNU objdump that reads `arch`."""
    name, package = PACKAGES[arch]
    if platform.machine() in HOSTS[arch] and shutil.which("objdump"):
        return "objdump"
    if shutil.which(name) is None:
        missing(name, f"apt-get install {package}")
    return name


@dataclass(frozen=True)
class Listing:
    """The disassembly of one file: (address, mnemonic, operands), by address."""

    arch: Arch
    lines: list[tuple[int, str, str]]

    @cached_property
    def addresses(self) -> list[int]:
        return [address for address, _, _ in self.lines]

    @cached_property
    def traps(self) -> set[int]:
        """Addresses of trap instructions; a prefix is part of the instruction."""
        names = {"syscall"} if self.arch is Arch.X86_64 else {"svc"}
        return {a for a, name, operands in self.lines if name in names or operands in names}

    @cached_property
    def branch_targets(self) -> set[int]:
        """Constants that branches and calls go to."""
        out: set[int] = set()
        for _, name, operands in self.lines:
            if name.startswith(("j", "call", "b", "cb", "tb", "loop")):
                found = re.search(r"(?:^|[ ,])(?:0x)?([0-9a-f]+)(?: <.*)?$", operands)
                if found:
                    out.add(int(found[1], 16))
        return out

    @cached_property
    def loaded(self) -> set[int]:
        """Addresses that aarch64 code makes with adr, or with adrp and an add to its register."""
        pages: dict[str, int] = {}
        out: set[int] = set()
        for _, name, operands in self.lines:
            parts = operands.split(", ")
            if name == "adrp":
                pages[parts[0]] = int(parts[1], 16)
            elif name == "adr":
                out.add(int(parts[1], 16))
            elif name == "add" and len(parts) == 3 and parts[1] in pages and parts[2].startswith("#"):
                out.add(pages[parts[1]] + int(parts[2][1:], 0))
        return out

    def around(self, address: int, reach: int) -> list[tuple[int, str, str]]:
        """The lines within `reach` bytes of `address`."""
        low = bisect_left(self.addresses, address - reach)
        return self.lines[low : bisect_left(self.addresses, address + reach)]

    def before(self, address: int) -> tuple[int, str, str]:
        """The line before the one at `address`."""
        return self.lines[bisect_left(self.addresses, address) - 1]


def disassemble(path: Path, arch: Arch) -> Listing:
    """objdump -d of `path`."""
    command = [tool(arch), "-d", "-z", "--no-show-raw-insn", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    lines = [(int(m[1], 16), m[2], REMARK.sub("", m[3] or "").strip()) for m in LINE.finditer(text)]
    return Listing(arch, lines)
