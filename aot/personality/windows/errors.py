"""Windows' error numbers: NTSTATUS for services, Win32 errors and errno for the libraries.

From: ntstatus.h, winerror.h and errno.h of mingw-w64; the NTSTATUS -> Win32 pairs are what
RtlNtStatusToDosError answers.
"""

from __future__ import annotations

from aot.personality.abi.errors import E, error_table

# fmt: off
#        neutral           NTSTATUS    its name                              Win32  errno
_ROWS = (
    (E.PERM,             0xC0000022, "STATUS_ACCESS_DENIED",                     5,  1),
    (E.NOENT,            0xC0000034, "STATUS_OBJECT_NAME_NOT_FOUND",             2,  2),
    (E.SRCH,             0xC000000B, "STATUS_INVALID_CID",                      87,  3),
    (E.INTR,             0xC0000120, "STATUS_CANCELLED",                       995,  4),
    (E.IO,               0xC0000185, "STATUS_IO_DEVICE_ERROR",                1117,  5),
    (E.NXIO,             0xC000000E, "STATUS_NO_SUCH_DEVICE",                    2,  6),
    (E.TOOBIG,           0xC0000106, "STATUS_NAME_TOO_LONG",                   206,  7),
    (E.NOEXEC,           0xC000007B, "STATUS_INVALID_IMAGE_FORMAT",            193,  8),
    (E.BADF,             0xC0000008, "STATUS_INVALID_HANDLE",                    6,  9),
    (E.CHILD,            0xC000000B, "STATUS_INVALID_CID",                      87, 10),
    (E.AGAIN,            0xC00000D8, "STATUS_CANT_WAIT",                       170, 11),
    (E.NOMEM,            0xC0000017, "STATUS_NO_MEMORY",                         8, 12),
    (E.ACCES,            0xC0000022, "STATUS_ACCESS_DENIED",                     5, 13),
    (E.FAULT,            0xC0000005, "STATUS_ACCESS_VIOLATION",                998, 14),
    (E.NOTBLK,           0xC0000010, "STATUS_INVALID_DEVICE_REQUEST",            1, 22),
    (E.BUSY,             0xC0000043, "STATUS_SHARING_VIOLATION",                32, 16),
    (E.EXIST,            0xC0000035, "STATUS_OBJECT_NAME_COLLISION",           183, 17),
    (E.XDEV,             0xC00000D4, "STATUS_NOT_SAME_DEVICE",                  17, 18),
    (E.NODEV,            0xC000000E, "STATUS_NO_SUCH_DEVICE",                    2, 19),
    (E.NOTDIR,           0xC0000103, "STATUS_NOT_A_DIRECTORY",                 267, 20),
    (E.ISDIR,            0xC00000BA, "STATUS_FILE_IS_A_DIRECTORY",               5, 21),
    (E.INVAL,            0xC000000D, "STATUS_INVALID_PARAMETER",                87, 22),
    (E.NFILE,            0xC000011F, "STATUS_TOO_MANY_OPENED_FILES",             4, 23),
    (E.MFILE,            0xC000011F, "STATUS_TOO_MANY_OPENED_FILES",             4, 24),
    (E.NOTTY,            0xC0000010, "STATUS_INVALID_DEVICE_REQUEST",            1, 25),
    (E.TXTBSY,           0xC0000043, "STATUS_SHARING_VIOLATION",                32, 13),
    (E.FBIG,             0xC0000904, "STATUS_FILE_TOO_LARGE",                  223, 27),
    (E.NOSPC,            0xC000007F, "STATUS_DISK_FULL",                       112, 28),
    (E.SPIPE,            0xC0000010, "STATUS_INVALID_DEVICE_REQUEST",            1, 29),
    (E.ROFS,             0xC00000A2, "STATUS_MEDIA_WRITE_PROTECTED",            19, 30),
    (E.MLINK,            0xC0000265, "STATUS_TOO_MANY_LINKS",                 1142, 31),
    (E.PIPE,             0xC000014B, "STATUS_PIPE_BROKEN",                     109, 32),
    (E.DOM,              0xC000000D, "STATUS_INVALID_PARAMETER",                87, 33),
    (E.RANGE,            0xC000008C, "STATUS_ARRAY_BOUNDS_EXCEEDED",           534, 34),
    (E.DEADLK,           0xC0000194, "STATUS_POSSIBLE_DEADLOCK",              1131, 36),
    (E.NAMETOOLONG,      0xC0000106, "STATUS_NAME_TOO_LONG",                   206, 38),
    (E.NOLCK,            0xC0000055, "STATUS_LOCK_NOT_GRANTED",                 33, 39),
    (E.NOSYS,            0xC000001C, "STATUS_INVALID_SYSTEM_SERVICE",            1, 40),
    (E.NOTEMPTY,         0xC0000101, "STATUS_DIRECTORY_NOT_EMPTY",             145, 41),
    (E.LOOP,             0x8000002D, "STATUS_STOPPED_ON_SYMLINK",              681, 114),
    (E.NODATA,           0xC0000225, "STATUS_NOT_FOUND",                      1168, 120),
    (E.TIME,             0xC00000B5, "STATUS_IO_TIMEOUT",                      121, 137),
    (E.PROTO,            0xC0000013, "STATUS_NO_MEDIA_IN_DEVICE",               21, 134),
    (E.OVERFLOW,         0xC0000095, "STATUS_INTEGER_OVERFLOW",                534, 132),
    (E.ILSEQ,            0xC0000162, "STATUS_UNMAPPABLE_CHARACTER",           1113, 42),
    (E.NOTSOCK,          0xC0000024, "STATUS_OBJECT_TYPE_MISMATCH",              6, 128),
    (E.MSGSIZE,          0x80000005, "STATUS_BUFFER_OVERFLOW",                 234, 115),
    (E.OPNOTSUPP,        0xC00000BB, "STATUS_NOT_SUPPORTED",                    50, 130),
    (E.ADDRINUSE,        0xC000020A, "STATUS_ADDRESS_ALREADY_EXISTS",         1227, 100),
    (E.CONNABORTED,      0xC0000241, "STATUS_CONNECTION_ABORTED",             1236, 106),
    (E.CONNRESET,        0xC000020D, "STATUS_CONNECTION_RESET",                 64, 108),
    (E.CONNREFUSED,      0xC0000236, "STATUS_CONNECTION_REFUSED",             1225, 107),
    (E.NOBUFS,           0xC000009A, "STATUS_INSUFFICIENT_RESOURCES",         1450, 119),
    (E.NOTCONN,          0xC000020C, "STATUS_CONNECTION_DISCONNECTED",          64, 126),
    (E.SHUTDOWN,         0xC000014B, "STATUS_PIPE_BROKEN",                     109, 32),
    (E.NETUNREACH,       0xC000023C, "STATUS_NETWORK_UNREACHABLE",            1231, 118),
    (E.HOSTUNREACH,      0xC000023D, "STATUS_HOST_UNREACHABLE",               1232, 110),
    (E.TIMEDOUT,         0x00000102, "STATUS_TIMEOUT",                        1460, 138),
    (E.INPROGRESS,       0x00000103, "STATUS_PENDING",                         997, 112),
    (E.CANCELED,         0xC0000120, "STATUS_CANCELLED",                       995, 105),
    (E.NOTSUP,           0xC00000BB, "STATUS_NOT_SUPPORTED",                    50, 129),
    (E.EOF,              0xC0000011, "STATUS_END_OF_FILE",                      38,  0),
    (E.NOT_FOUND_PATH,   0xC000003A, "STATUS_OBJECT_PATH_NOT_FOUND",             3,  2),
    (E.NOT_MAPPED,       0xC0000018, "STATUS_CONFLICTING_ADDRESSES",           487, 12),
    (E.NO_PROC,          0xC000007A, "STATUS_PROCEDURE_NOT_FOUND",             127, 22),
    (E.NO_MODULE,        0xC0000135, "STATUS_DLL_NOT_FOUND",                   126,  2),
    (E.BUFFER_SMALL,     0xC0000023, "STATUS_BUFFER_TOO_SMALL",                122, 34),
    (E.SHARING,          0xC0000043, "STATUS_SHARING_VIOLATION",                32, 13),
    (E.BAD_TYPE,         0xC0000024, "STATUS_OBJECT_TYPE_MISMATCH",              6, 22),
    (E.BAD_CLASS,        0xC0000003, "STATUS_INVALID_INFO_CLASS",               87, 22),
    (E.BAD_LENGTH,       0xC0000004, "STATUS_INFO_LENGTH_MISMATCH",             24, 22),
    (E.NO_FILES,         0x80000006, "STATUS_NO_MORE_FILES",                    18,  2),
    (E.BAD_NAME,         0xC0000033, "STATUS_OBJECT_NAME_INVALID",             123, 22),
    (E.BAD_PATH,         0xC000003B, "STATUS_OBJECT_PATH_SYNTAX_BAD",          161, 22),
    (E.MISALIGNED,       0x80000002, "STATUS_DATATYPE_MISALIGNMENT",           998, 22),
    (E.UNCOMMITTED,      0xC000002D, "STATUS_NOT_COMMITTED",                   487, 12),
    (E.NOT_AT_BASE,      0xC000009F, "STATUS_FREE_VM_NOT_AT_BASE",             487, 22),
)

# names only a status can say: not raised by ops, returned by rows
_OTHERS = (
    (0x00000000, "STATUS_SUCCESS",                   0),
    (0x00000105, "STATUS_MORE_ENTRIES",            234),
    (0x00000104, "STATUS_REPARSE",                 299),
    (0x40000000, "STATUS_OBJECT_NAME_EXISTS",      698),
    (0x40000003, "STATUS_IMAGE_NOT_AT_BASE",       700),
    (0x80000001, "STATUS_GUARD_PAGE_VIOLATION", 0x80000001),
    (0x80000003, "STATUS_BREAKPOINT",       0x80000003),
    (0x8000001A, "STATUS_NO_MORE_ENTRIES",         259),
    (0xC0000001, "STATUS_UNSUCCESSFUL",             31),
    (0xC0000002, "STATUS_NOT_IMPLEMENTED",           1),
    (0xC000000F, "STATUS_NO_SUCH_FILE",              2),
    (0xC000001A, "STATUS_UNABLE_TO_FREE_VM",        87),
    (0xC000001B, "STATUS_UNABLE_TO_DELETE_SECTION", 87),
    (0xC0000039, "STATUS_OBJECT_PATH_INVALID",     161),
    (0xC0000045, "STATUS_INVALID_PAGE_PROTECTION",  87),
    (0xC0000046, "STATUS_MUTANT_NOT_OWNED",        288),
    (0xC0000056, "STATUS_DELETE_PENDING",          303),
    (0xC000001F, "STATUS_INVALID_VIEW_SIZE",         5),
    (0xC000009C, "STATUS_DEVICE_DATA_ERROR",        23),
    (0xC00000A0, "STATUS_MEMORY_NOT_ALLOCATED",    487),
    (0xC00000F0, "STATUS_INVALID_PARAMETER_2",      87),
    (0xC00000F1, "STATUS_INVALID_PARAMETER_3",      87),
    (0xC00000F2, "STATUS_INVALID_PARAMETER_4",      87),
    (0xC0000139, "STATUS_ENTRYPOINT_NOT_FOUND",    127),
    (0xC0000138, "STATUS_ORDINAL_NOT_FOUND",       182),
    (0xC00000FD, "STATUS_STACK_OVERFLOW",         1001),
    (0xC0000409, "STATUS_STACK_BUFFER_OVERRUN",   1282),
)
# fmt: on

_WHY = "Windows has no such error; the nearest status"
_MAIN = {e: (status, win32, errno) for e, status, _, win32, errno in _ROWS}

ERRORS = error_table(
    {e: status for e, status, *_ in _ROWS},
    {e: (0xC0000001, _WHY) for e in E if e not in _MAIN},
)
NAMES: dict[int, str] = {number: name for number, name, _ in _OTHERS} | {
    status: name for _, status, name, _, _ in _ROWS
}
STATUS: dict[str, int] = {name: number for number, name in NAMES.items()}

_WIN32 = {number: win32 for number, _, win32 in _OTHERS} | {
    status: win32 for _, status, _, win32, _ in reversed(_ROWS)
}
_ERRNO = {status: errno for _, status, _, _, errno in reversed(_ROWS)}
_OF_E = {e: errno for e, _, _, _, errno in _ROWS}

ERROR_MR_MID_NOT_FOUND = 317
EINVAL = 22


def win32_of(status: int) -> int:
    """What RtlNtStatusToDosError answers for `status`."""
    return _WIN32.get(status & 0xFFFF_FFFF, ERROR_MR_MID_NOT_FOUND)


def errno_of(status: int) -> int:
    """The C runtime's errno for a status."""
    return _ERRNO.get(status & 0xFFFF_FFFF, EINVAL)


def errno_of_neutral(code: E) -> int:
    """The C runtime's errno for a neutral error."""
    return _OF_E.get(code, EINVAL)
