"""The rest of a context's state on the Unicorn backend: flags, bases, SIMD and FPU, through the engine's calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from aot.image.model import Arch
from runtime.cpu import unicorn_fp
from runtime.cpu.api import RegisterState
from runtime.cpu.unicorn_engine import Engine

if TYPE_CHECKING:
    from runtime.cpu.unicorn_aarch64 import Aarch64
    from runtime.cpu.unicorn_x86_64 import X86


class Rest(ABC):
    """The part of api.Cpu that reaches what is not in the register array."""

    engine: Engine
    half: X86 | Aarch64
    arch: Arch

    @abstractmethod
    def load(self, context: RegisterState) -> None:
        """See api.Cpu."""

    def _access(self, context: RegisterState) -> Engine:
        self.load(context)
        return self.engine

    def get_flags(self, context: RegisterState) -> int:
        """rflags, or nzcv in bits 31:28."""
        return self._access(context).read(self.half.flags)

    def set_flags(self, context: RegisterState, value: int) -> None:
        """Set them."""
        self._access(context).write(self.half.flags, value)

    def get_base(self, context: RegisterState, which: str) -> int:
        """A TLS or segment base: fs, gs, tpidr_el0, tpidrro_el0."""
        return self._access(context).read(self.half.bases[which])

    def set_base(self, context: RegisterState, which: str, value: int) -> None:
        """Set one."""
        self._access(context).write(self.half.bases[which], value)

    def get_simd(self, context: RegisterState, index: int) -> int:
        """A 128-bit vector register."""
        return self._access(context).read(self.half.simd + index, 16)

    def set_simd(self, context: RegisterState, index: int, value: int) -> None:
        """Set one."""
        self._access(context).write(self.half.simd + index, value, 16)

    def get_fp(self, context: RegisterState) -> bytes:
        """See api.Cpu."""
        return unicorn_fp.save(self._access(context), self.arch)

    def set_fp(self, context: RegisterState, image: bytes) -> None:
        """See api.Cpu."""
        engine = self._access(context)
        self.half.unloading()
        unicorn_fp.load(engine, self.arch, image)
