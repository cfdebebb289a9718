"""Native calls on files beyond reading, writing and naming: locks, status words, attributes."""

from __future__ import annotations

from aot.personality.abi.call import ZERO, sig
from aot.personality.abi.kinds import FD, S32, U32, U64, OutStruct
from aot.personality.abi.op import Op
from aot.personality.native import layouts_files as la
from aot.personality.native.flags import BOOL
from aot.personality.native.rows import row

# fmt: off
LOCKS = (
    row(Op.RECORD_LOCK,     sig(fd=FD, lock=la.IN_RECORD_LOCK, wait=BOOL, by_file=BOOL), ZERO),
    row(Op.RECORD_TEST,     sig(fd=FD, lock=la.RECORD_LOCK_CELL, by_file=BOOL), ZERO),
)
CONTROLS = (
    row(Op.FD_SETOWNER,     sig(fd=FD, owner=la.IN_OWNER), ZERO),
    row(Op.FD_GETOWNER,     sig(fd=FD, owner=OutStruct(la.OWNER)), ZERO),
    row(Op.FD_SETSIGNAL,    sig(fd=FD, signal=S32), ZERO),
    row(Op.FD_GETSIGNAL,    sig(fd=FD)),
    row(Op.SET_NONBLOCK,    sig(fd=FD, on=U32), ZERO),
    row(Op.SET_ASYNC,       sig(fd=FD, on=U32), ZERO),
    row(Op.PIPE_SETSIZE,    sig(fd=FD, size=U32)),
    row(Op.PIPE_GETSIZE,    sig(fd=FD)),
    row(Op.SEALS_ADD,       sig(fd=FD, seals=U32), ZERO),
    row(Op.SEALS_GET,       sig(fd=FD)),
    row(Op.RW_HINT_GET,     sig(fd=FD)),
    row(Op.RW_HINT_SET,     sig(fd=FD, hint=U64), ZERO),
    row(Op.FLAGS_GET,       sig(fd=FD)),
    row(Op.FLAGS_SET,       sig(fd=FD, flags=U32), ZERO),
)
# fmt: on

CALLS = (*LOCKS, *CONTROLS)
