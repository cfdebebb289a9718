"""Linux error numbers. From include/uapi/asm-generic/errno-base.h and errno.h; the same on both columns."""

from __future__ import annotations

from aot.personality.abi.errors import E, error_table

# fmt: off
EXACT = {
    E.PERM: 1, E.NOENT: 2, E.SRCH: 3, E.INTR: 4, E.IO: 5, E.NXIO: 6, E.TOOBIG: 7, E.NOEXEC: 8, E.BADF: 9,
    E.CHILD: 10, E.AGAIN: 11, E.NOMEM: 12, E.ACCES: 13, E.FAULT: 14, E.NOTBLK: 15, E.BUSY: 16,
    E.EXIST: 17, E.XDEV: 18, E.NODEV: 19, E.NOTDIR: 20, E.ISDIR: 21, E.INVAL: 22, E.NFILE: 23,
    E.MFILE: 24, E.NOTTY: 25, E.TXTBSY: 26, E.FBIG: 27, E.NOSPC: 28, E.SPIPE: 29, E.ROFS: 30,
    E.MLINK: 31, E.PIPE: 32, E.DOM: 33, E.RANGE: 34, E.DEADLK: 35, E.NAMETOOLONG: 36, E.NOLCK: 37,
    E.NOSYS: 38, E.NOTEMPTY: 39, E.LOOP: 40, E.NOMSG: 42, E.IDRM: 43, E.NODATA: 61, E.TIME: 62,
    E.NOLINK: 67, E.PROTO: 71, E.BADMSG: 74, E.OVERFLOW: 75, E.ILSEQ: 84, E.USERS: 87, E.NOTSOCK: 88,
    E.DESTADDRREQ: 89, E.MSGSIZE: 90, E.PROTOTYPE: 91, E.NOPROTOOPT: 92, E.PROTONOSUPPORT: 93,
    E.SOCKTNOSUPPORT: 94, E.OPNOTSUPP: 95, E.PFNOSUPPORT: 96, E.AFNOSUPPORT: 97, E.ADDRINUSE: 98,
    E.ADDRNOTAVAIL: 99, E.NETDOWN: 100, E.NETUNREACH: 101, E.NETRESET: 102, E.CONNABORTED: 103,
    E.CONNRESET: 104, E.NOBUFS: 105, E.ISCONN: 106, E.NOTCONN: 107, E.SHUTDOWN: 108, E.TOOMANYREFS: 109,
    E.TIMEDOUT: 110, E.CONNREFUSED: 111, E.HOSTDOWN: 112, E.HOSTUNREACH: 113, E.ALREADY: 114,
    E.INPROGRESS: 115, E.STALE: 116, E.DQUOT: 122, E.CANCELED: 125, E.OWNERDEAD: 130,
    E.NOTRECOVERABLE: 131,
}
APPROX = {
    E.NOTSUP: (95, "the same number as EOPNOTSUPP"),
    E.EOF: (61, "a read answers 0 instead"),
    E.NOT_FOUND_PATH: (2, "one error for every missing component"),
    E.NOT_MAPPED: (22, "mapping conflicts are EINVAL"),
    E.NO_PROC: (2, "no loader calls"),
    E.NO_MODULE: (2, "no loader calls"),
    E.BUFFER_SMALL: (34, "getcwd and friends answer ERANGE"),
    E.SHARING: (26, "nearest: text file busy"),
    E.BAD_TYPE: (22, "descriptors are not typed"),
}
# fmt: on

ERRORS = error_table(EXACT, APPROX)
_SPELLED = {E.TOOBIG: "E2BIG"}
NAMES = {number: _SPELLED.get(e, f"E{e.name}") for e, number in EXACT.items()}
