"""The ioctls of the BSDs: terminal modes and the FIO* group.

From: sys/sys/_termios.h or termios.h, ttycom.h, filio.h. Neutral modes are Linux's.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, ZERO, Call, call, partial, sig
from aot.personality.abi.kinds import FD, InInt, InStruct, Kind, OutInt, OutStruct, To, Unused
from aot.personality.abi.neutral import Termios, Winsize
from aot.personality.abi.op import Op
from aot.personality.bsd import layouts as la
from aot.personality.bsd.vias import set_nonblock
from aot.personality.bsd.words import OutAs
from aot.record import replace

Pairs = tuple[tuple[int, int], ...]

# (BSD, neutral), each group in the order of sys/_termios.h
IFLAG: Pairs = (
    (0x1, 0o1), (0x2, 0o2), (0x4, 0o4), (0x8, 0o10), (0x10, 0o20), (0x20, 0o40), (0x40, 0o100), (0x80, 0o200),
    (0x100, 0o400), (0x200, 0o2000), (0x400, 0o10000), (0x800, 0o4000), (0x2000, 0o20000),
)  # fmt: skip
OFLAG: Pairs = ((0x1, 0o1), (0x2, 0o4), (0x10, 0o10), (0x20, 0o20), (0x40, 0o40))
OFLAG_OPENBSD: Pairs = ((0x1, 0o1), (0x2, 0o4), (0x10, 0o10), (0x20, 0o2), (0x40, 0o20), (0x80, 0o40))
CFLAG: Pairs = (
    (0x100, 0o20), (0x200, 0o40), (0x400, 0o100), (0x800, 0o200), (0x1000, 0o400), (0x2000, 0o1000),
    (0x4000, 0o2000), (0x8000, 0o4000),
)  # fmt: skip
LFLAG: Pairs = (
    (0x1, 0o4000), (0x2, 0o20), (0x4, 0o40), (0x8, 0o10), (0x10, 0o100), (0x20, 0o2000), (0x40, 0o1000),
    (0x80, 0o1), (0x100, 0o2), (0x400, 0o100000), (0x400000, 0o400), (0x80000000, 0o200),
)  # fmt: skip
CC = {
    0: 4,
    1: 11,
    2: 16,
    3: 2,
    4: 14,
    5: 3,
    6: 12,
    8: 0,
    9: 1,
    10: 10,
    12: 8,
    13: 9,
    14: 15,
    15: 13,
    16: 6,
    17: 5,
}
"""Index in a BSD's c_cc -> index in the neutral one."""
DISABLED = 0xFF
CS = (0x300, 0o60)


def _swap(value: int, pairs: Pairs, *, back: bool = False) -> int:
    return sum(ours if back else theirs for ours, theirs in pairs if value & (theirs if back else ours))


def _show_cc(cc: bytes) -> bytes:
    own = bytearray([DISABLED] * 20)
    for ours, theirs in CC.items():
        if theirs < len(cc):
            own[ours] = cc[theirs] if cc[theirs] or theirs in (5, 6) else DISABLED
    return bytes(own)


def _read_cc(cc: bytes) -> bytes:
    own = bytearray(19)
    for ours, theirs in CC.items():
        own[theirs] = 0 if cc[ours] == DISABLED else cc[ours]
    return bytes(own)


def modes_out(output: Pairs) -> OutAs:
    """Neutral terminal modes as a BSD with these output flags spells them."""

    def show(modes: Termios) -> Termios:
        return replace(
            modes,
            iflag=_swap(modes.iflag, IFLAG, back=True),
            oflag=_swap(modes.oflag, output, back=True),
            cflag=_swap(modes.cflag, CFLAG, back=True),
            lflag=_swap(modes.lflag, LFLAG, back=True),
            cc=_show_cc(modes.cc),
        )

    return OutAs(la.TERMIOS, show)


def modes_in(output: Pairs) -> InStruct:
    """Neutral terminal modes from a BSD's."""

    def read(iflag: int, oflag: int, cflag: int, lflag: int, cc: bytes) -> Termios:
        own = _swap(cflag, CFLAG) | 0o15
        return Termios(_swap(iflag, IFLAG), _swap(oflag, output), own, _swap(lflag, LFLAG), 0, _read_cc(cc))

    return InStruct(la.TERMIOS, read)


COM = Unused("selector")


def _io(name: str, op: Op | None, data: Kind, **fixed: object) -> Call:
    via = fixed.pop("via", None)
    if via is not None:
        return call(name, None, None, FULL, sig(fd=FD, com=COM, data=data), ZERO, via=via)  # type: ignore[arg-type]
    return call(name, None, op, FULL, sig(fd=FD, com=COM, data=data), ZERO, **fixed)  # type: ignore[arg-type]


def _set(name: str, when: int, modes: InStruct) -> Call:
    return call(name, None, Op.TTY_SETATTR, partial("speeds are kept"),
                sig(fd=FD, com=COM, data=To("modes", modes)), ZERO, when=when)  # fmt: skip


def ioctls(output: Pairs) -> dict[int, Call]:
    """The rows of ioctl(2), by request."""
    modes = modes_in(output)
    return {
        0x402C7413: _io("TIOCGETA", Op.TTY_GETATTR, modes_out(output)),
        0x802C7414: _set("TIOCSETA", 0, modes),
        0x802C7415: _set("TIOCSETAW", 1, modes),
        0x802C7416: _set("TIOCSETAF", 2, modes),
        0x40087468: _io("TIOCGWINSZ", Op.TTY_GETSIZE, OutStruct(la.WINSIZE)),
        0x80087467: _io("TIOCSWINSZ", Op.TTY_SETSIZE, To("size", InStruct(la.WINSIZE, Winsize))),
        0x40047477: _io("TIOCGPGRP", Op.TTY_GETPGRP, OutInt(32)),
        0x4004667F: _io("FIONREAD", Op.FIONREAD, OutInt(32)),
        0x8004667E: _io("FIONBIO", None, To("on", InInt(32)), via=set_nonblock),
        0x20006601: _io("FIOCLEX", Op.FCNTL_SETFD, Unused("none"), cloexec=True),
        0x20006602: _io("FIONCLEX", Op.FCNTL_SETFD, Unused("none"), cloexec=False),
    }
