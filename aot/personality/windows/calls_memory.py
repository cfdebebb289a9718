"""NT memory services, one row each. Columns: see numbers.py. From: winternl.h, ntmmapi (argument lists)."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import Call, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, U32, To, Unused
from aot.personality.windows import layouts as la
from aot.personality.windows import vm
from aot.personality.windows.calls_file import service
from aot.personality.windows.files import Ops, unpack
from aot.personality.windows.kinds import OUT_LONG, OUT_WORD_OPT, POINTER, PROCESS, RAW
from aot.personality.windows.state import M64, image_path
from aot.personality.windows.text import wide

PROCESS_ARG = To("process", PROCESS)


def _pair(ctx: Any, base: int, size: int) -> tuple[int, int]:
    """The in-out base and size, both proven writable."""
    ctx.mem.probe(base, 8, True)
    ctx.mem.probe(size, 8, True)
    return ctx.mem.load_u64(base), ctx.mem.load_u64(size)


def _put(ctx: Any, base: int, size: int, values: tuple[int, int]) -> None:
    ctx.mem.write(base, struct.pack("<Q", values[0]))
    ctx.mem.write(size, struct.pack("<Q", values[1]))


def allocate(
    ctx: Any, ops: Ops, process: int, base: int, zero_bits: int, size: int, kind: int, protect: int
) -> int:
    """NtAllocateVirtualMemory."""
    wanted = _pair(ctx, base, size)
    _put(ctx, base, size, vm.allocate(ctx, *wanted, kind, protect))
    return 0


def free(ctx: Any, ops: Ops, process: int, base: int, size: int, kind: int) -> int:
    """NtFreeVirtualMemory."""
    wanted = _pair(ctx, base, size)
    _put(ctx, base, size, vm.free(ctx, *wanted, kind))
    return 0


def protect(ctx: Any, ops: Ops, process: int, base: int, size: int, wanted: int, old: int) -> int:
    """NtProtectVirtualMemory."""
    pair = _pair(ctx, base, size)
    ctx.mem.probe(old, 4, True)
    start, length, before = vm.protect(ctx, *pair, wanted)
    _put(ctx, base, size, (start, length))
    ctx.mem.write(old, struct.pack("<I", before))
    return 0


def _basic(ctx: Any, address: int) -> bytes:
    return la.MEMORY_BASIC.encode(vm.query(ctx, address))


def _file_name(ctx: Any, address: int) -> bytes:
    if not vm.image_of(ctx, address):
        raise Errno(E.INVAL)
    name = wide("\\Device\\HarddiskVolume1" + image_path(ctx)[2:])
    return struct.pack("<HH4xQ", len(name), len(name) + 2, 0) + name + b"\0\0"


def _image(ctx: Any, address: int) -> bytes:
    base = vm.image_of(ctx, address)
    end = ctx.data["image_end"] if base == ctx.data["image_base"] else base + 0x1000
    return struct.pack("<QQI4x", base, end - base if base else 0, 1 if base else 0)


QUERIES = {0: (_basic, 48), 2: (_file_name, 16), 6: (_image, 24)}


def query(
    ctx: Any, ops: Ops, process: int, address: int, cls: int, buffer: int, length: int, returned: int
) -> int:
    """NtQueryVirtualMemory."""
    if cls not in QUERIES:
        raise Errno(E.BAD_CLASS)
    build, least = QUERIES[cls]
    if length < least:
        raise Errno(E.BAD_LENGTH)
    raw = build(ctx, address)
    if len(raw) > length:
        raise Errno(E.BAD_LENGTH)
    if cls == 2:  # the name lies behind its UNICODE_STRING
        raw = raw[:8] + struct.pack("<Q", buffer + 16 & M64) + raw[16:]
    ctx.mem.write(buffer, raw)
    if returned:
        ctx.mem.write(returned, struct.pack("<Q", len(raw)))
    return 0


def copy_in(ctx: Any, ops: Ops, process: int, address: int, buffer: int, size: int, done: int) -> int:
    """NtReadVirtualMemory of the process itself."""
    ctx.mem.write(buffer, ctx.mem.read(address, size))
    if done:
        ctx.mem.write(done, struct.pack("<Q", size))
    return 0


def copy_out(ctx: Any, ops: Ops, process: int, address: int, buffer: int, size: int, done: int) -> int:
    """NtWriteVirtualMemory of the process itself."""
    return copy_in(ctx, ops, process, buffer, address, size, done)


def nothing(ctx: Any, ops: Ops, **_: Any) -> int:
    """Succeeds: there is nothing to do here."""
    return 0


def working_set(ctx: Any, ops: Ops, process: int, base: int, size: int) -> int:
    """NtLockVirtualMemory and its like: the range must be readable."""
    address, length = unpack(ctx, base, "Q")[0], unpack(ctx, size, "Q")[0]
    ctx.mem.probe(address, length, False)
    return 0


_RANGE = sig(ProcessHandle=PROCESS_ARG, BaseAddress=To("base", POINTER), RegionSize=To("size", POINTER))
_COPY = sig(
    ProcessHandle=PROCESS_ARG, BaseAddress=To("address", POINTER), Buffer=To("buffer", POINTER),
    NumberOfBytes=To("size", RAW), NumberOfBytesDone=To("done", OUT_WORD_OPT),
)  # fmt: skip

# fmt: off
CALLS: tuple[Call, ...] = (
    service("NtAllocateVirtualMemory", sig(ProcessHandle=PROCESS_ARG, BaseAddress=To("base", POINTER),
        ZeroBits=To("zero_bits", RAW), RegionSize=To("size", POINTER), AllocationType=To("kind", HEX32),
        Protect=To("protect", HEX32)), allocate, "no guard pages, no address limit, no write watch"),
    service("NtFreeVirtualMemory", sig(**_RANGE, FreeType=To("kind", HEX32)), free, "this process only"),
    service("NtProtectVirtualMemory", sig(**_RANGE, NewProtect=To("wanted", HEX32),
        OldProtect=To("old", OUT_LONG)), protect, "no guard pages"),
    service("NtQueryVirtualMemory", sig(ProcessHandle=PROCESS_ARG, BaseAddress=To("address", RAW),
        MemoryInformationClass=To("cls", U32), MemoryInformation=To("buffer", POINTER),
        MemoryInformationLength=To("length", RAW), ReturnLength=To("returned", OUT_WORD_OPT)), query,
        "classes 0, 2, 6"),
    service("NtReadVirtualMemory", _COPY, copy_in, "this process only"),
    service("NtWriteVirtualMemory", _COPY, copy_out, "this process only"),
    service("NtFlushVirtualMemory", sig(ProcessHandle=PROCESS_ARG, BaseAddress=To("base", POINTER),
        RegionSize=To("size", POINTER), IoStatus=Unused("nothing is cached")), working_set,
        "nothing is cached"),
    service("NtLockVirtualMemory", sig(**_RANGE, MapType=Unused("one")), working_set, "pages never leave"),
    service("NtUnlockVirtualMemory", sig(**_RANGE, MapType=Unused("one")), working_set,
        "pages never leave"),
    service("NtFlushInstructionCache", sig(ProcessHandle=PROCESS_ARG, BaseAddress=Unused("coherent"),
        Length=Unused("coherent")), nothing, "code is coherent by itself"),
)
# fmt: on
