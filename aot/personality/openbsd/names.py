"""Every system call OpenBSD has a number for. From: sys/sys/syscall.h.

Numbers of retired calls are not used again.
"""

from __future__ import annotations

NAMES: dict[int, str] = {
    1: "exit", 2: "fork", 3: "read", 4: "write", 5: "open", 6: "close", 7: "getentropy",
    8: "__tfork", 9: "link", 10: "unlink", 11: "wait4", 12: "chdir", 13: "fchdir", 14: "mknod",
    15: "chmod", 16: "chown", 17: "break", 18: "getdtablecount", 19: "getrusage", 20: "getpid",
    21: "mount", 22: "unmount", 23: "setuid", 24: "getuid", 25: "geteuid", 26: "ptrace",
    27: "recvmsg", 28: "sendmsg", 29: "recvfrom", 30: "accept", 31: "getpeername",
    32: "getsockname", 33: "access", 34: "chflags", 35: "fchflags", 36: "sync", 38: "stat",
    39: "getppid", 40: "lstat", 41: "dup", 42: "fstatat", 43: "getegid", 45: "ktrace",
    46: "sigaction", 47: "getgid", 48: "sigprocmask", 49: "mmap", 50: "setlogin", 51: "acct",
    52: "sigpending", 53: "fstat", 54: "ioctl", 55: "reboot", 56: "revoke", 57: "symlink",
    58: "readlink", 59: "execve", 60: "umask", 61: "chroot", 62: "getfsstat", 63: "statfs",
    64: "fstatfs", 65: "fhstatfs", 66: "vfork", 67: "gettimeofday", 68: "settimeofday",
    69: "setitimer", 70: "getitimer", 71: "select", 72: "kevent", 73: "munmap", 74: "mprotect",
    75: "madvise", 76: "utimes", 77: "futimes", 78: "mquery", 79: "getgroups", 80: "setgroups",
    81: "getpgrp", 82: "setpgid", 83: "futex", 84: "utimensat", 85: "futimens", 86: "kbind",
    87: "clock_gettime", 88: "clock_settime", 89: "clock_getres", 90: "dup2", 91: "nanosleep",
    92: "fcntl", 93: "accept4", 94: "__thrsleep", 95: "fsync", 96: "setpriority", 97: "socket",
    98: "connect", 99: "getdents", 100: "getpriority", 101: "pipe2", 102: "dup3", 103: "sigreturn",
    104: "bind", 105: "setsockopt", 106: "listen", 107: "chflagsat", 108: "pledge", 109: "ppoll",
    110: "pselect", 111: "sigsuspend", 112: "sendsyslog", 114: "unveil", 115: "__realpath",
    116: "recvmmsg", 117: "sendmmsg", 118: "getsockopt", 119: "thrkill", 120: "readv",
    121: "writev", 122: "kill", 123: "fchown", 124: "fchmod", 125: "__pledge_open", 126: "setreuid",
    127: "setregid", 128: "rename", 131: "flock", 132: "mkfifo", 133: "sendto", 134: "shutdown",
    135: "socketpair", 136: "mkdir", 137: "rmdir", 140: "adjtime", 141: "getlogin_r",
    142: "getthrname", 143: "setthrname", 147: "setsid", 148: "quotactl", 150: "ypconnect",
    155: "nfssvc", 158: "pinsyscalls", 159: "mimmutable", 160: "waitid", 161: "getfh",
    164: "__tmpfd", 165: "sysarch", 166: "lseek", 167: "truncate", 168: "ftruncate", 169: "pread",
    170: "pwrite", 171: "preadv", 172: "pwritev", 175: "profil", 181: "setgid", 182: "setegid",
    183: "seteuid", 190: "pathconfat", 191: "pathconf", 192: "fpathconf", 193: "swapctl",
    194: "getrlimit", 195: "setrlimit", 202: "sysctl", 203: "mlock", 204: "munlock", 207: "getpgid",
    209: "utrace", 221: "semget", 225: "msgget", 226: "msgsnd", 227: "msgrcv", 228: "shmat",
    230: "shmdt", 250: "minherit", 252: "poll", 253: "issetugid", 254: "lchown", 255: "getsid",
    256: "msync", 263: "pipe", 264: "fhopen", 269: "kqueue", 270: "kqueue1", 271: "mlockall",
    272: "munlockall", 281: "getresuid", 282: "setresuid", 283: "getresgid", 284: "setresgid",
    287: "closefrom", 288: "sigaltstack", 289: "shmget", 290: "semop", 294: "fhstat",
    295: "__semctl", 296: "shmctl", 297: "msgctl", 298: "sched_yield", 299: "getthrid",
    301: "__thrwakeup", 302: "__threxit", 303: "__thrsigdivert", 304: "__getcwd", 305: "adjfreq",
    310: "setrtable", 311: "getrtable", 313: "faccessat", 314: "fchmodat", 315: "fchownat",
    317: "linkat", 318: "mkdirat", 319: "mkfifoat", 320: "mknodat", 321: "openat",
    322: "readlinkat", 323: "renameat", 324: "symlinkat", 325: "unlinkat", 329: "__set_tcb",
    330: "__get_tcb",
}  # fmt: skip
