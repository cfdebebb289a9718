"""Unicorn through raw ctypes: the calls the backend needs, prepared once, and nothing of the Python binding.

The shared library of the `unicorn` package is loaded directly (8 ms instead of 33 for the binding), and
callbacks are bare C function pointers because the binding's own wrappers cost more than the work.
Constants are those of the C headers; a test compares them with the binding's.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from aot.image.model import Arch

OK, ERR_EXCEPTION, ERR_INSN_INVALID = 0, 21, 10
ARCH_ARM64, ARCH_X86, MODE_ARM, MODE_64 = 2, 4, 0, 8
HOOK_INTR, HOOK_INSN, HOOK_BLOCK, HOOK_TLB_FILL = 1, 2, 8, 1 << 17
INS_IN, INS_OUT, INS_SYSCALL = 218, 500, 699
CTL_PAGE_SIZE, CTL_USE_EXITS, CTL_CPU_MODEL = 1, 4, 7
CTL_TB_REMOVE_CACHE, CTL_TB_FLUSH, CTL_TLB_FLUSH, CTL_TLB_TYPE = 9, 10, 11, 12
CPU_ARM64_MAX = 3
EVERYWHERE = (1, 0)  # a hook range with begin > end
ENGINE_CPU = 0x2000  # bytes of the engine structure searched for its CPU pointer

P, U32, U64, INT = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int
SYSCALL_HOOK = ctypes.CFUNCTYPE(None)  # (uc, user): nothing of it is needed
INTR_HOOK = ctypes.CFUNCTYPE(None, ctypes.c_ubyte, ctypes.c_ubyte)  # (uc cut short, number, user)
IN_HOOK = ctypes.CFUNCTYPE(U32, P, U32)  # (uc, port, size, user)
OUT_HOOK = ctypes.CFUNCTYPE(None, P, U32)  # (uc, port, size, value, user)
BLOCK_HOOK = ctypes.CFUNCTYPE(None, P, U64, U32)  # (uc, address, size, user)
FILL_HOOK = ctypes.CFUNCTYPE(ctypes.c_bool, P, U64, INT, P)  # (uc, address, access, entry, user)


class EngineError(Exception):
    """The engine refused a call: a bug here or an unsupported library."""


@cache
def _load() -> Any:
    spec = find_spec("unicorn")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("the unicorn package is not installed")
    folder = os.path.join(spec.submodule_search_locations[0], "lib")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = [name for name in names if name.startswith("libunicorn.so")]
    if found:
        return ctypes.CDLL(os.path.join(folder, found[0]))
    # a build of the package that keeps it elsewhere
    from unicorn.unicorn_py3.unicorn import uclib  # noqa: PLC0415 - 25 ms nobody else should pay

    return ctypes.CDLL(uclib._name)


class Engine:
    """One uc_engine."""

    def __init__(self, arch: Arch) -> None:
        self.lib = lib = _load()
        handle = P()
        kind = (ARCH_X86, MODE_64) if arch is Arch.X86_64 else (ARCH_ARM64, MODE_ARM)
        self._check(lib.uc_open(*kind, ctypes.byref(handle)))
        assert handle.value is not None
        self.handle = handle.value
        lib.uc_emu_start.argtypes = [P, U64, U64, U64, ctypes.c_size_t]
        lib.uc_emu_stop.argtypes = [P]
        lib.uc_reg_read.argtypes = lib.uc_reg_write.argtypes = [P, INT, P]
        lib.uc_reg_read_batch.argtypes = lib.uc_reg_write_batch.argtypes = [P, P, P, INT]
        lib.uc_context_save.argtypes = lib.uc_context_restore.argtypes = [P, P]
        lib.uc_context_alloc.argtypes = [P, P]
        lib.uc_context_size.argtypes = [P]
        lib.uc_context_size.restype = ctypes.c_size_t
        self._keep: list[Any] = []
        self._setup(arch)
        self._context = P()
        self._check(lib.uc_context_alloc(self.handle, ctypes.byref(self._context)))
        self.context_size = lib.uc_context_size(self.handle)
        self._word = ctypes.create_string_buffer(16)
        self._word_at = ctypes.addressof(self._word)

    def _setup(self, arch: Arch) -> None:
        """Model, page size, TLB mode: in this order, before anything initialises the engine."""
        if arch is Arch.AARCH64:
            self.control(CTL_CPU_MODEL, CPU_ARM64_MAX)
            self.control(CTL_PAGE_SIZE, 4096)
        self.control(CTL_TLB_TYPE, 1)
        self.control(CTL_USE_EXITS, 1)  # no `until` address: nothing the guest can name ends a run

    def _check(self, status: int) -> None:
        if status:
            raise EngineError(f"unicorn error {status}")

    def control(self, kind: int, *values: int) -> None:
        """uc_ctl, writing."""
        wide = [U64(v) if v > 0x7FFF_FFFF else INT(v) for v in values]
        code = INT(kind | len(values) << 26 | 1 << 30)
        self._check(self.lib.uc_ctl(P(self.handle), code, *wide))

    def flush_tlb(self) -> None:
        """Forget translations of addresses."""
        self._check(self.lib.uc_ctl(P(self.handle), INT(CTL_TLB_FLUSH | 1 << 30)))

    def flush_code(self) -> None:
        """Forget all translated code."""
        self._check(self.lib.uc_ctl(P(self.handle), INT(CTL_TB_FLUSH | 1 << 30)))

    def drop_code(self, address: int, end: int) -> None:
        """Forget the translated code of one page's [address, end), which must be executable now."""
        code = INT(CTL_TB_REMOVE_CACHE | 2 << 26 | 1 << 30)
        self._check(self.lib.uc_ctl(P(self.handle), code, U64(address), U64(end)))

    def map_physical(self, size: int, host: int) -> None:
        """Host memory becomes physical memory from 0."""
        self._check(self.lib.uc_mem_map_ptr(P(self.handle), U64(0), U64(size), INT(7), P(host)))

    def hook(
        self,
        kind: int,
        callback: Any,
        *,
        user: int | None = None,
        within: tuple[int, int] = EVERYWHERE,
        instruction: int | None = None,
    ) -> int:
        """Install a C callback (a ctypes function or an address); returns its handle."""
        self._keep.append(callback)
        where = P(callback) if isinstance(callback, int) else callback
        handle = ctypes.c_size_t()
        extra = () if instruction is None else (INT(instruction),)
        self._check(
            self.lib.uc_hook_add(
                P(self.handle),
                ctypes.byref(handle),
                INT(kind),
                where,
                P(user),
                U64(within[0]),
                U64(within[1]),
                *extra,
            )
        )
        return handle.value

    def unhook(self, handle: int) -> None:
        """Remove a callback."""
        self._check(self.lib.uc_hook_del(P(self.handle), ctypes.c_size_t(handle)))

    def starter(self) -> Callable[[int, int], int]:
        """(pc, instruction count or 0) -> status. Blocks until the run ends."""
        start, handle = self.lib.uc_emu_start, self.handle

        def run(pc: int, count: int) -> int:
            return int(start(handle, pc, 0, 0, count))

        return run

    @property
    def stop_address(self) -> int:
        """Host address of uc_emu_stop, for machine code."""
        return ctypes.cast(self.lib.uc_emu_stop, P).value or 0

    def stop(self) -> None:
        """End the run; exact only from a hook on the engine's own thread (see poll.py)."""
        self.lib.uc_emu_stop(self.handle)

    def read(self, register: int, size: int = 8) -> int:
        """One register by the engine's number."""
        self._check(self.lib.uc_reg_read(self.handle, register, self._word_at))
        return int.from_bytes(self._word.raw[:size], "little")

    def write(self, register: int, value: int, size: int = 8) -> None:
        """Set one register by the engine's number."""
        self._word.raw = (value & (1 << 8 * size) - 1).to_bytes(16, "little")
        self._check(self.lib.uc_reg_write(self.handle, register, self._word_at))

    def save(self) -> bytes:
        """The whole CPU state, opaque."""
        self._check(self.lib.uc_context_save(self.handle, self._context))
        assert self._context.value is not None
        return ctypes.string_at(self._context.value, self.context_size)

    def restore(self, state: bytes) -> None:
        """Back to a saved state."""
        assert self._context.value is not None
        ctypes.memmove(self._context.value, state, self.context_size)
        self._check(self.lib.uc_context_restore(self.handle, self._context))

    def close(self) -> None:
        """Free the engine."""
        self.lib.uc_context_free(self._context)
        self.lib.uc_close(P(self.handle))
        self._keep.clear()
