"""The Linux tables against the kernel's own headers (zig bundles them)."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path

import pytest

from aot.personality.abi.layout import Layout, LayoutSet
from aot.personality.abi.signals import Signal
from aot.personality.linux import calls_control, flags, layouts, layouts_files, start
from aot.personality.linux.errors import NAMES
from aot.personality.linux.system import SYSTEM
from corpus.build import TRIPLES, run_zig
from corpus.probe import probe
from tests.aot.personality.spelled import flag_words

COLUMNS = ("x86_64", "aarch64")
HEADERS = (
    "asm/fcntl.h", "linux/fcntl.h", "linux/mman.h", "asm/resource.h", "linux/resource.h", "linux/futex.h",
    "linux/time.h", "linux/fs.h", "linux/falloc.h", "linux/memfd.h", "linux/signal.h", "linux/auxvec.h",
    "asm/ioctls.h", "linux/prctl.h", "asm/errno.h", "linux/stat.h", "linux/utsname.h", "linux/sysinfo.h",
    "asm/poll.h", "asm/statfs.h", "linux/random.h", "#define O_ASYNC FASYNC",
)  # fmt: skip
STRUCTS: dict[str, tuple[tuple[str, ...], Layout | LayoutSet]] = {
    "struct statx": (("linux/stat.h",), layouts_files.STATX),
    "struct timespec": (("linux/time.h",), layouts.TIMESPEC),
    "struct timeval": (("linux/time.h",), layouts.TIMEVAL),
    "struct timezone": (("linux/time.h",), layouts.TIMEZONE),
    "struct itimerval": (("linux/time.h",), layouts.ITIMER),
    "struct new_utsname": (("linux/utsname.h",), layouts.UTSNAME),
    "stack_t": (("linux/signal.h",), layouts.SIGSTACK),
    "struct sigaction": (("linux/signal.h",), layouts.SIGACTION),
    "struct rlimit": (("linux/resource.h",), layouts.RLIMIT),
    "struct rusage": (("linux/resource.h",), layouts.RUSAGE),
    "struct winsize": (("asm/termios.h",), layouts.WINSIZE),
    "struct termios": (("asm/termbits.h",), layouts.TERMIOS),
    "struct pollfd": (("asm/poll.h",), layouts.POLLFD),
    "struct statfs": (("asm/statfs.h",), layouts.STATFS),
    "struct sysinfo": (("linux/sysinfo.h",), layouts.SYSINFO),
    "struct stat": (("sys/stat.h",), layouts.STAT),
}
NOT_MACROS = {"x86_64": {"0", "PROT_BTI"}, "aarch64": {"0", "MAP_32BIT"}}
SIGNAL_NAMES = {s for s in Signal if s <= Signal.SYS}


def selectors() -> dict[str, int]:
    """The values that choose a sub-row, as the selector argument shows them."""
    words = {n: v for n, v in vars(calls_control).items() if n.isupper() and isinstance(v, int)}
    words |= {"FUTEX_PRIVATE_FLAG": words.pop("PRIVATE"), "FUTEX_CLOCK_REALTIME": words.pop("REALTIME")}
    words |= {"FUTEX_BITSET_MATCH_ANY": words.pop("ANY"), "FUTEX_WAKE": words.pop("WAKE")}
    return words


def groups(column: str) -> dict[str, dict[str, int]]:
    """Subject -> C expression -> what the tables say."""
    return {
        "errors": {name: number for number, name in NAMES.items()},
        "flags": flag_words(flags, column, NOT_MACROS[column]),
        "selectors": selectors(),
        "signals": {f"SIG{s.name}": int(s) for s in SIGNAL_NAMES},
        "auxv": {n: v for n, v in vars(start).items() if n.startswith("AT_")},
    }


@cache
def answers(column: str) -> dict[str, int]:
    """What the headers say to every expression, asked once."""
    names = sorted({name for group in groups(column).values() for name in group})
    return dict(zip(names, probe(f"linux-{column}", HEADERS, names), strict=True))


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("subject", groups("x86_64"))
def test_tables_equal_headers(subject: str, column: str) -> None:
    found, low = answers(column), 0xFFFF_FFFF
    wrong = {n: found[n] for n, v in groups(column)[subject].items() if found[n] & low != v & low}
    assert wrong == {}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", STRUCTS)
def test_layouts_equal_what_the_compiler_lays_out(name: str, column: str) -> None:
    headers, layout = STRUCTS[name]
    if isinstance(layout, LayoutSet):
        layout = layout.of(column)
    fields = {f: at for f, at in layout.offsets().items() if f != "pad"}
    asked = [f"sizeof({name})", *(f"__builtin_offsetof({name}, {f})" for f in fields)]
    size, *at = probe(f"linux-{column}", headers, asked)
    assert (size, dict(zip(fields, at, strict=True))) == (layout.size, fields)


@pytest.mark.parametrize("column", COLUMNS)
def test_directory_records_have_their_name_where_it_belongs(column: str) -> None:
    fields = list(layouts.DIRENT64_HEAD.offsets())
    asked = [f"__builtin_offsetof(struct dirent, {f})" for f in (*fields, "d_name")]
    at = probe(f"linux-{column}", ("dirent.h",), asked)
    assert at == [*layouts.DIRENT64_HEAD.offsets().values(), layouts.DIRENT64_HEAD.size]


@cache
def numbers(column: str) -> dict[str, int]:
    """Every call the headers number."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "numbers.c")
        source.write_text("#include <asm/unistd.h>\n")
        triple = TRIPLES["linux"].format(arch=column)
        text = run_zig("cc", "-target", triple, "-E", "-dM", str(source)).decode()
    names = [n for n in re.findall(r"#define __NR_(\w+) ", text) if not n.startswith(("3264_", "arch_spec"))]
    names = [n for n in names if n not in ("syscalls", "sync_file_range2")]
    values = probe(f"linux-{column}", ("asm/unistd.h",), [f"__NR_{n}" for n in names])
    return dict(zip(names, values, strict=True))


@pytest.mark.parametrize("column", COLUMNS)
def test_every_number_of_the_headers_is_listed_under_its_name(column: str) -> None:
    ours = {row.name: number for number, row in SYSTEM.by_number(column).items()}
    theirs = numbers(column)
    assert {n: v for n, v in theirs.items() if ours.get(n) != v} == {}
    assert ours.keys() - theirs.keys() == set()
