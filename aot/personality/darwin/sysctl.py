"""The sysctl nodes a Darwin program asks at start. From: bsd/sys/sysctl.h, bsd/kern/kern_mib.c of XNU."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.bsd import sysctl as s

DYNAMIC = 0x7FFF_0000
"""Second component of nodes that real kernels number at boot."""
RELEASE = "23.6.0"
PRODUCT = "14.6"
VERSION = f"Darwin Kernel Version {RELEASE}"
CPU_X86_64, CPU_ARM64 = 0x0100_0007, 0x0100_000C


def _page(ctx: Any, ops: Any) -> bytes:
    return struct.pack("<i", ctx.mem.page_size)


def _cpu_type(ctx: Any, ops: Any) -> bytes:
    return struct.pack("<i", CPU_X86_64 if ctx.column == "x86_64" else CPU_ARM64)


TABLE = (
    s.Node("kern.ostype", (1, 1), s.text("Darwin")),
    s.Node("kern.osrelease", (1, 2), s.text(RELEASE)),
    s.Node("kern.osrevision", (1, 3), s.integer(199506)),
    s.Node("kern.version", (1, 4), s.text(VERSION)),
    s.Node("kern.argmax", (1, 8), s.integer(1048576)),
    s.Node("kern.hostname", (1, 10), s.host),
    s.Node("kern.osversion", (1, 65), s.text("23G80")),
    s.Node("kern.osproductversion", (1, DYNAMIC, 1), s.text(PRODUCT)),
    s.Node("hw.machine", (6, 1), s.by_column(x86_64="x86_64", aarch64="arm64")),
    s.Node("hw.model", (6, 2), s.text("helctic")),
    s.Node("hw.ncpu", (6, 3), s.cpus),
    s.Node("hw.byteorder", (6, 4), s.integer(1234)),
    s.Node("hw.pagesize", (6, 7), _page),
    s.Node("hw.memsize", (6, 24), s.memory),
    s.Node("hw.availcpu", (6, 25), s.cpus),
    s.Node("hw.activecpu", (6, DYNAMIC, 1), s.cpus),
    s.Node("hw.logicalcpu", (6, DYNAMIC, 2), s.cpus),
    s.Node("hw.physicalcpu", (6, DYNAMIC, 3), s.cpus),
    s.Node("hw.logicalcpu_max", (6, DYNAMIC, 4), s.cpus),
    s.Node("hw.physicalcpu_max", (6, DYNAMIC, 5), s.cpus),
    s.Node("hw.cputype", (6, DYNAMIC, 6), _cpu_type),
)
NODES = s.Nodes(TABLE, random=(0, 0))
