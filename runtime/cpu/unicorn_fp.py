"""FPU and SIMD state as the architecture's own image: FXSAVE, or v0..v31 with fpsr and fpcr."""

from __future__ import annotations

import struct

from aot.image.model import Arch
from runtime.cpu.unicorn_engine import Engine

FPCW, FPSW, FPTAG, MXCSR, FP0, XMM0 = 246, 31, 247, 249, 82, 122
V0, A64_FPCR, A64_FPSR = 228, 291, 292
MXCSR_MASK = 0xFFFF
_HEAD = struct.Struct("<HHBxHQQII")  # cwd swd twd fop rip rdp mxcsr mxcsr_mask
IMAGE = {Arch.X86_64: 512, Arch.AARCH64: 520}


def save(engine: Engine, arch: Arch) -> bytes:
    """The image of the engine's state."""
    return _x86(engine) if arch is Arch.X86_64 else _a64(engine)


def load(engine: Engine, arch: Arch, image: bytes) -> None:
    """Make the engine's state that of an image."""
    (_load_x86 if arch is Arch.X86_64 else _load_a64)(engine, image)


def _x86(engine: Engine) -> bytes:
    status, tags = engine.read(FPSW, 2), engine.read(FPTAG, 2)
    top = status >> 11 & 7
    twd = sum(1 << i for i in range(8) if tags >> 2 * i & 3 != 3)
    head = _HEAD.pack(
        engine.read(FPCW, 2), status, twd, 0, 0, 0, engine.read(MXCSR, 4), MXCSR_MASK
    )  # fmt: skip
    stack = b"".join(engine.read(FP0 + (top + i) % 8, 10).to_bytes(10, "little") + bytes(6) for i in range(8))
    vectors = b"".join(engine.read(XMM0 + i, 16).to_bytes(16, "little") for i in range(16))
    return (head + stack + vectors).ljust(512, b"\0")


def _load_x86(engine: Engine, image: bytes) -> None:
    control, status, twd, _, _, _, mxcsr, _ = _HEAD.unpack_from(image)
    top = status >> 11 & 7
    engine.write(FPCW, control, 2)
    engine.write(FPSW, status, 2)
    for i in range(8):
        at = 32 + 16 * i
        engine.write(FP0 + (top + i) % 8, int.from_bytes(image[at : at + 10], "little"), 10)
    engine.write(FPTAG, sum((0 if twd >> i & 1 else 3) << 2 * i for i in range(8)), 2)
    engine.write(MXCSR, mxcsr & MXCSR_MASK, 4)
    for i in range(16):
        at = 160 + 16 * i
        engine.write(XMM0 + i, int.from_bytes(image[at : at + 16], "little"), 16)


def _a64(engine: Engine) -> bytes:
    vectors = b"".join(engine.read(V0 + i, 16).to_bytes(16, "little") for i in range(32))
    return vectors + struct.pack("<II", engine.read(A64_FPSR, 4), engine.read(A64_FPCR, 4))


def _load_a64(engine: Engine, image: bytes) -> None:
    for i in range(32):
        engine.write(V0 + i, int.from_bytes(image[16 * i : 16 * i + 16], "little"), 16)
    status, control = struct.unpack_from("<II", image, 512)
    engine.write(A64_FPSR, status, 4)
    engine.write(A64_FPCR, control, 4)
