"""The Linux programs of the corpus on a kernel nobody here wrote: the host's, and qemu's user mode."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.build import Program, build, programs
from tests.conformance.test_programs import check_output

HOSTED = [(p, a) for p in programs() if p.host and "linux" in p.systems for a in p.archs]


NOT_EMULATED = {
    "terminals": "qemu's user mode opens the host's own pairs",
    "watches": "qemu's user mode takes any flags for inotify_init1",
    "process_files": "qemu's user mode shows the host's /proc",
    "places": "qemu's user mode has no openat2",
    "memory": "qemu's user mode has faults, limits and mappings of its own",
    "ipc": "qemu's user mode names objects of the host",
    "start": "qemu's user mode has no rseq",
    "nodes": "qemu's user mode has no memory policies",
    "wild": "qemu's user mode leaks the descriptors of a pipe2 that failed",
    "plain": "qemu's user mode has no set_robust_list",
    "kin": "qemu's user mode has no PR_SET_CHILD_SUBREAPER",
    "clones": "qemu's user mode has no clone3",
    "storm": "qemu's user mode hangs where another thread than the first executes a program",
    "frames": "qemu's user mode has no stacks that disarm themselves",
    "timing": "qemu's user mode keeps no list of robust locks",
    "served": "qemu's user mode has no epoll_pwait2",
    "made": "qemu's user mode does not see code that is written at another address",
    "sharing": "qemu's user mode copies the memory of a process that asks to share it",
}


def runner(program: str, arch: str) -> list[str]:
    """Command in front of a program of `arch`; skips where nothing runs it."""
    if sys.platform == "linux" and platform.machine() == arch:
        return []
    if program in NOT_EMULATED:
        pytest.skip(NOT_EMULATED[program])
    for name in (f"qemu-{arch}-static", f"qemu-{arch}"):
        if found := shutil.which(name):
            return [found]
    pytest.skip(f"no Linux host of this architecture and no qemu-{arch}: apt-get install qemu-user-static")


@pytest.mark.parametrize(("program", "arch"), HOSTED, ids=[f"{p.name}-{a}" for p, a in HOSTED])
def test_the_host_gives_the_same(program: Program, arch: str, tmp_path: Path) -> None:
    command = [*runner(program.name, arch), str(build(program.name, f"linux-{arch}")), *program.args]
    env = dict(variable.split("=", 1) for variable in program.env) | {
        "PATH": os.environ["PATH"],
        "HOST_KERNEL": "1",
    }
    done = subprocess.run(
        command, input=program.stdin, text=True, capture_output=True, timeout=120, cwd=tmp_path, env=env,
        check=False,
    )  # fmt: skip
    check_output(program, done.stdout)
    assert done.returncode == program.status
