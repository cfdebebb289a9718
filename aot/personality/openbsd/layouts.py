"""OpenBSD's structs, the same on x86_64 and aarch64.

From: sys/sys/stat.h, dirent.h, mount.h, signal.h; OpenBSD 7.
"""

from __future__ import annotations

from aot.personality.abi.layout import S32, S64, U8, U16, U32, U64, F, Layout, Record, pad, timespec
from aot.personality.bsd.layouts import SHARED

STAT = Layout("stat", 128, (
    F("st_mode", U32, "mode"), F("st_dev", S32, "dev"), F("st_ino", U64, "ino"),
    F("st_nlink", U32, "nlink"), F("st_uid", U32, "uid"), F("st_gid", U32, "gid"), F("st_rdev", S32, "rdev"),
    *timespec("st_atim", "atime"), *timespec("st_mtim", "mtime"), *timespec("st_ctim", "ctime"),
    F("st_size", S64, "size"), F("st_blocks", S64, "blocks"),  # unit: 512 B
    F("st_blksize", S32, "blksize"), F("st_flags", U32, "flags"), F("st_gen", U32, "gen"), pad(4),
    *timespec("__st_birthtim", "btime"),
))  # fmt: skip

DIRENT_HEAD = Layout("dirent", 24, (
    F("d_fileno", U64, "ino"), F("d_off", S64, "offset"), F("d_reclen", U16), F("d_type", U8, "type"),
    F("d_namlen", U8), pad(4),
))  # fmt: skip
DIRENT = Record(DIRENT_HEAD, tail="name", reclen="d_reclen", namelen="d_namlen")

STATFS = Layout("statfs", 568, (
    F("f_flags", U32, "flags"), F("f_bsize", U32, "bsize"), F("f_iosize", U32, "bsize"), pad(4),
    F("f_blocks", U64, "blocks"), F("f_bfree", U64, "bfree"), F("f_bavail", S64, "bavail"),
    F("f_files", U64, "files"), F("f_ffree", U64, "ffree"), F("f_favail", S64, "ffree"),
    F("f_syncwrites", U64), F("f_syncreads", U64), F("f_asyncwrites", U64), F("f_asyncreads", U64),
    F("f_fsid", U64, "fsid"), F("f_namemax", U32, "namelen"), F("f_owner", U32), F("f_ctime", U64),
    F("f_fstypename", "16s"), F("f_mntonname", "90s"), F("f_mntfromname", "90s"), F("f_mntfromspec", "90s"),
    pad(2), F("mount_info", "160s"),
))  # fmt: skip

SIGACTION = Layout("sigaction", 16, (
    F("__sigaction_u", U64, "handler"), F("sa_mask", U32, "mask"), F("sa_flags", U32, "flags"),
))  # fmt: skip
SIGSET = Layout("sigset_t", 4, (F("bits", U32, "mask"),))

KEVENT = Layout("kevent", 32, (
    F("ident", U64, "ident"), F("filter", "h", "filter"), F("flags", U16, "flags"),
    F("fflags", U32, "fflags"), F("data", S64, "data"), F("udata", U64, "udata"),
))  # fmt: skip

LAYOUTS = (KEVENT, STAT, DIRENT_HEAD, STATFS, SIGACTION, *SHARED)
