"""Linux calls on memory.

Columns: name, x86_64, aarch64, op, status, arguments.
Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import FULL, ZERO, Call, call, partial, sig, stub
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    OFFSET,
    S32,
    SIZE,
    U32,
    Array,
    Must,
    OutData,
    Pick,
    To,
    Unused,
    Vector,
)
from aot.personality.abi.layout import U64, F, Layout
from aot.personality.abi.neutral import MemoryLock
from aot.personality.abi.neutral_memory import Piece
from aot.personality.abi.op import Op
from aot.personality.linux.columns import nr
from aot.personality.linux.flags_memory import (
    ADVICE,
    DISTANT_ADVICE,
    LOCK_ALL,
    MAP,
    NEW_PROT,
    ON_FAULT,
    PROT,
    REMAP,
    SYNC,
)

IOVEC = Layout("iovec", 16, (F("iov_base", U64, "base"), F("iov_len", U64, "size")))
RANGE = {"start": To("address", ADDRESS), "len": To("size", SIZE)}
ZERO_FLAGS = Must((0,), "reserved")
UNREGISTER = Pick((("0", 0, False), ("RSEQ_FLAG_UNREGISTER", 1, True)))
NO_KEYS = "the processor has no protection keys"


def msync(ctx: Any, ops: Any, start: int, len: int, flags: int) -> None:
    """msync(2): MS_ASYNC and MS_SYNC exclude each other; From: mm/msync.c."""
    known = SYNC.decode(flags)
    if known & 5 == 5:
        raise Errno(E.INVAL)
    ops[Op.MSYNC](ctx, address=start, size=len, wait=bool(known & 4), invalidate=bool(known & 2))


# fmt: off
CALLS: tuple[Call, ...] = (
    call("mmap",        nr(9, 222),   Op.MMAP,    FULL,
         sig(addr=To("address", ADDRESS), len=To("size", SIZE), prot=NEW_PROT, flags=MAP, fd=FD,
         off=To("offset", OFFSET))),
    call("munmap",      nr(11, 215),  Op.MUNMAP,  FULL, sig(addr=To("address", ADDRESS), len=To("size", SIZE)),
         ZERO),
    call("mprotect",    nr(10, 226),  Op.MPROTECT, FULL, sig(**RANGE, prot=PROT), ZERO),
    call("mremap",      nr(25, 216),  Op.MREMAP,  FULL,
         sig(addr=To("address", ADDRESS), old_len=To("old_size", SIZE), new_len=To("new_size", SIZE),
             flags=REMAP, new_addr=To("new_address", ADDRESS))),
    call("madvise",     nr(28, 233),  Op.MADVISE, FULL, sig(**RANGE, behavior=To("advice", ADVICE)), ZERO),
    call("msync",       nr(26, 227),  None,       FULL, sig(start=ADDRESS, len=SIZE, flags=U32), ZERO,
         via=msync),
    call("mincore",     nr(27, 232),  Op.MINCORE, FULL, sig(**RANGE, vec=OutData("len")), ZERO),
    call("brk",         nr(12, 214),  Op.BRK,     FULL, sig(brk=To("address", ADDRESS))),
    call("mlock",       nr(149, 228), Op.LOCK_RANGE, FULL, sig(**RANGE), ZERO, lock_it=True),
    call("mlock2",      nr(325, 284), Op.LOCK_RANGE, FULL, sig(**RANGE, flags=To("on_fault", ON_FAULT)), ZERO,
         lock_it=True),
    call("munlock",     nr(150, 229), Op.LOCK_RANGE, FULL, sig(**RANGE), ZERO, lock_it=False),
    call("mlockall",    nr(151, 230), Op.LOCK_ALL, FULL, sig(flags=LOCK_ALL), ZERO, lock_them=True),
    call("munlockall",  nr(152, 231), Op.LOCK_ALL, FULL, None, ZERO, flags=MemoryLock(0), lock_them=False),
    call("remap_file_pages", nr(216, 234), Op.REMAP_FILE, FULL,
         sig(start=To("address", ADDRESS), size=SIZE, prot=Must((0,), "given once"), pgoff=To("page", SIZE),
             flags=Unused("by Linux itself")), ZERO),
    call("mseal",       nr(462, 462), Op.SEAL_RANGE, FULL, sig(**RANGE, flags=ZERO_FLAGS), ZERO),
    call("membarrier",  nr(324, 283), Op.MEMBARRIER, FULL,
         sig(cmd=To("command", S32), flags=U32, cpu_id=Unused("one context at a time"))),
    call("process_vm_readv", nr(310, 270), Op.PROCESS_VM, FULL,
         sig(pid=S32, lvec=To("local", Vector("liovcnt", write=True)), liovcnt=LENGTH,
             rvec=To("remote", Array(IOVEC, Piece, "riovcnt", limit=1024)), riovcnt=LENGTH, flags=ZERO_FLAGS),
         write=False),
    call("process_vm_writev", nr(311, 271), Op.PROCESS_VM, FULL,
         sig(pid=S32, lvec=To("local", Vector("liovcnt", write=False)), liovcnt=LENGTH,
             rvec=To("remote", Array(IOVEC, Piece, "riovcnt", limit=1024)), riovcnt=LENGTH, flags=ZERO_FLAGS),
         write=True),
    call("pkey_mprotect", nr(329, 288), Op.MPROTECT, partial(NO_KEYS),
         sig(**RANGE, prot=PROT, pkey=Must((0xFFFF_FFFF,), "no key", bits=32)), ZERO),
    call("process_madvise", nr(440, 440), Op.PROCESS_MADVISE, FULL,
         sig(pidfd=To("fd", FD), vec=To("ranges", Array(IOVEC, Piece, "vlen", limit=1024)), vlen=LENGTH,
             advice=DISTANT_ADVICE, flags=ZERO_FLAGS)),
    call("rseq",        nr(334, 293), Op.RSEQ,    FULL,
         sig(rseq=To("address", ADDRESS), rseq_len=To("size", U32), flags=To("remove", UNREGISTER),
             sig=To("signature", U32)), ZERO),
    stub("pkey_alloc",  nr(330, 289), E.NOSPC, NO_KEYS),
    stub("pkey_free",   nr(331, 290), E.INVAL, NO_KEYS),
)
# fmt: on
