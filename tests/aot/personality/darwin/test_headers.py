"""Every number, constant and struct of the Darwin tables against the headers zig bundles and Go's sources."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from aot.personality.bsd import kinds as shared
from aot.personality.bsd.terminal import OFLAG
from aot.personality.darwin import crt_event, crt_thread, errors, flags, layouts, runes, start, sysctl
from aot.personality.darwin.calls_file import FCNTL, IOCTLS
from aot.personality.darwin.names import BSD
from aot.personality.darwin.numbers import bsd, mach, machdep
from aot.personality.darwin.system import SYSTEM
from corpus.foreign import ForeignError, go_compiler
from corpus.probe import probe
from tests.aot.personality.spelled import BSD_TERMINALS, flag_words

TARGETS = ("darwin-x86_64", "darwin-aarch64")
HEADERS = (
    "sys/param.h", "sys/types.h", "sys/stat.h", "dirent.h", "sys/mount.h", "signal.h", "sys/resource.h",
    "sys/time.h", "termios.h", "sys/ioctl.h", "sys/ttycom.h", "sys/filio.h", "sys/file.h", "poll.h", "time.h",
    "fcntl.h", "sys/mman.h", "errno.h", "unistd.h", "sys/sysctl.h", "mach/kern_return.h", "mach/mach_time.h",
    "stdio.h", "ctype.h", "runetype.h", "pthread.h", "sys/event.h",
)  # fmt: skip
NOT_STRUCTS = {"stack_t"}
TERMIOS = {**BSD_TERMINALS, "OPOST ONLCR OCRNL ONOCR ONLRET": OFLAG}
NODES = {
    "kern.ostype": "KERN_OSTYPE", "kern.osrelease": "KERN_OSRELEASE", "kern.osrevision": "KERN_OSREV",
    "kern.version": "KERN_VERSION", "kern.argmax": "KERN_ARGMAX", "kern.hostname": "KERN_HOSTNAME",
    "kern.osversion": "KERN_OSVERSION", "hw.machine": "HW_MACHINE", "hw.model": "HW_MODEL", "hw.ncpu": "HW_NCPU",
    "hw.byteorder": "HW_BYTEORDER", "hw.pagesize": "HW_PAGESIZE", "hw.memsize": "HW_MEMSIZE",
    "hw.availcpu": "HW_AVAILCPU",
}  # fmt: skip
PRIVATE = {"MAP_RESERVED0080", "O_CLOFORK"}
"""Names this zig's headers do not have; MAP_RESERVED0080 stands in mman.h under another condition."""


def structs() -> dict[str, int]:
    """Size of every struct and offset of every field."""
    out: dict[str, int] = {}
    for layout in layouts.LAYOUTS:
        name = layout.name if layout.name in NOT_STRUCTS else f"struct {layout.name}"
        if layout.name == "dirent":  # its name array is the record's tail
            out[f"__builtin_offsetof({name}, d_name)"] = layouts.DIRENT.tail_at or 0
        else:
            out[f"sizeof({name})"] = layout.size
        out |= {f"__builtin_offsetof({name}, {f})": at for f, at in layout.offsets().items()}
    return out


def groups() -> dict[str, dict[str, int]]:
    """Subject -> C expression -> what the tables say."""
    modes = {
        name: ours for names, pairs in TERMIOS.items()
        for name, (ours, _) in zip(names.split(), pairs, strict=True)
    }  # fmt: skip
    nodes = {NODES[n.name]: n.mib[1] for n in sysctl.TABLE if n.name in NODES}
    return {
        "errors": {name: number for number, name in errors.NAMES.items()},
        "kern_return_t": {name: number for number, name in errors.KERN_NAMES.items()},
        "flags": flag_words(flags, absent=PRIVATE)
        | {"AT_FDCWD": flags.AT_FDCWD, "RLIM_INFINITY": shared.NO_LIMIT},
        "selectors": {row.name: value for table in (FCNTL, IOCTLS) for value, row in table.items()},
        "signals": {f"SIG{signal.name}": number for signal, number in flags.SIGNALS.numbers.items()},
        "terminal and signal bits": modes,
        "structs": structs()
        | {"sizeof(FILE)": start.FILE_SIZE, "sizeof(struct kevent)": crt_event.KEVENT.size},
        "threads": {
            "EBUSY": crt_thread.BUSY,
            "EDEADLK": crt_thread.DEADLOCK,
            "ETIMEDOUT": crt_thread.TIMED_OUT,
            "EPERM": crt_thread.NOT_OWNER,
            "PTHREAD_MUTEX_ERRORCHECK": crt_thread.ERRORCHECK,
            "PTHREAD_MUTEX_RECURSIVE": crt_thread.RECURSIVE,
            "EVFILT_USER": crt_event.FILTER_USER,
            "NOTE_TRIGGER": crt_event.TRIGGER,
            "EV_ADD": crt_event.ADD,
            "EV_DELETE": crt_event.DELETE,
            "EV_CLEAR": crt_event.CLEAR,
        },
        "sysctl": nodes,
        "characters": {
            "_CTYPE_A": runes.ALPHA,
            "_CTYPE_C": runes.CONTROL,
            "_CTYPE_D": runes.DIGIT,
            "_CTYPE_G": runes.GRAPH,
            "_CTYPE_L": runes.LOWER,
            "_CTYPE_P": runes.PUNCT,
            "_CTYPE_S": runes.SPACE,
            "_CTYPE_U": runes.UPPER,
            "_CTYPE_X": runes.HEX,
            "_CTYPE_B": runes.BLANK,
            "_CTYPE_R": runes.PRINT,
            "__builtin_offsetof(_RuneLocale, __runetype)": runes.RUNETYPE,
            "__builtin_offsetof(_RuneLocale, __mapupper)": runes.RUNETYPE + 8 * runes.CACHED,
        },
    }


@cache
def answers(target: str) -> dict[str, int]:
    """What the headers say to every expression, asked once."""
    names = sorted({name for group in groups().values() for name in group})
    return dict(zip(names, probe(target, HEADERS, names), strict=True))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("subject", groups())
def test_tables_equal_headers(subject: str, target: str) -> None:
    found, low = answers(target), 0xFFFF_FFFF
    wrong = {n: found[n] for n, v in groups()[subject].items() if found[n] & low != v & low}
    assert wrong == {}


def _go_numbers() -> dict[str, int]:
    """Go's own list of Darwin's system calls."""
    try:
        go = go_compiler()
    except ForeignError as error:
        pytest.skip(str(error))
    root = subprocess.run([go, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    text = Path(root, "src/syscall/zsysnum_darwin_amd64.go").read_text()
    return {name.lower(): int(n) for name, n in re.findall(r"SYS_(\w+)\s*=\s*(\d+)", text)}


def test_numbers_equal_those_in_go() -> None:
    ours = {name.lower(): number for number, name in BSD.items()}
    common = ours.keys() & _go_numbers().keys()
    assert len(common) > 300
    assert {n: ours[n] for n in common if ours[n] != _go_numbers()[n]} == {}


def test_rows_carry_the_names_of_their_numbers() -> None:
    by_number = {column: SYSTEM.by_number(column) for column in SYSTEM.columns}
    for number, name in BSD.items():
        for column in SYSTEM.columns:
            value = bsd(number)[column]
            assert value is not None
            row = by_number[column].get(value)
            assert row is not None or number == 0
            assert row is None or row.name == name, (column, number)


def test_classes() -> None:
    assert bsd(4) == {"x86_64": 0x2000004, "aarch64": 4}
    assert mach(28) == {"x86_64": 0x100001C, "aarch64": 0xFFFF_FFE4}
    assert machdep(3) == {"x86_64": 0x3000003}


def test_every_error_has_a_name() -> None:
    assert set(errors.EXACT.values()) <= set(errors.NAMES)
