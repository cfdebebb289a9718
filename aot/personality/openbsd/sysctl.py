"""The sysctl nodes an OpenBSD program asks at start. From: sys/sys/sysctl.h, sys/kern/kern_sysctl.c."""

from __future__ import annotations

from aot.personality.abi.errors import E
from aot.personality.bsd.sysctl import Node, Nodes, by_column, cpus, host, integer, memory, text

RELEASE = "7.8"

NODES = (
    Node("kern.ostype", (1, 1), text("OpenBSD")),
    Node("kern.osrelease", (1, 2), text(RELEASE)),
    Node("kern.osrevision", (1, 3), integer(202510)),
    Node("kern.version", (1, 4), text(f"OpenBSD {RELEASE}")),
    Node("kern.argmax", (1, 8), integer(524288)),
    Node("kern.hostname", (1, 10), host),
    Node("kern.ngroups", (1, 18), integer(16)),
    Node("kern.osversion", (1, 27), text("GENERIC")),
    Node("hw.machine", (6, 1), by_column(x86_64="amd64", aarch64="arm64")),
    Node("hw.ncpu", (6, 3), cpus),
    Node("hw.byteorder", (6, 4), integer(1234)),
    Node("hw.pagesize", (6, 7), integer(4096)),
    Node("hw.physmem64", (6, 19), memory),
    Node("hw.ncpuonline", (6, 25), cpus),
)
SYSCTL = Nodes(NODES, random=(), missing=E.OPNOTSUPP)
