"""Two disassemblers that share nothing, GNU's and LLVM's, and the traps each prints of a file."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import lief

from aot.image.model import Arch

GNU = {
    Arch.X86_64: ("x86_64-linux-gnu-objdump", "objdump"),
    Arch.AARCH64: ("aarch64-linux-gnu-objdump", "objdump"),
}
LLVM = ("llvm-objdump",)
TRAP = re.compile(rb"^ *([0-9a-f]+):\s+(?:\w+ )*(syscall|svc)\b[ \t]*(?:#?(0x[0-9a-f]+|\d+))?")
RAW = {Arch.X86_64: "i386:x86-64", Arch.AARCH64: "aarch64"}
OPTIONS = ("-z", "--no-show-raw-insn")
MACHO = b"\xcf\xfa\xed\xfe"
INSTRUCTIONS = 0x8000_0400  # section attributes: pure instructions, some instructions
MNEMONICS = {Arch.X86_64: b"syscall", Arch.AARCH64: b"svc"}


class OracleError(Exception):
    """A disassembler is missing or does not read a file."""


@cache
def tool(oracle: str, arch: Arch) -> str:
    """The program of an oracle, `gnu` or `llvm`. Raises OracleError."""
    names = LLVM if oracle == "llvm" else GNU[arch]
    found = next((name for name in names if shutil.which(name)), None)
    if found is None:
        raise OracleError(
            f"{names[0]} is missing: apt-get install {'llvm' if oracle == 'llvm' else 'binutils'}"
        )
    return found


@cache
def version(oracle: str, arch: Arch) -> str:
    """What an oracle calls itself."""
    done = subprocess.run([tool(oracle, arch), "--version"], capture_output=True, text=True, check=True)
    return next(
        line.strip() for line in done.stdout.splitlines() if "ersion" in line or "GNU objdump" in line
    )


def traps(oracle: str, path: Path, arch: Arch) -> dict[int, int]:
    """Address of every trap `oracle` prints -> its immediate. Raises OracleError."""
    if oracle == "gnu" and path.open("rb").read(4) == MACHO:
        return _of_sections(path, arch)
    return _printed([tool(oracle, arch), *OPTIONS, "-d", str(path)], arch)


def _of_sections(path: Path, arch: Arch) -> dict[int, int]:
    """GNU's objdump of these architectures does not read Mach-O: it is given the code alone."""
    binary = lief.MachO.parse(path.read_bytes()).at(0)
    out: dict[int, int] = {}
    for section in binary.sections:
        if not int(section.flags) & INSTRUCTIONS:
            continue
        with tempfile.NamedTemporaryFile() as code:
            code.write(bytes(section.content))
            code.flush()
            place = f"--adjust-vma={section.virtual_address:#x}"
            out |= _printed(
                [tool("gnu", arch), *OPTIONS, "-D", "-b", "binary", "-m", RAW[arch], place, code.name], arch
            )
    return out


def _printed(command: list[str], arch: Arch) -> dict[int, int]:
    out: dict[int, int] = {}
    mnemonic = MNEMONICS[arch]
    lines = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stderr is not None
        for line in child.stdout:
            lines += 1
            if mnemonic in line:
                found = TRAP.match(line)
                if found:
                    out[int(found[1], 16)] = int(found[3] or b"0", 0)
        words = child.stderr.read().decode(errors="replace").strip()
    if child.returncode or lines < 4:
        raise OracleError((words or "prints no code").splitlines()[-1])
    return out
