"""What /proc/<pid> says of a process in words and numbers: stat, statm, status, limits, io."""

from __future__ import annotations

import os

from aot.personality.abi.neutral import Resource
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context, Process
from runtime.kernel.kin import group_of
from runtime.kernel.ops_process import command_of, getrlimit
from runtime.kernel.regions import LOCKED
from runtime.kernel.schemes.proc.memory import there_of
from runtime.kernel.usage import context_ns, process_ns

TICK_NS = 10_000_000
PAGE = 4096
IGNORE = 1
STATES = {"R": "R (running)", "S": "S (sleeping)", "T": "T (stopped)", "Z": "Z (zombie)"}
LIMITS = (
    ("Max cpu time", Resource.CPU, "seconds"), ("Max file size", Resource.FSIZE, "bytes"),
    ("Max data size", Resource.DATA, "bytes"), ("Max stack size", Resource.STACK, "bytes"),
    ("Max core file size", Resource.CORE, "bytes"), ("Max resident set", Resource.RSS, "bytes"),
    ("Max processes", Resource.NPROC, "processes"), ("Max open files", Resource.NOFILE, "files"),
    ("Max locked memory", Resource.MEMLOCK, "bytes"), ("Max address space", Resource.AS, "bytes"),
    ("Max file locks", Resource.LOCKS, "locks"), ("Max pending signals", Resource.SIGPENDING, "signals"),
    ("Max msgqueue size", Resource.MSGQUEUE, "bytes"), ("Max nice priority", Resource.NICE, ""),
    ("Max realtime priority", Resource.RTPRIO, ""), ("Max realtime timeout", Resource.RTTIME, "us"),
)  # fmt: skip
EVERY_RIGHT = 0x1FF_FFFF_FFFF  # capabilities of the superuser


def state_of(process: Process, ctx: Context | None = None) -> str:
    """The letter of ps."""
    if process.status is not None:
        return "Z"
    if process.stopped:
        return "T"
    running = process.kernel.running
    here = running is not None and (running is ctx if ctx is not None else running.process is process)
    return "R" if here else "S"


def sizes(process: Process) -> tuple[int, int, int]:
    """Bytes mapped, bytes there (as far as is known), bytes of code."""
    if process.status is not None:
        return 0, 0, 0
    regions = list(process.mem.regions())
    size = sum(r.end - r.start for r in regions if r.prot or r.file is not None)
    there = sum(there_of(process, r) for r in regions)
    return size, there, sum(r.end - r.start for r in regions if r.prot & 1)


def _locked(process: Process) -> int:
    """KiB that are locked in memory."""
    return (
        0
        if process.status is not None
        else sum(r.size for r in process.mem.regions() if r.traits & LOCKED) // 1024
    )


def _masks(process: Process) -> tuple[int, int]:
    """Which signals are ignored and which are handled."""
    ignored = caught = 0
    for number, action in process.actions.items():
        if action.handler == IGNORE:
            ignored |= 1 << (number - 1)
        elif action.handler:
            caught |= 1 << (number - 1)
    return ignored, caught


def stat(process: Process, ctx: Context | None = None) -> bytes:
    """The one line of numbers that ps and top read. From: fs/proc/array.c do_task_stat, proc_pid_stat(5)."""
    size, there, _ = sizes(process)
    used = context_ns(ctx) if ctx is not None else process_ns(process)
    ignored, caught = _masks(process)
    own = ctx or next(iter(process.contexts), None)
    pending, blocked = (own.pending | process.pending, own.sigmask) if own is not None else (0, 0)
    terminal = process.kernel.foreground
    before = (
        ctx.tid if ctx is not None else process.pid, "(" + command_of(process).decode("utf-8", "replace") + ")",
        state_of(process, ctx), process.ppid, group_of(process), process.sid or process.pid, 0, terminal or -1,
        0x40_0000, 0, 0, 0, 0, used // TICK_NS, 0, process.life.children_ns // TICK_NS, 0, 20, 0,
        max(len(process.contexts), 1), 0, 0, size, there // PAGE, 0xFFFF_FFFF_FFFF_FFFF,
    )  # fmt: skip
    addresses = (1, 1, process.data.get("stack_start", 0), 0, 0)
    signals = (pending & 0x7FFF_FFFF, blocked & 0x7FFF_FFFF, ignored & 0x7FFF_FFFF, caught & 0x7FFF_FFFF)
    after = (0, 0, 0, int(Signal.CHLD), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, process.status or 0)
    return " ".join(map(str, (*before, *addresses, *signals, *after))).encode() + b"\n"


def statm(process: Process) -> bytes:
    """Sizes in pages."""
    size, there, code = sizes(process)
    return b"%d %d 0 %d 0 %d 0\n" % (size // PAGE, there // PAGE, code // PAGE, (size - code) // PAGE)


def status(process: Process, ctx: Context | None = None) -> bytes:
    """The same for people, with more words. From: proc_pid_status(5)."""
    c, size, there, code = process.creds, *(n // 1024 for n in sizes(process))
    own = ctx or next(iter(process.contexts), None)
    ignored, caught = _masks(process)
    rights = f"{EVERY_RIGHT if c.euid == 0 else 0:016x}"
    tid, group, session = ctx.tid if ctx else process.pid, group_of(process), process.sid or process.pid
    cpus = len(os.sched_getaffinity(0)) if not process.kernel.deterministic else 1
    rows = (
        ("Name", command_of(process).decode("utf-8", "replace")), ("Umask", f"{process.umask:04o}"),
        ("State", STATES[state_of(process, ctx)]), ("Tgid", process.pid), ("Ngid", 0), ("Pid", tid),
        ("PPid", process.ppid), ("TracerPid", 0), ("Uid", f"{c.uid}\t{c.euid}\t{c.suid}\t{c.euid}"),
        ("Gid", f"{c.gid}\t{c.egid}\t{c.sgid}\t{c.egid}"), ("FDSize", 256),
        ("Groups", "".join(f"{g} " for g in c.groups)), ("NStgid", process.pid), ("NSpid", tid),
        ("NSpgid", group), ("NSsid", session), ("VmPeak", f"{size:8d} kB"), ("VmSize", f"{size:8d} kB"),
        ("VmLck", f"{_locked(process):8d} kB"), ("VmPin", f"{0:8d} kB"), ("VmHWM", f"{there:8d} kB"),
        ("VmRSS", f"{there:8d} kB"), ("RssAnon", f"{there:8d} kB"), ("RssFile", f"{0:8d} kB"),
        ("RssShmem", f"{0:8d} kB"), ("VmData", f"{max(size - code, 0):8d} kB"), ("VmStk", f"{132:8d} kB"),
        ("VmExe", f"{code:8d} kB"), ("VmLib", f"{0:8d} kB"), ("VmPTE", f"{4:8d} kB"), ("VmSwap", f"{0:8d} kB"),
        ("HugetlbPages", f"{0:8d} kB"), ("CoreDumping", 0), ("THP_enabled", 0),
        ("Threads", max(len(process.contexts), 1)), ("SigQ", "0/1024"),
        ("SigPnd", f"{own.pending if own else 0:016x}"), ("ShdPnd", f"{process.pending:016x}"),
        ("SigBlk", f"{own.sigmask if own else 0:016x}"), ("SigIgn", f"{ignored:016x}"),
        ("SigCgt", f"{caught:016x}"), ("CapInh", "0" * 16), ("CapPrm", rights), ("CapEff", rights),
        ("CapBnd", f"{EVERY_RIGHT:016x}"), ("CapAmb", "0" * 16), ("NoNewPrivs", 0), ("Seccomp", 0),
        ("Seccomp_filters", 0), ("Cpus_allowed", f"{(1 << cpus) - 1:x}"),
        ("Cpus_allowed_list", "0" if cpus == 1 else f"0-{cpus - 1}"), ("Mems_allowed", "1"),
        ("Mems_allowed_list", "0"), ("voluntary_ctxt_switches", 0), ("nonvoluntary_ctxt_switches", 0),
    )  # fmt: skip
    return "".join(f"{name}:\t{value}\n" for name, value in rows).encode()


def limits(process: Process) -> bytes:
    """What the process may use."""
    lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}\n"]
    own = process.contexts[0] if process.contexts else None
    for name, resource, unit in LIMITS:
        found = getrlimit(own, resource) if own is not None else None
        words = [
            "unlimited" if found is None or value is None else str(value)
            for value in ((found.current, found.maximum) if found is not None else (None, None))
        ]
        lines.append(f"{name:<25} {words[0]:<20} {words[1]:<20} {unit:<10}\n")
    return "".join(lines).encode()


IO = b"rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"
