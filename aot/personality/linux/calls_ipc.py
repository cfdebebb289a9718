"""Linux calls on shared segments, semaphores, and messages of both kinds.

Columns: name, x86_64, aarch64, op, status, arguments.
Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import FULL, VALUE, ZERO, Call, Ret, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    MODE,
    PATH,
    S32,
    S64,
    SIZE,
    U32,
    Array,
    OutInt,
    OutStruct,
    To,
    Unused,
)
from aot.personality.abi.kinds_message import InLetter, One, OutLetter, OutShorts, OutText, Shorts, Text
from aot.personality.abi.neutral_memory import IpcKind, SemOperation, SemWord
from aot.personality.abi.op import Op
from aot.personality.linux import layouts as la
from aot.personality.linux import layouts_ipc as li
from aot.personality.linux.columns import nr
from aot.personality.linux.flags import OPEN

SHM, SEM, MSG = IpcKind.SHM, IpcKind.SEM, IpcKind.MSG
ID, TOP = Ret("r.id"), Ret("r.top")
SIGEV_SIGNAL, SIGEV_NONE = 0, 1
HIGHEST_SIGNAL = 64


def _control(name: str, kind: IpcKind, facts: Any, settings: Any, head: dict[str, Any]) -> dict[int, Call]:
    """What the control calls of the three kinds have in common, by command."""
    stat = {**head, "buf": OutStruct(facts)}

    def look(ret: Ret, **how: Any) -> Call:
        return call(name, None, Op.IPC_STAT, FULL, sig(**stat), ret, kind=kind, **how)

    first = {"shmctl": 13, "semctl": 18, "msgctl": 11}[name]
    return {
        0: call(name, None, Op.IPC_REMOVE, FULL, sig(**head, buf=Unused("IPC_RMID")), ZERO, kind=kind),
        1: call(name, None, Op.IPC_SET, FULL, sig(**head, buf=To("settings", settings)), ZERO, kind=kind),
        2: look(ZERO),
        first: look(ID, by_index=True),
        first + 2 if name != "semctl" else 20: look(ID, by_index=True, check=False),
    }


def _limits(
    name: str, kind: IpcKind, head: dict[str, Any], plain: Any, used: Any, command: int
) -> dict[int, Call]:
    head = {n: Unused("of all") if n in ("shmid", "semid", "msqid", "semnum") else k for n, k in head.items()}
    return {
        3: call(name, None, Op.IPC_LIMITS, FULL, sig(**head, buf=OutStruct(plain)), TOP, kind=kind),
        command: call(
            name, None, Op.IPC_LIMITS, FULL, sig(**head, buf=OutStruct(used)), TOP, kind=kind, used=True
        ),
    }


COMMAND = Unused("chosen")
SHM_HEAD = {"shmid": To("id", S32), "cmd": COMMAND}
SEM_HEAD = {"semid": To("id", S32), "semnum": Unused("the whole set"), "cmd": COMMAND}
MSG_HEAD = {"msqid": To("id", S32), "cmd": COMMAND}
ONE_HEAD = {"semid": To("id", S32), "semnum": To("index", S32), "cmd": COMMAND}


def _one(word: SemWord) -> Call:
    return call("semctl", None, Op.SEM_READ, FULL, sig(**ONE_HEAD, arg=Unused("none")), VALUE, word=word)


# fmt: off
SHMCTL = {
    **_control("shmctl", SHM, li.SHMID_DS, li.IN_SHMID_DS, SHM_HEAD),
    **_limits("shmctl", SHM, SHM_HEAD, li.SHMINFO, li.SHM_INFO, 14),
    11: call("shmctl", None, Op.IPC_SET, FULL, sig(**SHM_HEAD, buf=Unused("SHM_LOCK")), ZERO, kind=SHM,
             settings=None, locked=True),
    12: call("shmctl", None, Op.IPC_SET, FULL, sig(**SHM_HEAD, buf=Unused("SHM_UNLOCK")), ZERO, kind=SHM,
             settings=None, locked=False),
}
SEMCTL = {
    **_control("semctl", SEM, li.SEMID_DS, li.IN_SEMID_DS, SEM_HEAD),
    **_limits("semctl", SEM, SEM_HEAD, li.SEMINFO, li.SEMINFO, 19),
    11: _one(SemWord.PID), 12: _one(SemWord.VALUE), 14: _one(SemWord.RISING), 15: _one(SemWord.ZERO),
    13: call("semctl", None, Op.SEM_READ, FULL, sig(**SEM_HEAD, arg=OutShorts()), ZERO, index=0, word=None),
    16: call("semctl", None, Op.SEM_WRITE, FULL, sig(**ONE_HEAD, arg=To("values", One())), ZERO),
    17: call("semctl", None, Op.SEM_WRITE, FULL, sig(**SEM_HEAD, arg=To("values", Shorts())), ZERO, index=None),
}
MSGCTL = {
    **_control("msgctl", MSG, li.MSQID_DS, li.IN_MSQID_DS, MSG_HEAD),
    **_limits("msgctl", MSG, MSG_HEAD, li.MSGINFO, li.MSGINFO, 12),
}


def mq_notify(ctx: Any, ops: Any, fd: int, event: int) -> None:
    """A struct sigevent: value, signal, how. From: ipc/mqueue.c do_mq_notify."""
    if not event:
        ops[Op.MQ_NOTIFY](ctx, fd=fd, signal=None, value=0)
        return
    raw = ctx.mem.read(event, 64)
    value = int.from_bytes(raw[:8], "little")
    signal, how = (int.from_bytes(raw[at : at + 4], "little", signed=True) for at in (8, 12))
    if how not in (SIGEV_SIGNAL, SIGEV_NONE) or (how == SIGEV_SIGNAL and not 1 <= signal <= HIGHEST_SIGNAL):
        raise Errno(E.INVAL)
    ops[Op.MQ_NOTIFY](ctx, fd=fd, signal=signal if how == SIGEV_SIGNAL else 0, value=value)


_SOPS = {"semid": To("id", S32), "tsops": To("operations", Array(li.SEMBUF, SemOperation, "nsops")),
         "nsops": LENGTH}
CALLS: tuple[Call, ...] = (
    call("shmget", nr(29, 194), Op.SHM_GET, FULL, sig(key=S32, size=SIZE, shmflg=To("flags", S32))),
    call("shmat",  nr(30, 196), Op.SHM_ATTACH, FULL,
         sig(shmid=To("id", S32), shmaddr=To("address", ADDRESS), shmflg=To("flags", S32))),
    call("shmdt",  nr(67, 197), Op.SHM_DETACH, FULL, sig(shmaddr=To("address", ADDRESS)), ZERO),
    call("shmctl", nr(31, 195), None, FULL, by=("cmd", SHMCTL)),
    call("semget", nr(64, 190), Op.SEM_GET, FULL, sig(key=S32, nsems=To("count", S32), semflg=To("flags", S32))),
    call("semop",  nr(65, 193), Op.SEM_OPERATE, FULL, sig(**_SOPS), ZERO),
    call("semtimedop", nr(220, 192), Op.SEM_OPERATE, FULL, sig(**_SOPS, timeout=la.IN_TIME_OPT), ZERO),
    call("semctl", nr(66, 191), None, FULL, by=("cmd", SEMCTL)),
    call("msgget", nr(68, 186), Op.MSG_GET, FULL, sig(key=S32, msgflg=To("flags", S32))),
    call("msgsnd", nr(69, 189), Op.MSG_SEND, FULL,
         sig(msqid=To("id", S32), msgp=To("letter", InLetter("msgsz")), msgsz=LENGTH, msgflg=To("flags", S32)),
         ZERO),
    call("msgrcv", nr(70, 188), Op.MSG_RECEIVE, FULL,
         sig(msqid=To("id", S32), msgp=OutLetter(), msgsz=To("size", SIZE), msgtyp=To("kind", S64),
             msgflg=To("flags", S32)), Ret("s")),
    call("msgctl", nr(71, 187), None, FULL, by=("cmd", MSGCTL)),
    call("mq_open", nr(240, 180), Op.MQ_OPEN, FULL,
         sig(u_name=To("name", PATH), oflag=To("flags", OPEN), mode=MODE, u_attr=To("shape", li.IN_MQ_ATTR))),
    call("mq_unlink", nr(241, 181), Op.MQ_UNLINK, FULL, sig(u_name=To("name", PATH)), ZERO),
    call("mq_timedsend", nr(242, 182), Op.MQ_SEND, FULL,
         sig(mqdes=To("fd", FD), u_msg_ptr=To("text", Text("msg_len")), msg_len=LENGTH,
             msg_prio=To("priority", U32), u_abs_timeout=To("timeout", la.IN_TIME_OPT)), ZERO),
    call("mq_timedreceive", nr(243, 183), Op.MQ_RECEIVE, FULL,
         sig(mqdes=To("fd", FD), u_msg_ptr=OutText(), msg_len=To("size", SIZE),
             u_msg_prio=OutInt(32, of="kind", optional=True), u_abs_timeout=To("timeout", la.IN_TIME_OPT)),
         Ret("len(r.text)")),
    call("mq_notify", nr(244, 184), None, partial("SIGEV_SIGNAL and SIGEV_NONE"),
         sig(mqdes=To("fd", FD), u_notification=To("event", ADDRESS)), ZERO, via=mq_notify),
    call("mq_getsetattr", nr(245, 185), Op.MQ_ATTRIBUTES, FULL,
         sig(mqdes=To("fd", FD), u_mqstat=To("shape", li.IN_MQ_ATTR),
             u_omqstat=OutStruct(li.MQ_ATTR, optional=True)), ZERO),
)
# fmt: on
