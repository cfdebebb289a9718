"""Every number, constant and struct of the BSD tables against the headers zig bundles."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

import pytest

from aot.personality.bsd import kinds as shared
from aot.personality.bsd.terminal import OFLAG, OFLAG_OPENBSD
from aot.record import dataclass
from corpus.probe import probe
from tests.aot.personality.spelled import BSD_TERMINALS, flag_words

COMMON = (
    "sys/param.h", "sys/types.h", "sys/stat.h", "dirent.h", "sys/mount.h", "signal.h", "sys/resource.h",
    "sys/event.h", "sys/time.h", "termios.h", "sys/ioctl.h", "sys/ttycom.h", "sys/filio.h", "sys/file.h",
    "sys/exec.h", "poll.h", "time.h", "fcntl.h", "sys/mman.h", "errno.h", "unistd.h", "sys/syscall.h",
    "sys/sysctl.h",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tables:
    """One system: what is included besides, and where its names differ from the tables'."""

    name: str
    headers: tuple[str, ...]
    auxv: str = "At"  # the enumeration in start.py
    prefix: str = "AT_"
    output: tuple[tuple[int, int], ...] = OFLAG

    def module(self, name: str) -> ModuleType:
        return import_module(f"aot.personality.{self.name}.{name}")


SYSTEMS = {
    "freebsd": Tables("freebsd", ("sys/thr.h", "sys/umtx.h", "sys/elf.h", "machine/sysarch.h")),
    "netbsd": Tables("netbsd", ("sys/statvfs.h", "sys/exec_elf.h", "sys/futex.h")),
    "openbsd": Tables(
        "openbsd",
        ("#define _DYN_LOADER", "sys/exec_elf.h", "sys/futex.h"),
        "Aux",
        "AUX_",
        OFLAG_OPENBSD,
    ),
}
TARGETS = [f"{name}-{arch}" for name in SYSTEMS for arch in ("x86_64", "aarch64")]
NOT_STRUCTS = {"stack_t", "sigset_t"}
CALL_SPELLING = {"freebsd": {"exit": "_exit"}}
OUTPUT_NAMES = {
    OFLAG: "OPOST ONLCR OCRNL ONOCR ONLRET",
    OFLAG_OPENBSD: "OPOST ONLCR OCRNL OLCUC ONOCR ONLRET",
}
NODES = {
    "kern.ostype": "KERN_OSTYPE", "kern.osrelease": "KERN_OSRELEASE", "kern.osrevision": "KERN_OSREV",
    "kern.version": "KERN_VERSION", "kern.argmax": "KERN_ARGMAX", "kern.hostname": "KERN_HOSTNAME",
    "kern.ngroups": "KERN_NGROUPS", "hw.machine": "HW_MACHINE", "hw.ncpu": "HW_NCPU",
    "hw.byteorder": "HW_BYTEORDER", "hw.pagesize": "HW_PAGESIZE", "hw.machine_arch": "HW_MACHINE_ARCH",
    "hw.physmem64": "HW_PHYSMEM64", "hw.ncpuonline": "HW_NCPUONLINE", "kern.osversion": "KERN_OSVERSION",
    "kern.urandom": "KERN_URND", "kern.iov_max": "KERN_IOV_MAX",
}  # fmt: skip


def selectors(tables: Tables, target: str) -> dict[str, int]:
    """The values that choose a sub-row."""
    own = tables.module("calls_file" if tables.name == "freebsd" else "calls")
    rows = [own.FCNTL, own.IOCTLS]
    if tables.name == "freebsd":
        rows.append(tables.module("sync").UMTX)
        rows += [tables.module("calls_process").SYSARCH] if target.endswith("x86_64") else []
        return {row.name: value for table in rows for value, row in table.items()}
    futex = {row.name.replace("_PRIVATE", "|FUTEX_PRIVATE_FLAG"): value for value, row in own.FUTEX.items()}
    return futex | {row.name: value for table in rows for value, row in table.items()}


def structs(layouts: ModuleType) -> dict[str, int]:
    """Size of every struct and offset of every field."""
    out: dict[str, int] = {}
    for layout in layouts.LAYOUTS:
        name = layout.name if layout.name in NOT_STRUCTS else f"struct {layout.name}"
        if layout.name != "dirent":  # its name array is the record's tail
            out[f"sizeof({name})"] = layout.size
        else:
            out[f"__builtin_offsetof({name}, d_name)"] = layout.size
        fields = {f: at for f, at in layout.offsets().items() if not f.endswith("_high")}
        out |= {f"__builtin_offsetof({name}, {f})": at for f, at in fields.items()}
    return out


def groups(target: str) -> dict[str, dict[str, int]]:
    """Subject -> C expression -> what the tables say."""
    tables = SYSTEMS[target.split("-", maxsplit=1)[0]]
    flags, kinds = tables.module("flags"), tables.module("kinds")
    bits = BSD_TERMINALS | {OUTPUT_NAMES[tables.output]: tables.output}
    modes = {
        name: ours for names, pairs in bits.items()
        for name, (ours, _) in zip(names.split(), pairs, strict=True)
    }  # fmt: skip
    spelling = CALL_SPELLING.get(tables.name, {})
    names = tables.module("names").NAMES
    nodes = {NODES[n.name]: n.mib[1] for n in tables.module("sysctl").NODES if n.name in NODES}
    return {
        "calls": {f"SYS_{spelling.get(name, name)}": number for number, name in names.items()},
        "errors": {name: number for number, name in tables.module("errors").NAMES.items()},
        "flags": flag_words(flags),
        "selectors": selectors(tables, target),
        "signals": {f"SIG{signal.name}": number for signal, number in flags.SIGNALS.numbers.items()},
        "auxv": {f"{tables.prefix}{e.name}": int(e) for e in getattr(tables.module("start"), tables.auxv)},
        "terminal and signal bits": modes,
        "structs": structs(tables.module("layouts")),
        "sysctl": nodes,
        "marks": {
            "UTIME_NOW": kinds.UTIME_NOW, "UTIME_OMIT": kinds.UTIME_OMIT,
            "RLIM_INFINITY": shared.NO_LIMIT & 0xFFFF_FFFF,
            **({"SYS_NSYSENT - 1": tables.module("gate").NUMBER_MASK} if tables.name == "netbsd" else {}),
        },
    }  # fmt: skip


@cache
def answers(target: str) -> dict[str, int]:
    """What the headers say to every expression, asked once."""
    names = sorted({name for group in groups(target).values() for name in group})
    own = SYSTEMS[target.split("-", maxsplit=1)[0]].headers
    return dict(zip(names, probe(target, (*COMMON, *own), names), strict=True))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("subject", groups(TARGETS[0]))
def test_tables_equal_headers(subject: str, target: str) -> None:
    found = answers(target)
    low = 0xFFFF_FFFF
    wrong = {n: found[n] for n, v in groups(target)[subject].items() if found[n] & low != v & low}
    assert wrong == {}


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_netbsd_contexts_lie_as_in_the_headers(arch: str) -> None:
    machine = import_module("aot.personality.netbsd.threads").MACHINES[arch]
    names = {"sp": "_REG_SP", "pc": "_REG_PC"} | {f"x{i}": f"_REG_X{i}" for i in range(31)}
    expected = {
        "sizeof(ucontext_t)": machine.size,
        "__builtin_offsetof(ucontext_t, uc_mcontext.__gregs)": machine.gregs,
        "sizeof(((ucontext_t *)0)->uc_mcontext.__gregs) / 8": len(machine.order),
        "__builtin_offsetof(ucontext_t, uc_sigmask)": 16,
        "_UC_SIGMASK": 1,
        "_UC_CPU": 4,
    }
    for index, name in enumerate(machine.order):
        if name:
            expected[names.get(name, f"_REG_{name.upper()}")] = index
    found = probe(f"netbsd-{arch}", ("ucontext.h",), list(expected))
    assert dict(zip(expected, found, strict=True)) == expected


@pytest.mark.parametrize("tables", SYSTEMS.values(), ids=SYSTEMS)
def test_rows_carry_the_names_of_their_numbers(tables: Tables) -> None:
    system, names = tables.module("system").SYSTEM, tables.module("names").NAMES
    for column in system.columns:
        assert {number: row.name for number, row in system.by_number(column).items()} == names


@pytest.mark.parametrize("tables", SYSTEMS.values(), ids=SYSTEMS)
def test_every_error_has_a_name(tables: Tables) -> None:
    errors = tables.module("errors")
    assert set(errors.EXACT.values()) <= set(errors.NAMES)
