"""Linux structs of shared segments, semaphores and messages.

From: asm-generic/{ipcbuf,shmbuf,sembuf,msgbuf}.h, arch/x86/include/uapi/asm/sembuf.h, linux/{ipc,shm,sem,msg,mqueue}.h.
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.kinds import InStruct
from aot.personality.abi.layout import S16, S32, S64, U16, U32, U64, F, Layout, LayoutSet, pad
from aot.personality.abi.neutral_memory import IpcSettings, QueueShape
from aot.personality.linux.columns import AARCH64, X86_64

PERM = (
    F("key", S32, "key"), F("uid", U32, "uid"), F("gid", U32, "gid"), F("cuid", U32, "cuid"),
    F("cgid", U32, "cgid"), F("mode", U32, "mode"), F("seq", U16, "sequence"), pad(22),
)  # fmt: skip
SHMID_DS = Layout("shmid_ds", 112, (
    *PERM, F("shm_segsz", U64, "size"), F("shm_atime", S64, "attached_at"), F("shm_dtime", S64, "detached_at"),
    F("shm_ctime", S64, "changed"), F("shm_cpid", S32, "maker"), F("shm_lpid", S32, "last"),
    F("shm_nattch", U64, "attachments"), pad(16),
))  # fmt: skip
SEMID_DS = LayoutSet({
    X86_64: Layout("semid_ds", 104, (
        *PERM, F("sem_otime", S64, "operated"), pad(8), F("sem_ctime", S64, "changed"), pad(8),
        F("sem_nsems", U64, "count"), pad(16),
    )),
    AARCH64: Layout("semid_ds", 88, (
        *PERM, F("sem_otime", S64, "operated"), F("sem_ctime", S64, "changed"), F("sem_nsems", U64, "count"),
        pad(16),
    )),
})  # fmt: skip
MSQID_DS = Layout("msqid_ds", 120, (
    *PERM, F("msg_stime", S64, "sent"), F("msg_rtime", S64, "received"), F("msg_ctime", S64, "changed"),
    F("msg_cbytes", U64, "used"), F("msg_qnum", U64, "count"), F("msg_qbytes", U64, "room"),
    F("msg_lspid", S32, "sender"), F("msg_lrpid", S32, "receiver"), pad(16),
))  # fmt: skip
SHMINFO = Layout("shminfo", 72, (
    F("shmmax", U64, "largest"), F("shmmin", U64, "smallest"), F("shmmni", U64, "most"),
    F("shmseg", U64, "per_process"), F("shmall", U64, "all"), pad(32),
))  # fmt: skip
SHM_INFO = Layout("shm_info", 48, (
    F("used_ids", S32, "used"), pad(4), F("shm_tot", U64, "pages"), F("shm_rss", U64, "resident"), pad(24),
))  # fmt: skip
SEMINFO = Layout("seminfo", 40, (
    F("semmap", S32, "map"), F("semmni", S32, "sets"), F("semmns", S32, "all"), F("semmnu", S32, "undos"),
    F("semmsl", S32, "per_set"), F("semopm", S32, "per_call"), F("semume", S32, "per_process"),
    F("semusz", S32, "undo_size"), F("semvmx", S32, "highest"), F("semaem", S32, "most_undone"),
))  # fmt: skip
MSGINFO = Layout("msginfo", 32, (
    F("msgpool", S32, "pool"), F("msgmap", S32, "map"), F("msgmax", S32, "largest"), F("msgmnb", S32, "room"),
    F("msgmni", S32, "queues"), F("msgssz", S32, "piece"), F("msgtql", S32, "headers"), F("msgseg", U16, "pieces"),
    pad(2),
))  # fmt: skip
SEMBUF = Layout("sembuf", 6, (
    F("sem_num", U16, "index"), F("sem_op", S16, "amount"), F("sem_flg", S16, "flags"),
))  # fmt: skip
MQ_ATTR = Layout("mq_attr", 64, (
    F("mq_flags", S64, "flags"), F("mq_maxmsg", S64, "most"), F("mq_msgsize", S64, "size"),
    F("mq_curmsgs", S64, "count"), pad(32),
))  # fmt: skip


def _settings(uid: int, gid: int, mode: int, room: int = 0, **_rest: Any) -> IpcSettings:
    return IpcSettings(uid, gid, mode, room)


IN_SHMID_DS, IN_SEMID_DS = InStruct(SHMID_DS, _settings), InStruct(SEMID_DS, _settings)
IN_MSQID_DS = InStruct(MSQID_DS, _settings)
IN_MQ_ATTR = InStruct(MQ_ATTR, QueueShape, optional=True)
