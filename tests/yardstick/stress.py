"""stress-ng: which stressors, how one is run, what came out of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

STRESS = "/usr/bin/stress-ng"
MEMORY = 4 << 30
OPS = 20  # bogo operations of each stressor: enough to come through its whole body more than once

# Those that exercise system calls and need no device, kernel module or privilege of the host.
STRESSORS = (
    "access", "affinity", "alarm", "cap", "chdir", "chmod", "chown", "clock", "clone", "close", "context", "copy-file",
    "daemon", "dentry", "dev-shm", "dir", "dirdeep", "dirmany", "dnotify", "dup", "env", "epoll", "eventfd", "exec",
    "exit-group", "fallocate", "fault", "fcntl", "fiemap", "fifo", "filename", "flock", "fork", "fpunch", "fstat", "full",
    "futex", "get", "getdent", "getrandom", "handle", "hdd", "inode-flags", "inotify", "io", "iomix", "ioprio", "itimer",
    "kcmp", "kill", "lease", "link", "locka", "lockf", "lockofd", "loop", "madvise", "malloc", "memfd", "mincore", "mknod",
    "mlock", "mmap", "mmapaddr", "mmapfixed", "mmapfork", "mmapmany", "mprotect", "mq", "mremap", "msg", "msync", "munmap",
    "mutex", "nanosleep", "nice", "null", "open", "pidfd", "pipe", "pipeherd", "poll", "prctl", "procfs", "pthread", "pty",
    "readahead", "remap", "rename", "revio", "rlimit", "schedpolicy", "seal", "seek", "sem", "sem-sysv", "sendfile",
    "session", "set", "shm", "shm-sysv", "sigabrt", "sigchld", "sigfd", "sigfpe", "sigio", "signal", "signest", "sigpending",
    "sigpipe", "sigq", "sigrt", "sigsegv", "sigsuspend", "sigtrap", "sleep", "sock", "sockabuse", "sockfd", "sockmany",
    "sockpair", "spawn", "splice", "switch", "symlink", "sync-file", "sysbadaddr", "sysinfo", "tee", "timer", "timerfd",
    "touch", "udp", "unshare", "urandom", "utime", "vdso", "vfork", "vm", "vm-rw", "vm-segv", "vm-splice", "wait", "xattr",
    "yield", "zero", "zombie",
)  # fmt: skip

_SKIPPED = re.compile(r"(skipped|not implemented|not supported|will be skipped)", re.IGNORECASE)


def run_stressor(name: str, prefix: Sequence[str], timeout_s: int) -> tuple[str, str]:
    """Outcome ("pass", "fail", "skip", "hang", "crash") of one stressor and what it said of it."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=f"{name}-") as folder:
        command = [part.format(cwd=folder) for part in prefix]
        command += ["prlimit", f"--as={MEMORY}"] if not prefix else []  # some take what there is
        command += [STRESS, "--verify", f"--{name}", "1", f"--{name}-ops", str(OPS)]
        command += ["--timeout", str(timeout_s // 2), "--oomable", "--no-rand-seed", "--temp-path", folder]
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            said, _ = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return "hang", f"no end in {timeout_s} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    text = said.decode(errors="replace")
    return _outcome(child.returncode, text), text[-2000:]


def _outcome(status: int, text: str) -> str:
    """EXIT STATUS of stress-ng(1): 0 done, 2 a stressor failed, 3 out of resources, 4 not implemented."""
    if status in (3, 4) or (status == 0 and _SKIPPED.search(text)):
        return "skip"
    if status == 0:
        return "pass"
    return "fail" if status == 2 else "crash"
