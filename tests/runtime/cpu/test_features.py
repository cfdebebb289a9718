"""What the auxiliary vector says of the processor is what the engine executes, instruction by instruction."""

from __future__ import annotations

import pytest

from aot.personality.linux.start import HWCAP, HWCAP2
from runtime.cpu.api import Fault, FaultKind
from tests.runtime.cpu.rig import CODE, DATA, Rig

# name, word of the vector (0 AT_HWCAP, 1 AT_HWCAP2), bit, an instruction of the feature; From: asm/hwcap.h of arm64
# fmt: off
FEATURES = [
    ("AES", 0, 3, 0x4E284820),  # aese v0.16b,v1.16b
    ("PMULL", 0, 4, 0x0EE2E020),  # pmull v0.1q,v1.1d,v2.1d
    ("SHA1", 0, 5, 0x5E020020),  # sha1c q0,s1,v2.4s
    ("SHA2", 0, 6, 0x5E024020),  # sha256h q0,q1,v2.4s
    ("CRC32", 0, 7, 0x9AC24C20),  # crc32x w0,w1,x2
    ("ATOMICS", 0, 8, 0xF8200081),  # ldadd x0,x1,[x4]
    ("FPHP", 0, 9, 0x1EE22820),  # fadd h0,h1,h2
    ("ASIMDHP", 0, 10, 0x4E421420),  # fadd v0.8h,v1.8h,v2.8h
    ("ASIMDRDM", 0, 12, 0x6E828420),  # sqrdmlah v0.4s,v1.4s,v2.4s
    ("JSCVT", 0, 13, 0x1E7E0020),  # fjcvtzs w0,d1
    ("FCMA", 0, 14, 0x6EC2F420),  # fcadd v0.2d,v1.2d,v2.2d,#270
    ("LRCPC", 0, 15, 0xF8BFC080),  # ldapr x0,[x4]
    ("DCPOP", 0, 16, 0xD50B7C24),  # dc cvap,x4
    ("SHA3", 0, 17, 0xCE020C20),  # eor3 v0.16b,v1.16b,v2.16b,v3.16b
    ("SM3", 0, 18, 0xCE420C20),  # sm3ss1 v0.4s,v1.4s,v2.4s,v3.4s
    ("SM4", 0, 19, 0xCEC08420),  # sm4e v0.4s,v1.4s
    ("ASIMDDP", 0, 20, 0x6E829420),  # udot v0.4s,v1.16b,v2.16b
    ("SHA512", 0, 21, 0xCEC08020),  # sha512su0 v0.2d,v1.2d
    ("SVE", 0, 22, 0x0420E3E0),  # cntb x0
    ("ASIMDFHM", 0, 23, 0x4E22EC20),  # fmlal v0.4s,v1.4h,v2.4h
    ("DIT", 0, 24, 0xD53B42A0),  # mrs x0,dit
    ("ILRCPC", 0, 26, 0xD9410080),  # ldapur x0,[x4,#16]
    ("FLAGM", 0, 27, 0xBA01840F),  # rmif x0,#3,#15
    ("SSBS", 0, 28, 0xD503403F),  # msr ssbs,#0
    ("SB", 0, 29, 0xD50330FF),  # sb
    ("PACG", 0, 31, 0x9AC23020),  # pacga x0,x1,x2
    ("DCPODP", 1, 0, 0xD50B7D24),  # dc cvadp,x4
    ("FLAGM2", 1, 7, 0xD500405F),  # axflag
    ("FRINT", 1, 8, 0x1E68C020),  # frint32x d0,d1
    ("I8MM", 1, 13, 0x4E82A420),  # smmla v0.4s,v1.16b,v2.16b
    ("BF16", 1, 14, 0x6E42FC20),  # bfdot v0.4s,v1.8h,v2.8h
    ("MTE", 1, 18, 0x9ADF1020),  # irg x0,x1
]
# fmt: on
BREAK = bytes.fromhex("200020d4")


def executes(rig: Rig, code: bytes) -> bool:
    rig.space.poke(CODE, code)
    thread = rig.thread()
    thread.regs[-1], thread.regs[4] = CODE, DATA
    end = rig.cpu.resume(thread)
    assert isinstance(end, Fault)
    return end.kind is FaultKind.BREAKPOINT


@pytest.mark.parametrize(("name", "word", "bit", "instruction"), FEATURES, ids=[f[0] for f in FEATURES])
def test_aarch64_has_what_it_says(a64: Rig, name: str, word: int, bit: int, instruction: int) -> None:
    said = (HWCAP, HWCAP2)[word]["aarch64"] >> bit & 1
    assert executes(a64, instruction.to_bytes(4, "little") + BREAK) == bool(said)


def cpuid(rig: Rig, leaf: int, part: int = 0) -> tuple[int, ...]:
    """eax, ebx, ecx, edx as the guest gets them."""
    rig.space.poke(CODE, bytes.fromhex("0fa2cc"))
    thread = rig.thread()
    thread.regs[-1], thread.regs[0], thread.regs[1] = CODE, leaf, part
    assert isinstance(rig.cpu.resume(thread), Fault)
    return tuple(thread.regs[i] & 0xFFFF_FFFF for i in (0, 3, 1, 2))


def test_x86_64_says_of_itself_what_it_executes(x86: Rig) -> None:
    _, _, ecx, edx = cpuid(x86, 1)
    assert edx == HWCAP["x86_64"]
    assert all(ecx >> bit & 1 for bit in (1, 19, 20, 23, 25, 27)), "PCLMUL, SSE4, POPCNT, AES, OSXSAVE"
    assert not ecx & (1 << 12 | 1 << 28 | 1 << 29), "no FMA, AVX, F16C"
    _, ebx, _, _ = cpuid(x86, 7)
    assert ebx & 0x109 == 0x109, "FSGSBASE, BMI1, BMI2"
    assert not ebx & (1 << 5 | 1 << 16 | 1 << 19 | 1 << 29), "no AVX2, AVX-512, ADX, SHA"
    assert HWCAP2["x86_64"] == 2, "FSGSBASE"
    _, enabled, possible, _ = cpuid(x86, 13)
    assert 576 <= enabled <= possible, "bytes that xsave stores"
