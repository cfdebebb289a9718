"""struct tm of a POSIX C runtime: its first nine ints, and the time zone behind them."""

from __future__ import annotations

import struct
import time

from aot.personality.abi.errors import E, Errno

FIELDS = struct.Struct("<9i")
LIMIT = 1 << 40  # seconds; time.gmtime goes no further


def broken_down(seconds: int) -> bytes:
    """The nine ints for a time in UTC. Raises OVERFLOW."""
    if not -LIMIT < seconds < LIMIT:
        raise Errno(E.OVERFLOW)
    try:
        t = time.gmtime(seconds)
    except (OverflowError, ValueError, OSError):
        raise Errno(E.OVERFLOW) from None
    fields = (t.tm_sec, t.tm_min, t.tm_hour, t.tm_mday, t.tm_mon - 1, t.tm_year - 1900)
    return FIELDS.pack(*fields, (t.tm_wday + 1) % 7, t.tm_yday - 1, 0)


def calendar(raw: bytes) -> time.struct_time:
    """What Python formats."""
    sec, minute, hour, day, month, year, wday, yday, _ = FIELDS.unpack(raw)
    return time.struct_time((year + 1900, month + 1, day, hour, minute, sec, (wday - 1) % 7, yday + 1, 0))


def _days(year: int, month: int) -> int:
    """Days from 1970-01-01 to the first of a month (0..11)."""
    year -= month < 2
    day_of_year = (153 * ((month - 2) % 12) + 2) // 5
    return 365 * year + year // 4 - year // 100 + year // 400 + day_of_year - 719_468


def seconds(raw: bytes) -> int:
    """The time of the nine ints in UTC; fields out of range are carried over."""
    sec, minute, hour, day, month, year = (int(f) for f in FIELDS.unpack(raw)[:6])
    year, month = year + 1900 + month // 12, month % 12
    return ((_days(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + sec
