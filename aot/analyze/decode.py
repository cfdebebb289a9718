"""Disassembly: what Capstone says of instructions, corrected, and what each instruction does to control flow."""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from aot.analyze.capstone_c import Capstone
from aot.analyze.effort import Effort
from aot.image.model import Arch

Raw = tuple[int, int, str, str]  # address, size, mnemonic, operands
CHUNK: Final = 1024  # bytes decoded ahead of the address that was asked for
LONGEST: Final = 15  # bytes of the longest x86 instruction


class Flow(Enum):
    """What an instruction does to the program counter."""

    NEXT = auto()
    JUMP = auto()  # always, to a constant
    BRANCH = auto()  # perhaps, to a constant
    CALL = auto()  # to a constant, comes back
    CALL_INDIRECT = auto()
    JUMP_INDIRECT = auto()
    TRAP = auto()  # into the kernel, comes back
    STOP = auto()  # return, undefined, halt


_X86_STOP = frozenset("ret retf retfq iretq ud0 ud1 ud2 hlt int3 sysretq sysexitq".split())
_X86_TRAP = frozenset(("syscall", "int", "sysenter"))
_X86_BRANCH = frozenset(
    "jo jno jb jae je jne jbe ja js jns jp jnp jl jge jle jg jrcxz jecxz loop loope loopne xbegin".split()
)
_X86_EITHER = ("call", "jmp")  # direct or indirect
_A64_STOP = frozenset("ret retaa retab eret udf brk hlt drps".split())
_A64_BRANCH = frozenset(("cbz", "cbnz", "tbz", "tbnz"))
_A64_JUMP_INDIRECT = frozenset("br braa brab braaz brabz".split())
_A64_CALL_INDIRECT = frozenset("blr blraa blrab blraaz blrabz".split())


def _x86_flow(mnemonic: str, operands: str) -> Flow:
    for prefix in ("bnd ", "notrack ", "rep ", "repz ", "repne "):
        mnemonic = mnemonic.removeprefix(prefix)
    if mnemonic in _X86_BRANCH:
        return Flow.BRANCH
    if mnemonic == "call":
        return Flow.CALL if operands.startswith("0x") else Flow.CALL_INDIRECT
    if mnemonic == "jmp":
        return Flow.JUMP if operands.startswith("0x") else Flow.JUMP_INDIRECT
    if mnemonic in ("lcall", "ljmp"):
        return Flow.STOP
    if mnemonic in _X86_STOP:
        return Flow.STOP
    return Flow.TRAP if mnemonic in _X86_TRAP else Flow.NEXT


def _a64_flow(mnemonic: str, _operands: str) -> Flow:
    if mnemonic == "b":
        return Flow.JUMP
    if mnemonic.startswith(("b.", "bc.")) or mnemonic in _A64_BRANCH:
        return Flow.BRANCH
    if mnemonic == "bl":
        return Flow.CALL
    if mnemonic in _A64_CALL_INDIRECT:
        return Flow.CALL_INDIRECT
    if mnemonic in _A64_JUMP_INDIRECT:
        return Flow.JUMP_INDIRECT
    if mnemonic in _A64_STOP:
        return Flow.STOP
    return Flow.TRAP if mnemonic == "svc" else Flow.NEXT


# Mnemonics that write the first operand, if it is a register, and nothing else but flags, if at all.
_X86_PLAIN = dict.fromkeys(("mov", "movabs", "movzx", "movsx", "movsxd", "lea"), frozenset[str]())
_X86_PLAIN |= dict.fromkeys(("add", "sub", "and", "or", "xor", "inc", "dec"), frozenset(("rflags",)))
_X86_FORGOTTEN = {  # by Capstone
    "xlatb": frozenset(("rax",)),
    "enter": frozenset(("rbp", "rsp")),
    "rdpkru": frozenset(("rax", "rdx")),
}
_A64_COMPARES = frozenset("cmp cmn tst ccmp ccmn fcmp fcmpe".split())
_A64_MANY = ("ld", "swp", "cas")  # all registers outside the address may be written
_A64_STORES = ("st", "prf", "dc", "ic", "msr", "dmb", "dsb", "isb", "nop", "hint")


class Decoder:
    """Instructions of one architecture, and the constant each branch goes to."""

    def __init__(self, arch: Arch) -> None:
        self.arch = arch
        self._capstone = Capstone(arch)
        self.effort = Effort()  # of the analysis that this decoder is for
        self.flows: dict[str, Flow] = {}  # of the mnemonics seen that say it without their operands
        self._flow = _x86_flow if arch is Arch.X86_64 else _a64_flow
        self.writes = lru_cache(maxsize=1 << 15)(self._writes)
        self.reads = lru_cache(maxsize=1 << 15)(self._reads)

    def sweep(self, code: bytes, address: int) -> list[Raw]:
        """Instructions from `address` until the bytes end or are none."""
        found = self._capstone.instructions(code, address)
        self.effort.decoded += len(found)
        return found

    def flow(self, insn: Raw) -> Flow:
        """What `insn` does to the program counter."""
        mnemonic = insn[2]
        flow = self.flows.get(mnemonic)
        if flow is None:
            flow = self._flow(mnemonic, insn[3])
            if not mnemonic.endswith(_X86_EITHER):
                self.flows[mnemonic] = flow
        return flow

    def target(self, insn: Raw) -> int | None:
        """The constant a jump, branch or call goes to."""
        text = insn[3].rpartition(" ")[2].lstrip("#")
        return int(text, 16) if text.startswith("0x") else None

    def _access(self, raw: bytes) -> tuple[frozenset[str], frozenset[str]]:
        found = self._capstone.access(raw)
        if found is None:
            return frozenset(), frozenset()
        reads, writes = (frozenset(map(family, names)) for names in found)
        *_, mnemonic, operands = self._capstone.instructions(raw, 0x1000)[0]
        return reads, self._correct(mnemonic, operands, writes)

    def _correct(self, mnemonic: str, operands: str, writes: frozenset[str]) -> frozenset[str]:
        """Capstone's written registers, with those it forgets and without those it invents."""
        if self.arch is Arch.X86_64:
            if "cmpxchg" in mnemonic:
                return writes | ({"rax", "rdx"} if mnemonic.endswith("b") else {"rax"})
            return writes | _X86_FORGOTTEN.get(mnemonic, frozenset())
        outside = re.sub(r"\[[^\]]*\]", "", operands).split(", ")
        if mnemonic in _A64_COMPARES:
            return writes - {family(outside[0])}
        if mnemonic.startswith(_A64_MANY):
            return writes | {family(register) for register in outside}
        if mnemonic.startswith(_A64_STORES):
            return writes
        return writes | {family(outside[0])}

    def _writes(self, raw: bytes) -> frozenset[str]:
        """Families of the registers that the instruction `raw` writes, implicit ones included."""
        for *_, mnemonic, operands in self._capstone.instructions(raw, 0x1000):
            also = _X86_PLAIN.get(mnemonic) if self.arch is Arch.X86_64 else None
            if also is not None:  # asking Capstone costs ten times as much
                first = operands.partition(", ")[0]
                return also if "[" in first else also | {family(first)}
        return self._access(raw)[1]

    def _reads(self, raw: bytes) -> frozenset[str]:
        """Families of the registers that the instruction `raw` reads, implicit ones included."""
        return self._access(raw)[0]


def _families() -> dict[str, str]:
    out: dict[str, str] = {}
    for letter in "abcd":
        for form in ("r{}x", "e{}x", "{}x", "{}l", "{}h"):
            out[form.format(letter)] = f"r{letter}x"
    for name in ("si", "di", "bp"):
        for form in ("r{}", "e{}", "{}", "{}l"):
            out[form.format(name)] = f"r{name}"
    out |= {"esp": "rsp", "spl": "rsp"}  # "sp" is aarch64's
    for number in range(8, 16):
        for suffix in ("", "d", "w", "b"):
            out[f"r{number}{suffix}"] = f"r{number}"
    for number in range(31):
        out[f"w{number}"] = out[f"x{number}"] = f"x{number}"
    out |= {"fp": "x29", "lr": "x30", "wsp": "sp", "wzr": "xzr"}
    return out


_FAMILY: Final = _families()


def family(register: str) -> str:
    """The widest register that `register` is a part of."""
    return _FAMILY.get(register, register)
