"""Native calls on memory, shared segments, semaphores and messages: columns as in calls.py."""

from __future__ import annotations

from aot.personality.abi.call import STORED, ZERO, Call, Ret, sig
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    MODE,
    OFFSET,
    PATH,
    S32,
    S64,
    SIZE,
    U32,
    U64,
    Array,
    OutBytes,
    OutData,
    OutStruct,
)
from aot.personality.abi.kinds_message import InLetter, One, OutLetter, OutText, Text
from aot.personality.abi.neutral_memory import Piece, SemOperation
from aot.personality.abi.op import Op
from aot.personality.native import layouts as la
from aot.personality.native.flags import (
    ADVICE,
    BOOL,
    IPC_KIND,
    MAP,
    MEMORY_LOCK,
    OPEN,
    PROT,
    REMAP,
    SEM_WORD,
)
from aot.personality.native.layouts_memory import (
    IN_IPC_SETTINGS,
    IN_SHAPE_OPT,
    IPC_FACTS,
    PIECE,
    SEM_OPERATION,
    SHAPE,
)
from aot.personality.native.rows import row

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
    row(Op.PROCESS_MADVISE, sig(fd=FD, ranges=Array(PIECE, Piece, "count", limit=1024), count=LENGTH,
                                advice=ADVICE)),
    row(Op.RSEQ,            sig(address=ADDRESS, size=U32, remove=BOOL, signature=U32), ZERO),
    row(Op.MEMBARRIER,      sig(command=S32, flags=U32)),
    row(Op.PROCESS_VM,      sig(pid=S32, local=OutBytes("size"), size=LENGTH,
                                remote=Array(PIECE, Piece, "ranges", limit=1024), ranges=LENGTH,
                                write=BOOL)),
)
IPC = (
    row(Op.IPC_STAT,        sig(kind=IPC_KIND, id=S32, facts=OutStruct(IPC_FACTS), by_index=BOOL, check=BOOL), ZERO),
    row(Op.IPC_SET,         sig(kind=IPC_KIND, id=S32, settings=IN_IPC_SETTINGS), ZERO, locked=None),
    row(Op.IPC_REMOVE,      sig(kind=IPC_KIND, id=S32), ZERO),
    row(Op.IPC_LIMITS,      sig(kind=IPC_KIND, used=BOOL), Ret("r.top")),
    row(Op.SHM_GET,         sig(key=S32, size=SIZE, flags=S32)),
    row(Op.SHM_ATTACH,      sig(id=S32, address=ADDRESS, flags=S32)),
    row(Op.SHM_DETACH,      sig(address=ADDRESS), ZERO),
    row(Op.SEM_GET,         sig(key=S32, count=S32, flags=S32)),
    row(Op.SEM_OPERATE,     sig(id=S32, operations=Array(SEM_OPERATION, SemOperation, "count"), count=LENGTH,
                                timeout=la.IN_TIME_OPT), ZERO),
    row(Op.SEM_READ,        sig(id=S32, index=S32, word=SEM_WORD)),
    row(Op.SEM_WRITE,       sig(id=S32, index=S32, values=One()), ZERO),
    row(Op.MSG_GET,         sig(key=S32, flags=S32)),
    row(Op.MSG_SEND,        sig(id=S32, letter=InLetter("size"), size=LENGTH, flags=S32), ZERO),
    row(Op.MSG_RECEIVE,     sig(id=S32, letter=OutLetter(), size=SIZE, kind=S64, flags=S32), STORED),
    row(Op.MQ_OPEN,         sig(name=PATH, flags=OPEN, mode=MODE, shape=IN_SHAPE_OPT)),
    row(Op.MQ_UNLINK,       sig(name=PATH), ZERO),
    row(Op.MQ_SEND,         sig(fd=FD, text=Text("size"), size=LENGTH, priority=U32, timeout=la.IN_TIME_OPT), ZERO),
    row(Op.MQ_RECEIVE,      sig(fd=FD, text=OutText(), size=SIZE, timeout=la.IN_TIME_OPT), STORED),
    row(Op.MQ_NOTIFY,       sig(fd=FD, signal=S32, value=U64), ZERO),
    row(Op.MQ_ATTRIBUTES,   sig(fd=FD, shape=IN_SHAPE_OPT, old=OutStruct(SHAPE, optional=True)), ZERO),
)
# fmt: on

CALLS: tuple[Call, ...] = (*MEMORY, *IPC)
