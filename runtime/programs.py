"""Programs that come and go: a copy of a process, another program in its place, the process that runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from aot.errors import AotError
from aot.image.native_reader import is_native
from aot.manifest import DataWord
from aot.personality.abi.errors import E, Errno
from aot.record import replace
from runtime.cpu.unicorn_cpu import UnicornCpu
from runtime.images import images_of
from runtime.interpreter import NoInterpreter
from runtime.kernel.assume import act_for
from runtime.kernel.births import copy_of
from runtime.kernel.context import Context, Process
from runtime.kernel.deliver import Deliverer
from runtime.kernel.ends import leave_space
from runtime.kernel.kin import alone, group_of
from runtime.kernel.leave import Fork
from runtime.kernel.signals import IGNORE, set_mask

if TYPE_CHECKING:
    from runtime.machine import Machine


def fork(first: Machine, ctx: Context, pid: int, how: Fork) -> Context:
    """The first context of a copy of `ctx`'s process: an address space has one engine."""
    old, space, cpu = ctx.process, ctx.mem, ctx.cpu
    program: Machine = old.program or first
    if how.share:
        space.users += 1
    else:
        space = space.clone()
        cpu = UnicornCpu(program.arch, space)
        space.watcher = images = images_of(ctx).copied(cpu)
        cpu.doors = replace(ctx.cpu.doors, page_fault=space.fault, in_place=images.code.places)
        cpu.set_areas(ctx.cpu.areas)
    process = copy_of(ctx, pid, space, how.copying)
    child = program.new_context(pid)
    child.process, child.mem, child.cpu, child.regs = process, space, cpu, cpu.new_regs()
    child.sigmask, child.data = ctx.sigmask, dict(ctx.data)
    return child


def load(
    machine: Machine,
    process: Process,
    raw: bytes,
    name: bytes,
    argv: tuple[bytes, ...],
    env: tuple[bytes, ...],
) -> Callable[[Context], Context]:
    """The program that replaces a process's own; see Kernel.load.

    Raises NOEXEC for a file that cannot be run, NOENT for one whose interpreter is not there.
    """
    o = machine.options
    try:
        if name == machine.exec_path:
            raw = machine.image if isinstance(machine.image, bytes) else _read(machine.image)
        elif not is_native(raw):
            if o.translate is None:
                raise Errno(E.NOEXEC)
            raw = o.translate(raw)
        pairs = (os.fsdecode(pair).partition("=") for pair in env)
        options = replace(
            o, argv=[os.fsdecode(a) for a in argv], env={n: v for n, found, v in pairs if found}
        )
        program = type(machine)(raw, options, (machine, process))
    except NoInterpreter:
        raise Errno(E.NOENT) from None
    except AotError:
        raise Errno(E.NOEXEC) from None
    return lambda ctx: _take_over(program, ctx, name)


def _take_over(program: Machine, ctx: Context, name: bytes) -> Context:
    """Start in the place of `ctx`'s program: descriptors, ids and ignored signals stay."""
    process, old = program.process, ctx.process.program or program.first
    process.files.close_all(only_cloexec=True)
    process.mem, process.exec_path = program.space, name
    process.actions = {n: a for n, a in process.actions.items() if a.handler == IGNORE}
    process.data = {k: v for k, v in process.data.items() if k in ("limits", "itimers", "persona")}
    process.program = program
    process.signals = Deliverer(program.system.signal_frames.get(program.arch.value), images_of)
    process.library = program.system.libraries.get(program.arch.value)
    process.return_stub = program.loaded.return_stub
    program.fill(process)
    new = program.start()
    new.pending, new.infos, new.used_ns = ctx.pending, ctx.infos, ctx.used_ns
    set_mask(new, ctx.sigmask)
    process.life.executed = True
    if leave_space(ctx.mem, ctx.cpu) and ctx.cpu is old.cpu:
        old.closed = True
    return new


def identify(first: Machine, ctx: Context) -> None:
    """Keep the data pages current for the context about to run."""
    process = ctx.process
    names = first.process.names  # what /proc was made with: it shows the process that runs
    names.owner = process
    names.exec_node = process.data.get("exec_node", first.exec_node)
    creds = process.creds
    act_for(creds)
    words = {
        DataWord.TRACED: int(first.options.sees((process.program or first).system.inline)),
        DataWord.PID: process.pid,
        DataWord.TID: ctx.tid,
        DataWord.PPID: process.ppid,
        DataWord.UID: creds.uid,
        DataWord.EUID: creds.euid,
        DataWord.GID: creds.gid,
        DataWord.EGID: creds.egid,
        DataWord.PGID: group_of(process),
        DataWord.NOTHING: 0,
        DataWord.OTHERS: int(not alone(ctx)),
    }
    park = process.kernel.park
    images_of(ctx).set_words(ctx.mem, words, bytes(park.places))
    park.fuller = False


def _read(path: os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read()
