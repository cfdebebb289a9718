"""Puts a kernel together for one run: clocks, random source, namespace, standard files, the first process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aot.record import dataclass
from runtime.kernel.clock import FixedClocks, HostClocks
from runtime.kernel.context import Credentials, Kernel, Process
from runtime.kernel.entropy import HostEntropy, fixed_entropy
from runtime.kernel.files import LIMIT, FileTable
from runtime.kernel.host import more_descriptors
from runtime.kernel.memory import AddressSpace
from runtime.kernel.net import Net, NetMode
from runtime.kernel.optable import Interface, standard_ops
from runtime.kernel.park import ParkSpace
from runtime.kernel.schemes.std import standard_files
from runtime.kernel.world import MountSpec, build_world

if TYPE_CHECKING:
    from runtime.kernel.limits import Limits

FIRST_PID = 1000


@dataclass(frozen=True, slots=True)
class World:
    """What the guest is given of the host. `mounts` are (guest, host, read-only)."""

    deterministic: bool = False
    root: str | None = None
    mounts: Sequence[tuple[str, str, bool]] = ()
    cwd: str | None = None
    net: str = NetMode.LOOPBACK.value
    limits: Limits | None = None
    program: str | None = None  # host path of the translated file, for /proc/self/exe


def boot(space: AddressSpace, world: World, exec_path: bytes) -> tuple[Process, Interface]:
    """The first process of a new kernel, and its interface with the standard ops installed."""
    clocks = FixedClocks() if world.deterministic else HostClocks()
    source = fixed_entropy() if world.deterministic else HostEntropy()
    creds = Credentials(os.getuid(), os.geteuid(), os.getgid(), os.getegid(), tuple(os.getgroups()))
    kernel = Kernel(
        clocks=clocks,
        park=ParkSpace(),
        random=source,
        deterministic=world.deterministic,
        uid=creds.uid,
        gid=creds.gid,
        next_id=FIRST_PID + 1,
        net=Net(NetMode(world.net)),
        limits=world.limits,
    )
    names = build_world(
        clocks=clocks,
        random=source,
        uid=creds.uid,
        gid=creds.gid,
        root=world.root,
        mounts=tuple(MountSpec(*m) for m in world.mounts),
        cwd=world.cwd,
        program=world.program,
        memory=None if world.limits is None else world.limits.memory,
    )
    most = more_descriptors()
    files = FileTable(limit=min(LIMIT, most), most=most)
    if world.limits is not None:
        files.total = world.limits.files
    for fd, file in enumerate(standard_files(kernel)):
        files.put(fd, file, cloexec=False)
    pid = FIRST_PID if world.deterministic else os.getpid()
    ppid = FIRST_PID - 1 if world.deterministic else os.getppid()
    process = Process(kernel, pid, ppid, space, files, names, creds, exec_path, sid=ppid)
    names.owner = process
    kernel.processes[pid] = process
    interface = Interface()
    interface.personality_init(standard_ops())
    return process, interface
