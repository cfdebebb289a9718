"""Every number, constant and struct of the FreeBSD tables against the headers zig bundles."""

from __future__ import annotations

from functools import cache

import pytest
from aot.personality.freebsd.terminal import CC, CFLAG, IFLAG, IOCTLS, LFLAG, OFLAG

from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import Pick
from aot.personality.freebsd import flags, kinds, start, sync
from aot.personality.freebsd.calls_file import FCNTL
from aot.personality.freebsd.calls_process import SYSARCH
from aot.personality.freebsd.errors import EXACT, NAMES
from aot.personality.freebsd.layouts import LAYOUTS
from aot.personality.freebsd.names import NAMES as CALL_NAMES
from aot.personality.freebsd.system import SYSTEM
from corpus.probe import probe

TARGETS = ("freebsd-x86_64", "freebsd-aarch64")
HEADERS = (
    "sys/param.h", "sys/types.h", "sys/stat.h", "dirent.h", "sys/mount.h", "signal.h", "sys/resource.h",
    "sys/event.h", "sys/thr.h", "sys/umtx.h", "sys/time.h", "termios.h", "sys/ioctl.h", "sys/ttycom.h",
    "sys/filio.h", "sys/file.h", "sys/exec.h", "poll.h", "time.h", "fcntl.h", "sys/mman.h", "errno.h",
    "unistd.h", "sys/syscall.h", "sys/elf.h", "machine/sysarch.h",
)  # fmt: skip
NOT_STRUCTS = {"stack_t", "sigset_t", "int[2]"}
FLAG_MAPS = [v for v in vars(flags).values() if isinstance(v, FlagMap)]
PICKS = [v for v in vars(flags).values() if isinstance(v, Pick)]
CALL_SPELLING = {"exit": "_exit"}
TERMIOS = {
    "IGNBRK BRKINT IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IXON IXOFF IXANY IMAXBEL": IFLAG,
    "OPOST ONLCR OCRNL ONOCR ONLRET": OFLAG,
    "CS6 CS7 CSTOPB CREAD PARENB PARODD HUPCL CLOCAL": CFLAG,
    "ECHOKE ECHOE ECHOK ECHO ECHONL ECHOPRT ECHOCTL ISIG ICANON IEXTEN TOSTOP NOFLSH": LFLAG,
    "VEOF VEOL VEOL2 VERASE VWERASE VKILL VREPRINT VINTR VQUIT VSUSP VSTART VSTOP VLNEXT VDISCARD "
    "VMIN VTIME": [(ours, 0) for ours in CC],
    "SA_ONSTACK SA_RESTART SA_RESETHAND SA_NOCLDSTOP SA_NODEFER SA_NOCLDWAIT SA_SIGINFO": kinds.SA,
    "SS_ONSTACK SS_DISABLE": kinds.SS,
}


def flag_words() -> dict[str, int]:
    """Every flag and choice by its own name."""
    out: dict[str, int] = {}
    for flag_map in FLAG_MAPS:
        entries = [*flag_map.bits, *flag_map.ignored]
        entries += [value for choice in flag_map.choices for value in choice.values]
        out |= {name: value for name, value, _ in entries}
    return out | {name: value for pick in PICKS for name, value, _ in pick.values}


def selectors(target: str) -> dict[str, int]:
    """The values that choose a sub-row."""
    tables = [FCNTL, IOCTLS, sync.UMTX, *([SYSARCH] if target == TARGETS[0] else [])]
    return {row.name: value for table in tables for value, row in table.items()}


def structs() -> dict[str, int]:
    """Size of every struct and offset of every field."""
    out: dict[str, int] = {}
    for layout in LAYOUTS:
        name = layout.name if layout.name in NOT_STRUCTS else f"struct {layout.name}"
        if layout.name == "int[2]":
            out[f"sizeof({name})"] = layout.size
            continue
        if layout.name != "dirent":  # its name array is the record's tail
            out[f"sizeof({name})"] = layout.size
        fields = {f: at for f, at in layout.offsets().items() if not f.endswith("_high")}
        out |= {f"__builtin_offsetof({name}, {f})": at for f, at in fields.items()}
    return out


def groups(target: str) -> dict[str, dict[str, int]]:
    """Subject -> C expression -> what the tables say."""
    modes = {
        name: ours for names, pairs in TERMIOS.items()
        for name, (ours, _) in zip(names.split(), pairs, strict=True)
    }  # fmt: skip
    return {
        "calls": {f"SYS_{CALL_SPELLING.get(name, name)}": number for number, name in CALL_NAMES.items()},
        "errors": {name: number for number, name in NAMES.items()},
        "flags": flag_words(),
        "selectors": selectors(target),
        "signals": {f"SIG{signal.name}": number for signal, number in flags.SIGNALS.numbers.items()},
        "auxv": {f"AT_{entry.name}": int(entry) for entry in start.At},
        "terminal and signal bits": modes,
        "structs": structs(),
    }


@cache
def answers(target: str) -> dict[str, int]:
    """What the headers say to every expression, asked once."""
    names = sorted({name for group in groups(target).values() for name in group})
    return dict(zip(names, probe(target, HEADERS, names), strict=True))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("subject", groups(TARGETS[0]))
def test_tables_equal_headers(subject: str, target: str) -> None:
    found = answers(target)
    low = 0xFFFF_FFFF
    wrong = {n: found[n] for n, v in groups(target)[subject].items() if found[n] & low != v & low}
    assert wrong == {}


def test_rows_carry_the_names_of_their_numbers() -> None:
    for column in SYSTEM.columns:
        assert {number: row.name for number, row in SYSTEM.by_number(column).items()} == CALL_NAMES


def test_every_error_has_a_name() -> None:
    assert set(EXACT.values()) <= set(NAMES)
