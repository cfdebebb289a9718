"""The neutral error vocabulary: ops raise it, personalities translate it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class E(Enum):
    """Neutral error names (POSIX spelling without the leading E, then what only NT has).

    Values are the meaning in words; only personalities have ABI numbers.
    """

    PERM = "operation not permitted"
    NOENT = "no such file or directory"
    SRCH = "no such process"
    INTR = "interrupted"
    IO = "input/output error"
    NXIO = "no such device or address"
    TOOBIG = "argument list too long"
    NOEXEC = "exec format error"
    BADF = "bad file descriptor"
    CHILD = "no child processes"
    AGAIN = "resource temporarily unavailable"
    NOMEM = "cannot allocate memory"
    ACCES = "permission denied"
    FAULT = "bad address"
    NOTBLK = "block device required"
    BUSY = "device or resource busy"
    EXIST = "file exists"
    XDEV = "invalid cross-device link"
    NODEV = "no such device"
    NOTDIR = "not a directory"
    ISDIR = "is a directory"
    INVAL = "invalid argument"
    NFILE = "too many open files in system"
    MFILE = "too many open files"
    NOTTY = "inappropriate ioctl for device"
    TXTBSY = "text file busy"
    FBIG = "file too large"
    NOSPC = "no space left on device"
    SPIPE = "illegal seek"
    ROFS = "read-only file system"
    MLINK = "too many links"
    PIPE = "broken pipe"
    DOM = "numerical argument out of domain"
    RANGE = "numerical result out of range"
    DEADLK = "resource deadlock avoided"
    NAMETOOLONG = "file name too long"
    NOLCK = "no locks available"
    NOSYS = "function not implemented"
    NOTEMPTY = "directory not empty"
    LOOP = "too many levels of symbolic links"
    NOMSG = "no message of desired type"
    IDRM = "identifier removed"
    NODATA = "no data available"
    TIME = "timer expired"
    NOLINK = "link has been severed"
    PROTO = "protocol error"
    BADMSG = "bad message"
    OVERFLOW = "value too large for defined data type"
    ILSEQ = "invalid byte sequence"
    USERS = "too many users"
    NOTSOCK = "socket operation on non-socket"
    DESTADDRREQ = "destination address required"
    MSGSIZE = "message too long"
    PROTOTYPE = "protocol wrong type for socket"
    NOPROTOOPT = "protocol not available"
    PROTONOSUPPORT = "protocol not supported"
    SOCKTNOSUPPORT = "socket type not supported"
    OPNOTSUPP = "operation not supported"
    PFNOSUPPORT = "protocol family not supported"
    AFNOSUPPORT = "address family not supported"
    ADDRINUSE = "address already in use"
    ADDRNOTAVAIL = "cannot assign requested address"
    NETDOWN = "network is down"
    NETUNREACH = "network is unreachable"
    NETRESET = "network dropped connection on reset"
    CONNABORTED = "software caused connection abort"
    CONNRESET = "connection reset by peer"
    NOBUFS = "no buffer space available"
    ISCONN = "transport endpoint is already connected"
    NOTCONN = "transport endpoint is not connected"
    SHUTDOWN = "cannot send after transport endpoint shutdown"
    TOOMANYREFS = "too many references"
    TIMEDOUT = "timed out"
    CONNREFUSED = "connection refused"
    HOSTDOWN = "host is down"
    HOSTUNREACH = "no route to host"
    ALREADY = "operation already in progress"
    INPROGRESS = "operation now in progress"
    STALE = "stale file handle"
    DQUOT = "disk quota exceeded"
    CANCELED = "operation canceled"
    OWNERDEAD = "owner died"
    NOTRECOVERABLE = "state not recoverable"
    NOTSUP = "not supported"
    # what only NT distinguishes
    EOF = "end of file"
    NOT_FOUND_PATH = "path component not found"
    NOT_MAPPED = "conflicting or missing mapping"
    NO_PROC = "procedure not found"
    NO_MODULE = "module not found"
    BUFFER_SMALL = "buffer too small"
    SHARING = "sharing violation"
    BAD_TYPE = "object type mismatch"
    BAD_CLASS = "no such information class"
    BAD_LENGTH = "length does not fit the information class"
    NO_FILES = "no more files"
    BAD_NAME = "malformed object name"
    BAD_PATH = "malformed object path"
    MISALIGNED = "data type misalignment"
    UNCOMMITTED = "reserved but not committed"
    NOT_AT_BASE = "not the base of an allocation"


class Errno(Exception):
    """Raised by a kernel op or an argument kind; becomes the guest's error at the boundary."""

    __slots__ = ("code",)

    def __init__(self, code: E) -> None:
        super().__init__(code.name)
        self.code = code


NT_ONLY = frozenset(
    {
        E.BAD_CLASS,
        E.BAD_LENGTH,
        E.NO_FILES,
        E.BAD_NAME,
        E.BAD_PATH,
        E.MISALIGNED,
        E.UNCOMMITTED,
        E.NOT_AT_BASE,
    }
)
"""Errors that only rows of the NT family raise: a table that does not list them answers INVAL."""


class ErrorTableError(Exception):
    """An error table is not total over E, or maps a name twice."""


def error_table(exact: Mapping[E, int], approx: Mapping[E, tuple[int, str]]) -> dict[E, int]:
    """A total map E -> ABI number.

    `approx` lists names the system does not have: (nearest number, why). Raises ErrorTableError
    when a name of E is missing or listed in both; names of NT_ONLY may be missing.
    """
    both = exact.keys() & approx.keys()
    missing = [e.name for e in E if e not in exact and e not in approx and e not in NT_ONLY]
    if both or missing:
        raise ErrorTableError(f"twice: {sorted(e.name for e in both)}, missing: {missing}")
    # defaults first: a reverse map then names INVAL's number INVAL
    return {
        **dict.fromkeys(NT_ONLY, exact.get(E.INVAL, 0)),
        **exact,
        **{e: number for e, (number, _) in approx.items()},
    }
