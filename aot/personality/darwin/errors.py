"""Darwin's error numbers, and the kern_return_t of Mach traps. From: bsd/sys/errno.h, osfmk/mach/kern_return.h."""

from __future__ import annotations

from aot.personality.abi.errors import E, error_table
from aot.personality.bsd.errors import COMMON, NT_ERRORS, names_of

EXACT: dict[E, int] = {
    **COMMON,
    E.NOTSUP: 45, E.OVERFLOW: 84, E.CANCELED: 89, E.IDRM: 90, E.NOMSG: 91, E.ILSEQ: 92, E.BADMSG: 94,
    E.NODATA: 96, E.NOLINK: 97, E.PROTO: 100, E.TIME: 101, E.OPNOTSUPP: 102, E.NOTRECOVERABLE: 104,
    E.OWNERDEAD: 105,
}  # fmt: skip

ERRORS = error_table(EXACT, NT_ERRORS)
NAMES = names_of(EXACT)

SUCCESS, INVALID_ADDRESS, NO_SPACE, INVALID_ARGUMENT, FAILURE = 0, 1, 3, 4, 5
KERN_NAMES = {
    SUCCESS: "KERN_SUCCESS", INVALID_ADDRESS: "KERN_INVALID_ADDRESS", NO_SPACE: "KERN_NO_SPACE",
    INVALID_ARGUMENT: "KERN_INVALID_ARGUMENT", FAILURE: "KERN_FAILURE",
}  # fmt: skip
KERN = {
    EXACT[E.FAULT]: INVALID_ADDRESS, EXACT[E.NOMEM]: NO_SPACE, EXACT[E.INVAL]: INVALID_ARGUMENT,
    EXACT[E.NOSYS]: INVALID_ARGUMENT,
}  # fmt: skip
"""errno -> kern_return_t; what is not here is KERN_FAILURE."""

MEANINGS: dict[int, str] = {
    0: "Undefined error: 0", 1: "Operation not permitted", 2: "No such file or directory", 3: "No such process",
    4: "Interrupted system call", 5: "Input/output error", 6: "Device not configured", 7: "Argument list too long",
    8: "Exec format error", 9: "Bad file descriptor", 10: "No child processes", 11: "Resource deadlock avoided",
    12: "Cannot allocate memory", 13: "Permission denied", 14: "Bad address", 16: "Resource busy",
    17: "File exists", 18: "Cross-device link", 19: "Operation not supported by device", 20: "Not a directory",
    21: "Is a directory", 22: "Invalid argument", 23: "Too many open files in system", 24: "Too many open files",
    25: "Inappropriate ioctl for device", 27: "File too large", 28: "No space left on device", 29: "Illegal seek",
    30: "Read-only file system", 31: "Too many links", 32: "Broken pipe", 33: "Numerical argument out of domain",
    34: "Result too large", 35: "Resource temporarily unavailable", 38: "Socket operation on non-socket",
    45: "Operation not supported", 60: "Operation timed out", 62: "Too many levels of symbolic links",
    63: "File name too long", 66: "Directory not empty", 78: "Function not implemented",
    84: "Value too large to be stored in data type", 92: "Illegal byte sequence",
}  # fmt: skip
"""What strerror says; other numbers are "Unknown error: n"."""
