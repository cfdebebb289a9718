"""The sysctl nodes a NetBSD program asks at start. From: sys/sys/sysctl.h, sys/kern/init_sysctl.c."""

from __future__ import annotations

from aot.personality.bsd.sysctl import Node, Nodes, by_column, cpus, host, integer, memory, path, random, text

RELEASE = "10.1"
REVISION = 1001000000
"""__NetBSD_Version__ of 10.1."""

NODES = (
    Node("kern.ostype", (1, 1), text("NetBSD")),
    Node("kern.osrelease", (1, 2), text(RELEASE)),
    Node("kern.osrevision", (1, 3), integer(REVISION)),
    Node("kern.version", (1, 4), text(f"NetBSD {RELEASE}")),
    Node("kern.argmax", (1, 8), integer(262144)),
    Node("kern.hostname", (1, 10), host),
    Node("kern.ngroups", (1, 18), integer(16)),
    Node("kern.iov_max", (1, 38), integer(1024)),
    Node("kern.proc_args.pathname", (1, 48, 0xFFFF_FFFF, 5), path),
    Node("kern.urandom", (1, 61), integer(4)),
    Node("kern.arandom", (1, 81), random),
    Node("hw.machine", (6, 1), by_column(x86_64="amd64", aarch64="evbarm")),
    Node("hw.ncpu", (6, 3), cpus),
    Node("hw.byteorder", (6, 4), integer(1234)),
    Node("hw.pagesize", (6, 7), integer(4096)),
    Node("hw.machine_arch", (6, 10), by_column(x86_64="x86_64", aarch64="aarch64")),
    Node("hw.physmem64", (6, 13), memory),
    Node("hw.ncpuonline", (6, 16), cpus),
)
SYSCTL = Nodes(NODES, random=(1, 81))
