"""NetBSD's error numbers. From: sys/sys/errno.h, NetBSD 10."""

from __future__ import annotations

from aot.personality.abi.errors import E, error_table
from aot.personality.bsd.errors import COMMON, NT_ERRORS, names_of

EXACT: dict[E, int] = COMMON | {
    E.IDRM: 82, E.NOMSG: 83, E.OVERFLOW: 84, E.ILSEQ: 85, E.NOTSUP: 86, E.CANCELED: 87, E.BADMSG: 88,
    E.NODATA: 89, E.TIME: 92, E.NOLINK: 95, E.PROTO: 96, E.OWNERDEAD: 97, E.NOTRECOVERABLE: 98,
}  # fmt: skip

ERRORS = error_table(EXACT, NT_ERRORS)
NAMES = names_of(EXACT) | {93: "ENOATTR"}
