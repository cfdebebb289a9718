"""Error numbers of the BSDs. From: sys/sys/errno.h of FreeBSD 14, NetBSD 10 and OpenBSD 7, equal up to 81."""

from __future__ import annotations

from collections.abc import Mapping

from aot.personality.abi.errors import E

COMMON: dict[E, int] = {
    E.PERM: 1, E.NOENT: 2, E.SRCH: 3, E.INTR: 4, E.IO: 5, E.NXIO: 6, E.TOOBIG: 7, E.NOEXEC: 8, E.BADF: 9,
    E.CHILD: 10, E.DEADLK: 11, E.NOMEM: 12, E.ACCES: 13, E.FAULT: 14, E.NOTBLK: 15, E.BUSY: 16, E.EXIST: 17,
    E.XDEV: 18, E.NODEV: 19, E.NOTDIR: 20, E.ISDIR: 21, E.INVAL: 22, E.NFILE: 23, E.MFILE: 24, E.NOTTY: 25,
    E.TXTBSY: 26, E.FBIG: 27, E.NOSPC: 28, E.SPIPE: 29, E.ROFS: 30, E.MLINK: 31, E.PIPE: 32, E.DOM: 33,
    E.RANGE: 34, E.AGAIN: 35, E.INPROGRESS: 36, E.ALREADY: 37, E.NOTSOCK: 38, E.DESTADDRREQ: 39,
    E.MSGSIZE: 40, E.PROTOTYPE: 41, E.NOPROTOOPT: 42, E.PROTONOSUPPORT: 43, E.SOCKTNOSUPPORT: 44,
    E.OPNOTSUPP: 45, E.PFNOSUPPORT: 46, E.AFNOSUPPORT: 47, E.ADDRINUSE: 48, E.ADDRNOTAVAIL: 49,
    E.NETDOWN: 50, E.NETUNREACH: 51, E.NETRESET: 52, E.CONNABORTED: 53, E.CONNRESET: 54, E.NOBUFS: 55,
    E.ISCONN: 56, E.NOTCONN: 57, E.SHUTDOWN: 58, E.TOOMANYREFS: 59, E.TIMEDOUT: 60, E.CONNREFUSED: 61,
    E.LOOP: 62, E.NAMETOOLONG: 63, E.HOSTDOWN: 64, E.HOSTUNREACH: 65, E.NOTEMPTY: 66, E.USERS: 68,
    E.DQUOT: 69, E.STALE: 70, E.NOLCK: 77, E.NOSYS: 78,
}  # fmt: skip

NT_ERRORS: dict[E, tuple[int, str]] = {
    E.EOF: (5, "only NT reports the end of a file as an error"),
    E.NOT_FOUND_PATH: (2, "only NT distinguishes the missing component"),
    E.NOT_MAPPED: (22, "NT only"),
    E.NO_PROC: (2, "NT only"),
    E.NO_MODULE: (2, "NT only"),
    E.BUFFER_SMALL: (34, "NT only"),
    E.SHARING: (16, "NT only"),
    E.BAD_TYPE: (22, "NT only"),
}
"""What only NT distinguishes, as every BSD would say it."""

_SPELLING = {E.TOOBIG: "E2BIG"}


def names_of(exact: Mapping[E, int]) -> dict[int, str]:
    """The systems' own names; the first error with a number names it."""
    names: dict[int, str] = {}
    for error, number in exact.items():
        names.setdefault(number, _SPELLING.get(error, f"E{error.name}"))
    return names
