"""OpenBSD's error numbers. From: sys/sys/errno.h, OpenBSD 7."""

from __future__ import annotations

from aot.personality.abi.errors import E, error_table
from aot.personality.bsd.errors import COMMON, NT_ERRORS, names_of

EXACT: dict[E, int] = COMMON | {
    E.ILSEQ: 84, E.OVERFLOW: 87, E.CANCELED: 88, E.IDRM: 89, E.NOMSG: 90, E.NOTSUP: 91, E.BADMSG: 92,
    E.NOTRECOVERABLE: 93, E.OWNERDEAD: 94, E.PROTO: 95,
}  # fmt: skip

APPROX: dict[E, tuple[int, str]] = NT_ERRORS | {
    E.NODATA: (83, "ENOATTR is what a missing attribute gives"),
    E.TIME: (60, "no STREAMS timers: ETIMEDOUT"),
    E.NOLINK: (22, "no remote links"),
}

ERRORS = error_table(EXACT, APPROX)
NAMES = names_of(EXACT) | {83: "ENOATTR"}
