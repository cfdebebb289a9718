"""What the windows rows keep of a process and a thread beyond the kernel's own: handles, heap, last error."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.windows.layouts import PARAMETERS, PEB, TEB
from aot.record import dataclass, field

OBJECTS = 0x10000  # first handle of an object that is no file
CURRENT_PROCESS = 0xFFFF_FFFF_FFFF_FFFF
CURRENT_THREAD = 0xFFFF_FFFF_FFFF_FFFE
M64 = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(slots=True)
class OpenFile:
    """A file handle's own facts: its guest path, and what closing it does."""

    path: bytes
    delete: bool = False
    append: bool = False
    directory: bool = False
    entries: list[Any] | None = None  # directory listing in progress
    position: int = 0


@dataclass(slots=True)
class Event:
    """A synchronisation object: an event, or anything else that is waited for."""

    signaled: bool
    manual: bool = True
    count: int = 0
    limit: int = 0
    owner: int = 0


@dataclass(slots=True)
class State:
    """One process. Parts are made by the modules that use them and kept here by name."""

    files: dict[int, OpenFile] = field(default_factory=dict)
    objects: dict[int, Any] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    tls_used: set[int] = field(default_factory=set)
    fls_used: set[int] = field(default_factory=set)
    exception_filter: int = 0

    def add(self, thing: object) -> int:
        """A handle for an object that is no file."""
        handle = OBJECTS
        while handle in self.objects:
            handle += 4
        self.objects[handle] = thing
        return handle

    def find(self, handle: int, kind: type[Any]) -> Any:
        """The object behind a handle. Raises BADF, or BAD_TYPE for another kind."""
        found = self.objects.get(handle)
        if found is None:
            raise Errno(E.BAD_TYPE if is_file(handle) else E.BADF)
        if not isinstance(found, kind):
            raise Errno(E.BAD_TYPE)
        return found


def is_file(handle: int) -> bool:
    """Whether a handle value is in the range of files."""
    return 0 < handle < OBJECTS and handle % 4 == 0


def fd_of(handle: int) -> int:
    """The descriptor behind a file handle. Raises BADF, or BAD_TYPE for what is no file."""
    if is_file(handle):
        return handle // 4 - 1
    raise Errno(E.BADF if handle < OBJECTS or handle > 0xFFFF_FFFF else E.BAD_TYPE)


def handle_of(fd: int) -> int:
    """The handle of a descriptor: never zero, the low two bits free."""
    return 4 * (fd + 1)


def host_status(code: int) -> int:
    """What the host is told of an exit code: its low eight bits, and no failure becomes success."""
    return code & 0xFF or int(code & 0xFFFF_FFFF != 0)


def state(ctx: Any) -> State:
    """The process's own facts."""
    data: dict[str, Any] = ctx.process.data
    found: State | None = data.get("windows")
    if found is None:
        found = data["windows"] = State()
    return found


def opened_file(ctx: Any, fd: int) -> OpenFile:
    """The facts of a file handle; a handle the process was started with has no path."""
    known = state(ctx)
    return known.files.setdefault(fd, OpenFile(b"//handle"))


def teb(ctx: Any) -> int:
    """Address of the calling thread's environment block."""
    address: int = ctx.data["teb"]
    return address


def peb(ctx: Any) -> int:
    """Address of the process environment block."""
    address: int = ctx.data["peb"]
    return address


def parameter(ctx: Any, name: str) -> int:
    """A word of the process parameters."""
    block = ctx.mem.load_u64(peb(ctx) + PEB["ProcessParameters"])
    word: int = ctx.mem.load_u64(block + PARAMETERS[name])
    return word


def set_parameter(ctx: Any, name: str, word: int) -> None:
    """Change a word of the process parameters."""
    block = ctx.mem.load_u64(peb(ctx) + PEB["ProcessParameters"])
    ctx.mem.write(block + PARAMETERS[name], struct.pack("<Q", word & M64))


def parameter_string(ctx: Any, name: str) -> tuple[int, int]:
    """(address, bytes) of a UNICODE_STRING of the process parameters."""
    block = ctx.mem.load_u64(peb(ctx) + PEB["ProcessParameters"]) + PARAMETERS[name]
    return ctx.mem.load_u64(block + 8), ctx.mem.load_u64(block) & 0xFFFF


def image_path(ctx: Any) -> str:
    """DOS path of the program."""
    address, size = parameter_string(ctx, "ImagePathName")
    path: str = ctx.mem.read(address, size).decode("utf-16-le", "surrogatepass")
    return path


def get_last_error(ctx: Any) -> int:
    """The thread's last error."""
    (value,) = struct.unpack("<I", ctx.mem.read(teb(ctx) + TEB["LastErrorValue"], 4))
    return int(value)


def set_last_error(ctx: Any, code: int) -> None:
    """Set the thread's last error."""
    ctx.mem.write(teb(ctx) + TEB["LastErrorValue"], struct.pack("<I", code & 0xFFFF_FFFF))


def set_last_status(ctx: Any, status: int) -> None:
    """Set the thread's last NTSTATUS."""
    ctx.mem.write(teb(ctx) + TEB["LastStatusValue"], struct.pack("<I", status & 0xFFFF_FFFF))
