"""Native calls on memory, shared segments, semaphores and messages: columns as in calls.py."""

from __future__ import annotations

from aot.personality.abi.call import ZERO, Call, sig
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    OFFSET,
    S32,
    SIZE,
    U32,
    U64,
    Array,
    OutBytes,
    OutData,
)
from aot.personality.abi.neutral_memory import Piece
from aot.personality.abi.op import Op
from aot.personality.native.flags import ADVICE, BOOL, MAP, MEMORY_LOCK, PROT, REMAP
from aot.personality.native.layouts_memory import PIECE
from aot.personality.native.rows import gap, row

# fmt: off
MEMORY = (
    row(Op.MMAP,            sig(address=ADDRESS, size=SIZE, prot=PROT, flags=MAP, fd=FD, offset=OFFSET)),
    row(Op.MUNMAP,          sig(address=ADDRESS, size=SIZE), ZERO),
    row(Op.MPROTECT,        sig(address=ADDRESS, size=SIZE, prot=PROT), ZERO),
    row(Op.MADVISE,         sig(address=ADDRESS, size=SIZE, advice=ADVICE), ZERO),
    row(Op.MREMAP,          sig(address=ADDRESS, old_size=SIZE, new_size=SIZE, flags=REMAP,
                                new_address=ADDRESS)),
    row(Op.MSYNC,           sig(address=ADDRESS, size=SIZE, wait=BOOL, invalidate=BOOL), ZERO),
    row(Op.MINCORE,         sig(address=ADDRESS, size=SIZE, vector=OutData("cap"), cap=LENGTH), ZERO),
    row(Op.MQUERY,          sig(address=ADDRESS, size=SIZE, prot=PROT, flags=MAP, fd=FD, offset=OFFSET)),
    row(Op.DECOMMIT,        sig(address=ADDRESS, size=SIZE), ZERO),
    row(Op.BRK,             sig(address=ADDRESS)),
    row(Op.LOCK_RANGE,      sig(address=ADDRESS, size=SIZE, lock_it=BOOL, on_fault=BOOL), ZERO),
    row(Op.LOCK_ALL,        sig(flags=MEMORY_LOCK, lock_them=BOOL), ZERO),
    row(Op.REMAP_FILE,      sig(address=ADDRESS, size=SIZE, page=U64), ZERO),
    row(Op.SEAL_RANGE,      sig(address=ADDRESS, size=SIZE), ZERO),
    row(Op.MEMBARRIER,      sig(command=S32, flags=U32)),
    row(Op.PROCESS_VM,      sig(pid=S32, local=OutBytes("size"), size=LENGTH,
                                remote=Array(PIECE, Piece, "ranges", limit=1024), ranges=LENGTH,
                                write=BOOL)),
)
MEMORY_GAPS = tuple(
    gap(op, "not built")
    for op in (
        Op.PROCESS_MADVISE,
        Op.RSEQ,
        Op.IPC_STAT,
        Op.IPC_SET,
        Op.IPC_REMOVE,
        Op.IPC_LIMITS,
        Op.SHM_GET,
        Op.SHM_ATTACH,
        Op.SHM_DETACH,
        Op.SEM_GET,
        Op.SEM_OPERATE,
        Op.SEM_READ,
        Op.SEM_WRITE,
        Op.MSG_GET,
        Op.MSG_SEND,
        Op.MSG_RECEIVE,
        Op.MQ_OPEN,
        Op.MQ_UNLINK,
        Op.MQ_SEND,
        Op.MQ_RECEIVE,
        Op.MQ_NOTIFY,
        Op.MQ_ATTRIBUTES,
    )
)
# fmt: on

CALLS: tuple[Call, ...] = (*MEMORY, *MEMORY_GAPS)
