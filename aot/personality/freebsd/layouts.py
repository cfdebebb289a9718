"""FreeBSD's structs, the same on x86_64 and aarch64.

From: sys/sys/stat.h, dirent.h, mount.h, signal.h, resource.h, event.h, thr.h, _umtx.h, _termios.h, ttycom.h,
time.h, exec.h; FreeBSD 12 and later (64-bit inode ABI).
"""

from __future__ import annotations

from aot.personality.abi.layout import S32, S64, U8, U16, U32, U64, F, Layout, Record, pad, timespec
from aot.personality.bsd.layouts import SHARED

STAT = Layout("stat", 224, (
    F("st_dev", U64, "dev"), F("st_ino", U64, "ino"), F("st_nlink", U64, "nlink"),
    F("st_mode", U16, "mode"), F("st_bsdflags", U16), F("st_uid", U32, "uid"), F("st_gid", U32, "gid"),
        pad(4),
    F("st_rdev", U64, "rdev"),
    *timespec("st_atim", "atime"), *timespec("st_mtim", "mtime"), *timespec("st_ctim", "ctime"),
    *timespec("st_birthtim", "btime"),
    F("st_size", S64, "size"),
    F("st_blocks", S64, "blocks"),  # unit: 512 B
    F("st_blksize", S32, "blksize"), F("st_flags", U32, "flags"), F("st_gen", U64, "gen"), F("st_filerev",
        U64),
    pad(72),
))  # fmt: skip

DIRENT_HEAD = Layout("dirent", 24, (
    F("d_fileno", U64, "ino"), F("d_off", S64, "offset"), F("d_reclen", U16), F("d_type", U8, "type"),
    F("d_pad0", U8), F("d_namlen", U16), F("d_pad1", U16),
))  # fmt: skip
DIRENT = Record(DIRENT_HEAD, tail="name", reclen="d_reclen", namelen="d_namlen")

STATFS = Layout("statfs", 2344, (
    F("f_version", U32, value=0x20140518), F("f_type", U32, "type"), F("f_flags", U64, "flags"),
    F("f_bsize", U64, "bsize"), F("f_iosize", U64, "bsize"), F("f_blocks", U64, "blocks"),
    F("f_bfree", U64, "bfree"), F("f_bavail", S64, "bavail"), F("f_files", U64, "files"),
    F("f_ffree", S64, "ffree"), F("f_syncwrites", U64), F("f_asyncwrites", U64), F("f_syncreads", U64),
    F("f_asyncreads", U64), F("f_nvnodelistsize", U32), F("f_spare0", U32), pad(72),
    F("f_namemax", U32, "namelen"), F("f_owner", U32), F("f_fsid", U64, "fsid"), pad(80),
    F("f_fstypename", "16s"), F("f_mntfromname", "1024s"), F("f_mntonname", "1024s"),
))  # fmt: skip

SIGACTION = Layout("sigaction", 32, (
    F("__sigaction_u", U64, "handler"), F("sa_flags", U32, "flags"), F("sa_mask", U64, "mask"),
    F("sa_mask_high", U64), pad(4),
))  # fmt: skip
SIGSET = Layout("sigset_t", 16, (F("__bits", U64, "mask"), F("__bits_high", U64)))


KEVENT = Layout("kevent", 64, (
    F("ident", U64, "ident"), F("filter", "h", "filter"), F("flags", U16, "flags"), F("fflags", U32,
        "fflags"),
    F("data", S64, "data"), F("udata", U64, "udata"), pad(32),
))  # fmt: skip
THR_PARAM = Layout("thr_param", 104, (
    F("start_func", U64, "entry"), F("arg", U64, "argument"), F("stack_base", U64, "stack_base"),
    F("stack_size", U64, "stack_size"), F("tls_base", U64, "tls"), F("tls_size", U64),
    F("child_tid", U64, "child_tid"), F("parent_tid", U64, "parent_tid"), F("flags", S32, "flags"), pad(4),
    F("rtp", U64), pad(24),
))  # fmt: skip
UMTX_TIME = Layout("_umtx_time", 24, (
    F("_timeout.tv_sec", S64, "sec"), F("_timeout.tv_nsec", S64, "nsec"), F("_flags", U32, "flags"),
    F("_clockid", U32, "clock"),
))  # fmt: skip

LAYOUTS = (STAT, DIRENT_HEAD, STATFS, SIGACTION, SIGSET, KEVENT, THR_PARAM, UMTX_TIME, *SHARED)
