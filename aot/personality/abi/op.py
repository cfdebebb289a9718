"""The native kernel interface: every operation, in the order of the kernel-ops table."""

from __future__ import annotations

from enum import IntEnum


class Op(IntEnum):
    """Native operations; the value is the native call number and the index into KernelOps.

    Append only: the order is the binary contract that `helctic-aot header` prints.
    """

    EXIT = 0  # whole process
    EXIT_THREAD = 1
    READ = 2
    WRITE = 3
    OPENAT = 4
    CLOSE = 5
    SEEK = 6
    PREAD = 7
    PWRITE = 8
    FSTAT = 9
    STATAT = 10
    GETDENTS = 11
    MMAP = 12
    MUNMAP = 13
    MPROTECT = 14
    BRK = 15
    GETPID = 16
    GETTID = 17
    GETPPID = 18
    GETUID = 19
    GETEUID = 20
    GETGID = 21
    GETEGID = 22
    CLOCK_GETTIME = 23
    CLOCK_GETRES = 24
    NANOSLEEP = 25
    UNAME = 26
    PIPE = 27
    DUP = 28
    DUP_TO = 29
    READLINKAT = 30
    UNLINKAT = 31
    MKDIRAT = 32
    RENAMEAT = 33
    FACCESSAT = 34
    CHDIR = 35
    FCHDIR = 36
    GETCWD = 37
    FTRUNCATE = 38
    TRUNCATE = 39
    RANDOM = 40
    SIGACTION = 41
    SIGPROCMASK = 42
    SIGALTSTACK = 43
    KILL = 44
    TKILL = 45
    PARK = 46
    UNPARK = 47
    SET_TLS = 48
    GET_TLS = 49
    YIELD = 50
    FCNTL_GETFD = 51
    FCNTL_SETFD = 52
    FCNTL_GETFL = 53
    FCNTL_SETFL = 54
    TTY_GETATTR = 55
    TTY_GETSIZE = 56
    LINKAT = 57
    SYMLINKAT = 58
    FCHMODAT = 59
    FCHMOD = 60
    FCHOWNAT = 61
    FCHOWN = 62
    UTIMENSAT = 63
    FSYNC = 64
    MADVISE = 65
    MREMAP = 66
    SENDFILE = 67
    POLL = 68
    GETRLIMIT = 69
    SETRLIMIT = 70
    GETRUSAGE = 71
    UMASK = 72
    GETPGID = 73
    GETSID = 74
    SCHED_AFFINITY = 75
    SET_TID_ADDRESS = 76
    SIGSUSPEND = 77
    SIGPENDING = 78
    FALLOCATE = 79
    STATFS = 80
    FSTATFS = 81
    MQUERY = 82
    DECOMMIT = 83
    FIONREAD = 84
    SYSINFO = 85
    FLOCK = 86
    ALARM = 87
    WAIT = 88
    FORK = 89
    EXECVE = 90
    SPAWN_THREAD = 91
    SIGRETURN = 92
    GETGROUPS = 93
    SETITIMER = 94
    TTY_SETATTR = 95
    MSYNC = 96
    MINCORE = 97
    SET_NAME = 98
    GET_NAME = 99
    GETPRIORITY = 100
    GETITIMER = 101
    SIGTIMEDWAIT = 102
    COPY_RANGE = 103
    CLOCK_SETTIME = 104
    SYNC = 105
    MKNODAT = 106
    GETCPU = 107
    TTY_SETSIZE = 108
    SETPGID = 109
    TTY_GETPGRP = 110
    MEMFD = 111
    SET_UIDS = 112
    SET_GIDS = 113
    REQUEUE = 114
    PAUSE = 115
    SIGQUEUE = 116
    EVENTFD = 117
    TIMERFD_CREATE = 118
    TIMERFD_SETTIME = 119
    TIMERFD_GETTIME = 120
    EPOLL_CREATE = 121
    EPOLL_CTL = 122
    EPOLL_WAIT = 123
    SIGNALFD = 124
    TTY_SETPGRP = 125


RESERVED = 160
"""Size of the kernel-ops table: values above the last op answer ENOSYS and are free for growth."""
