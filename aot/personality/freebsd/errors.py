"""FreeBSD's error numbers. From: sys/sys/errno.h, FreeBSD 14."""

from __future__ import annotations

from aot.personality.abi.errors import E, error_table
from aot.personality.bsd.errors import COMMON, NT_ERRORS, names_of

EXACT: dict[E, int] = COMMON | {
    E.NOTSUP: 45,  # ENOTSUP is EOPNOTSUPP
    E.IDRM: 82, E.NOMSG: 83, E.OVERFLOW: 84, E.CANCELED: 85, E.ILSEQ: 86, E.BADMSG: 89, E.NOLINK: 91,
    E.PROTO: 92, E.NOTRECOVERABLE: 95, E.OWNERDEAD: 96,
}  # fmt: skip

APPROX: dict[E, tuple[int, str]] = NT_ERRORS | {
    E.NODATA: (87, "ENOATTR is what a missing attribute gives"),
    E.TIME: (60, "no STREAMS timers: ETIMEDOUT"),
}

ERRORS = error_table(EXACT, APPROX)
NAMES = names_of(EXACT) | {87: "ENOATTR"}
