"""NetBSD's structs, the same on x86_64 and aarch64.

From: sys/sys/stat.h, dirent.h, statvfs.h, sigtypes.h, signal.h; NetBSD 10.
"""

from __future__ import annotations

from aot.personality.abi.layout import S32, S64, U8, U16, U32, U64, F, Layout, Record, pad, timespec
from aot.personality.bsd.layouts import SHARED

STAT = Layout("stat", 152, (
    F("st_dev", U64, "dev"), F("st_mode", U32, "mode"), pad(4), F("st_ino", U64, "ino"),
    F("st_nlink", U32, "nlink"), F("st_uid", U32, "uid"), F("st_gid", U32, "gid"), pad(4),
    F("st_rdev", U64, "rdev"),
    *timespec("st_atim", "atime"), *timespec("st_mtim", "mtime"), *timespec("st_ctim", "ctime"),
    *timespec("st_birthtim", "btime"),
    F("st_size", S64, "size"), F("st_blocks", S64, "blocks"),  # unit: 512 B
    F("st_blksize", S32, "blksize"), F("st_flags", U32, "flags"), F("st_gen", U32, "gen"), pad(12),
))  # fmt: skip

DIRENT_HEAD = Layout("dirent", 13, (
    F("d_fileno", U64, "ino"), F("d_reclen", U16), F("d_namlen", U16), F("d_type", U8, "type"),
))  # fmt: skip
DIRENT = Record(DIRENT_HEAD, tail="name", reclen="d_reclen", namelen="d_namlen")

STATVFS = Layout("statvfs", 3296, (
    F("f_flag", U64, "flags"), F("f_bsize", U64, "bsize"), F("f_frsize", U64, "frsize"),
    F("f_iosize", U64, "bsize"), F("f_blocks", U64, "blocks"), F("f_bfree", U64, "bfree"),
    F("f_bavail", U64, "bavail"), F("f_bresvd", U64), F("f_files", U64, "files"),
    F("f_ffree", U64, "ffree"), F("f_favail", U64, "ffree"), F("f_fresvd", U64), F("f_syncreads", U64),
    F("f_syncwrites", U64), F("f_asyncreads", U64), F("f_asyncwrites", U64), F("f_fsidx", U64),
    F("f_fsid", U64, "fsid"), F("f_namemax", U64, "namelen"), F("f_owner", U32), pad(4), pad(32),
    F("f_fstypename", "32s"), F("f_mntonname", "1024s"), F("f_mntfromname", "1024s"),
    F("f_mntfromlabel", "1024s"),
))  # fmt: skip

SIGACTION = Layout("sigaction", 32, (
    F("_sa_u", U64, "handler"), F("sa_mask", U64, "mask"), F("sa_mask_high", U64),
    F("sa_flags", U32, "flags"), pad(4),
))  # fmt: skip
SIGSET = Layout("sigset_t", 16, (F("__bits", U64, "mask"), F("__bits_high", U64)))

KEVENT = Layout("kevent", 72, (
    F("ident", U64, "ident"), F("filter", U32, "filter"), F("flags", U32, "flags"),
    F("fflags", U32, "fflags"), pad(4), F("data", S64, "data"), F("udata", U64, "udata"), pad(32),
))  # fmt: skip
KEVENT100 = Layout("kevent100", 40, KEVENT.fields[:-1])  # before NetBSD 11; no header has it any more

LAYOUTS = (KEVENT, STAT, DIRENT_HEAD, STATVFS, SIGACTION, SIGSET, *SHARED)
