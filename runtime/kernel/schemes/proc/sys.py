"""/sys as far as runtimes look at it: processors, memory nodes, huge pages, control groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.kernel.schemes.proc.nodes import SYS_MAGIC, Facts, Fixed
from runtime.kernel.schemes.proc.system import processors

if TYPE_CHECKING:
    from runtime.kernel.namespace import Namespace

HUGE = "kernel/mm/transparent_hugepage/"
CPU = "devices/system/cpu/"
NODE = "devices/system/node/"
_FIXED = (
    (HUGE + "enabled", b"always [madvise] never\n"),
    (HUGE + "defrag", b"always defer defer+madvise [madvise] never\n"),
    (HUGE + "shmem_enabled", b"always within_size advise [never] deny force\n"),
    (HUGE + "hpage_pmd_size", b"2097152\n"),
    (HUGE + "use_zero_page", b"1\n"), ("kernel/mm/ksm/run", b"0\n"), (CPU + "isolated", b"\n"),
    (CPU + "offline", b"\n"), (CPU + "kernel_max", b"8191\n"), (CPU + "smt/active", b"0\n"),
    (CPU + "smt/control", b"notsupported\n"), (NODE + "online", b"0\n"), (NODE + "possible", b"0\n"),
    (NODE + "has_cpu", b"0\n"), (NODE + "has_memory", b"0\n"), (NODE + "node0/distance", b"10\n"),
    ("fs/cgroup/cgroup.controllers", b"\n"), ("fs/cgroup/cgroup.subtree_control", b"\n"),
    ("fs/cgroup/cgroup.procs", b""), ("fs/cgroup/cgroup.max.depth", b"max\n"),
    ("fs/cgroup/cpu.max", b"max 100000\n"), ("fs/cgroup/memory.max", b"max\n"), ("kernel/uevent_seqnum", b"0\n"),
    ("class/net/lo/address", b"00:00:00:00:00:00\n"), ("class/net/lo/ifindex", b"1\n"),
    ("class/net/lo/mtu", b"65536\n"), ("class/net/lo/operstate", b"unknown\n"), ("module/version", b"\n"),
)  # fmt: skip


class SysRoot(Fixed):
    """/sys. `names` is the namespace whose owner is the process that runs."""

    def __init__(self, names: Namespace) -> None:
        super().__init__(Facts(1, 0o555, magic=SYS_MAGIC))
        self.shared = names
        for path, text in _FIXED:
            self.add(path, text)
        for name in ("online", "possible", "present"):
            self.add(CPU + name, self._range)
        self.add(NODE + "node0/cpulist", self._range)
        for n in range(self._count()):
            self.add(f"{CPU}cpu{n}/topology/core_id", b"%d\n" % n)
            self.add(f"{CPU}cpu{n}/topology/physical_package_id", b"0\n")
            self.add(f"{CPU}cpu{n}/topology/thread_siblings_list", b"%d\n" % n)
            self.add(f"{CPU}cpu{n}/online", b"1\n")

    def _count(self) -> int:
        owner = self.shared.owner
        return 1 if owner is None else processors(owner.kernel)

    def _range(self) -> bytes:
        count = self._count()
        return b"0\n" if count == 1 else b"0-%d\n" % (count - 1)
