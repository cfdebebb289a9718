"""NT file services, one row each. Columns: see numbers.py. From: ntifs.h, ntioapi.h (argument lists)."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import ZERO, Call, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import (
    HEX32,
    U32,
    Args,
    InBytes,
    Int,
    Kind,
    Length,
    OutBytes,
    OutStruct,
    To,
    Unused,
)
from aot.personality.abi.op import Op
from aot.personality.windows import directory, files, info_file
from aot.personality.windows import layouts as la
from aot.personality.windows.kinds import (
    HANDLE,
    OBJECT,
    OFFSET_OPT,
    OUT_HANDLE,
    POINTER,
    RAW,
    ULONG,
    Attributes,
    Iosb,
)
from aot.personality.windows.numbers import nt
from aot.personality.windows.state import fd_of, is_file, opened_file, state
from aot.personality.windows.text import from_wide

LENGTH32 = Length(32)
SYNC = Unused("synchronous")
NO_APC = Unused("no APC")


def service(name: str, args: Args, via: Any, note: str = "", **more: Any) -> Call:
    """A service row: number of every column, imported from ntdll as Nt and Zw."""
    symbols = (f"ntdll!{name}", f"ntdll!Zw{name[2:]}")
    level = partial(note or "what the arguments marked unused say")
    return call(name, nt(name), None, level, args, more.pop("ret", ZERO), symbols=symbols, via=via, **more)


def nt_create(
    ctx: Any, ops: files.Ops, access: int, attributes: Attributes | None, disposition: int, options: int
) -> files.Opened:
    """NtCreateFile."""
    return files.open_file(ctx, ops, files.path_of(ctx, attributes), access, disposition, options)


def nt_open(
    ctx: Any, ops: files.Ops, access: int, attributes: Attributes | None, options: int
) -> files.Opened:
    """NtOpenFile."""
    path = files.path_of(ctx, attributes)
    return files.open_file(ctx, ops, path, access, files.Disposition.OPEN, options)


def nt_close(ctx: Any, ops: files.Ops, handle: int) -> int:
    """NtClose: a file, another object, or a pseudo handle (which is no error)."""
    if is_file(handle):
        files.close_file(ctx, ops, fd_of(handle))
    elif state(ctx).objects.pop(handle, None) is None and handle < (1 << 64) - 6:
        raise Errno(E.BADF)
    return 0


def query_directory(
    ctx: Any,
    ops: files.Ops,
    fd: int,
    buffer: int,
    length: int,
    cls: int,
    single: int,
    name: int,
    restart: int,
) -> int:
    """NtQueryDirectoryFile: bytes of records."""
    opened = opened_file(ctx, fd)
    if files.mode_of(ctx, ops, fd) != files.DIR_MODE:
        raise Errno(E.INVAL)
    text = None
    if name:
        size, address = files.unpack(ctx, name, "H6xQ")
        text = from_wide(ctx.mem.read(address, size)) if size else None
    ctx.mem.probe(buffer, length, True)
    directory.scan(ctx, ops, fd, opened, text, restart=bool(restart))
    raw = directory.fill(ctx, ops, fd, opened, cls, length, single=bool(single))
    ctx.mem.write(buffer, raw)
    return len(raw)


def query_name(ctx: Any, ops: files.Ops, attributes: Attributes | None) -> files.Facts:
    """NtQueryAttributesFile and NtQueryFullAttributesFile."""
    _, stat = files.locate(ctx, ops, files.path_of(ctx, attributes))
    if stat is None:
        raise Errno(E.NOENT)
    return files.facts(stat)


def delete_name(ctx: Any, ops: files.Ops, attributes: Attributes | None) -> int:
    """NtDeleteFile."""
    path, stat = files.locate(ctx, ops, files.path_of(ctx, attributes))
    if stat is None:
        raise Errno(E.NOENT)
    files.remove(ctx, ops, path, directory=stat.mode & files.FORMAT == files.DIR_MODE)
    return 0


def flush(ctx: Any, ops: files.Ops, fd: int) -> int:
    """NtFlushBuffersFile: pipes and consoles have nothing to flush."""
    if files.mode_of(ctx, ops, fd) not in (files.CHAR_MODE, files.FIFO_MODE, files.SOCKET_MODE):
        ops[Op.FSYNC](ctx, fd=fd, data_only=False)
    return 0


RANDOM_IOCTL = 0x39_0008  # CNG's request for random bytes


def control(ctx: Any, ops: files.Ops, fd: int, code: int, output: int, length: int) -> int:
    """NtDeviceIoControlFile: only the random generator answers."""
    if code == RANDOM_IOCTL and opened_file(ctx, fd).path == b"/dev/urandom":
        ops[Op.RANDOM](ctx, buf=ctx.mem.buffers(output, length, True))
        return length
    raise Errno(E.NOTTY)


IO = sig(FileHandle=To("fd", HANDLE), Event=SYNC, ApcRoutine=NO_APC, ApcContext=NO_APC, IoStatusBlock=Iosb())
CONTROL: dict[str, Kind] = {
    **IO, "IoControlCode": To("code", HEX32), "InputBuffer": Unused("no request needs it"),
    "InputBufferLength": Unused("no request needs it"), "OutputBuffer": To("output", POINTER),
    "OutputBufferLength": To("length", ULONG),
}  # fmt: skip
SELECT = sig(
    FileHandle=HANDLE, IoStatusBlock=RAW, FileInformation=RAW, Length=ULONG, FileInformationClass=U32
)
BOOLEAN = Int(8, signed=False)


def selector(name: str, rows: dict[int, Call]) -> Call:
    """A service whose last argument chooses the row."""
    return call(
        name, nt(name), None, partial("the classes listed"), SELECT, ZERO, by=("FileInformationClass", rows),
        otherwise=E.BAD_CLASS, symbols=(f"ntdll!{name}", f"ntdll!Zw{name[2:]}"),
    )  # fmt: skip


# fmt: off
CALLS: tuple[Call, ...] = (
    service("NtCreateFile", sig(FileHandle=OUT_HANDLE, DesiredAccess=To("access", HEX32),
        ObjectAttributes=To("attributes", OBJECT), IoStatusBlock=Iosb("information"),
        AllocationSize=Unused("files grow as written"), FileAttributes=Unused("new files are plain"),
        ShareAccess=Unused("everything is shared"), CreateDisposition=To("disposition", U32),
        CreateOptions=To("options", HEX32), EaBuffer=Unused("no extended attributes"),
        EaLength=Unused("no extended attributes")), nt_create),
    service("NtOpenFile", sig(FileHandle=OUT_HANDLE, DesiredAccess=To("access", HEX32),
        ObjectAttributes=To("attributes", OBJECT), IoStatusBlock=Iosb("information"),
        ShareAccess=Unused("everything is shared"), OpenOptions=To("options", HEX32)), nt_open),
    service("NtReadFile", sig(**IO, Buffer=To("buf", OutBytes("Length")), Length=LENGTH32,
        ByteOffset=To("offset", OFFSET_OPT), Key=Unused("byte-range locks")), files.read_file),
    service("NtWriteFile", sig(**IO, Buffer=To("buf", InBytes("Length")), Length=LENGTH32,
        ByteOffset=To("offset", OFFSET_OPT), Key=Unused("byte-range locks")), files.write_file),
    service("NtClose", sig(Handle=To("handle", RAW)), nt_close, "no close protection"),
    service("NtFlushBuffersFile", sig(FileHandle=To("fd", HANDLE), IoStatusBlock=Iosb()), flush,
        "waits for the disk"),
    service("NtQueryDirectoryFile", sig(**IO, FileInformation=To("buffer", POINTER),
        Length=To("length", ULONG), FileInformationClass=To("cls", U32),
        ReturnSingleEntry=To("single", BOOLEAN), FileName=To("name", POINTER),
        RestartScan=To("restart", BOOLEAN)), query_directory, "classes 1, 2, 3, 12, 37, 38"),
    service("NtQueryAttributesFile", sig(ObjectAttributes=To("attributes", OBJECT),
        FileInformation=OutStruct(la.FILE_BASIC)), query_name, "no file system specifics"),
    service("NtQueryFullAttributesFile", sig(ObjectAttributes=To("attributes", OBJECT),
        FileInformation=OutStruct(la.FILE_NETWORK_OPEN)), query_name, "no file system specifics"),
    service("NtDeleteFile", sig(ObjectAttributes=To("attributes", OBJECT)), delete_name, "deletes at once"),
    service("NtDeviceIoControlFile", CONTROL, control, "the random generator only"),
    service("NtFsControlFile", CONTROL, control, "no file system control"),
    selector("NtQueryInformationFile", info_file.QUERY_FILE),
    selector("NtSetInformationFile", info_file.SET_FILE),
    selector("NtQueryVolumeInformationFile", info_file.QUERY_VOLUME),
)
# fmt: on
