"""The sysctl nodes a FreeBSD program asks at start. From: sys/sys/sysctl.h, sys/kern/kern_mib.c."""

from __future__ import annotations

from aot.personality.bsd.sysctl import (
    Node,
    Nodes,
    by_column,
    cpus,
    host,
    integer,
    long,
    memory,
    path,
    random,
    text,
)
from aot.personality.freebsd.start import OSRELDATE

RELEASE = "14.1-RELEASE"
VERSION = f"FreeBSD {RELEASE}"
DYNAMIC = 0x7FFF_0000
"""Second component of nodes that real kernels number at boot."""

NODES = (
    Node("kern.ostype", (1, 1), text("FreeBSD")),
    Node("kern.osrelease", (1, 2), text(RELEASE)),
    Node("kern.osrevision", (1, 3), integer(199506)),
    Node("kern.version", (1, 4), text(VERSION)),
    Node("kern.argmax", (1, 8), integer(524288)),
    Node("kern.hostname", (1, 10), host),
    Node("kern.ngroups", (1, 18), integer(1023)),
    Node("kern.osreldate", (1, 24), integer(OSRELDATE)),
    Node("kern.iov_max", (1, 35), integer(1024)),
    Node("kern.arandom", (1, 37), random),
    Node("kern.proc.pathname", (1, 14, 12), path),
    Node("kern.smp.maxcpus", (1, DYNAMIC, 1), integer(64)),
    Node("kern.smp.cpus", (1, DYNAMIC, 2), cpus),
    Node("vm.overcommit", (2, DYNAMIC, 1), integer(0)),
    Node("hw.machine", (6, 1), by_column(x86_64="amd64", aarch64="arm64")),
    Node("hw.ncpu", (6, 3), cpus),
    Node("hw.byteorder", (6, 4), integer(1234)),
    Node("hw.physmem", (6, 5), memory),
    Node("hw.pagesize", (6, 7), integer(4096)),
    Node("hw.machine_arch", (6, 11), by_column(x86_64="amd64", aarch64="aarch64")),
    Node("hw.pagesizes", (6, DYNAMIC, 1), long(4096)),
)
SYSCTL = Nodes(NODES, random=(1, 37))
