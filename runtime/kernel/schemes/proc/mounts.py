"""Which mounts a process sees, in the three forms Linux has."""

from __future__ import annotations

from runtime.kernel.context import Process
from runtime.kernel.places import Mount

_ESCAPES = {0x20: b"\\040", 0x09: b"\\011", 0x0A: b"\\012", 0x5C: b"\\134"}


def _escaped(path: bytes) -> bytes:
    return b"".join(_ESCAPES.get(c, bytes((c,))) for c in path)


def _kind(mount: Mount) -> bytes:
    """What kind of file system it is: a host directory has no kind that would mean something here."""
    names = {"ProcRoot": b"proc", "SysRoot": b"sysfs", "DevDirectory": b"devtmpfs", "MemDirectory": b"tmpfs",
             "PtsDirectory": b"devpts"}  # fmt: skip
    return names.get(type(mount.root).__name__, b"hostfs")


def _all(process: Process) -> list[tuple[bytes, Mount]]:
    names = process.names
    found = [(b"/" + b"/".join(path), mount) for path, mount in sorted(names.mounts.items())]
    return [(names.shown(path), mount) for path, mount in found]


def mounts(process: Process) -> bytes:
    """One line a mount: source, place, kind, options."""
    lines = []
    for path, mount in _all(process):
        kind, rights = _kind(mount), b"ro" if mount.read_only and _kind(mount) != b"proc" else b"rw"
        lines.append(b"%s %s %s %s,relatime 0 0\n" % (kind, _escaped(path), kind, rights))
    return b"".join(lines)


def mountinfo(process: Process) -> bytes:
    """The same with ids and devices. From: proc_pid_mountinfo(5)."""
    lines = []
    for path, mount in _all(process):
        st, kind = mount.root.stat(), _kind(mount)
        rights = b"ro" if mount.read_only and kind != b"proc" else b"rw"
        lines.append(
            b"%d %d %d:%d / %s %s,relatime - %s %s %s\n"
            % (mount.number, 1 if mount.path else 0, st.dev_major, st.dev_minor, _escaped(path), rights, kind,
               kind, rights)
        )  # fmt: skip
    return b"".join(lines)


def mountstats(process: Process) -> bytes:
    """The same in words."""
    lines = [
        b"device %s mounted on %s with fstype %s\n" % (_kind(m), _escaped(path), _kind(m))
        for path, m in _all(process)
    ]
    return b"".join(lines)
