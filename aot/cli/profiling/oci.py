"""A call set as the seccomp part of an OCI runtime configuration.

From: opencontainers/runtime-spec, config-linux.md, "Seccomp". The same object is what docker and podman take as
`--security-opt seccomp=FILE`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aot.analyze.callset.model import CallSet
from aot.errors import ProfileError
from aot.personality.abi.errors import E
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of

ALLOW, LOG, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO"
ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}


def oci(found: CallSet, errno: E, extra: Iterable[str] = (), *, log: bool = False) -> dict[str, Any]:
    """The profile that allows the calls of `found` and `extra`, and answers `errno` to every other.

    With `log` every other call is allowed, too, and the kernel's audit log names it. Raises ProfileError for a
    program of another system than Linux.
    """
    if found.system != Personality.LINUX.name.lower():
        raise ProfileError(
            f"{found.program}: seccomp is for Linux programs, this is a {found.system} program"
        )
    profile: dict[str, Any] = {"defaultAction": LOG if log else ERRNO}
    if not log:
        profile["defaultErrnoRet"] = system_of(Personality.LINUX).errors[errno]
    profile["architectures"] = [ARCHITECTURES[found.arch]]
    profile["syscalls"] = [{"names": sorted(found.names | set(extra)), "action": ALLOW}]
    return profile


def wanted(names: str, found: CallSet) -> list[str]:
    """The calls of a list with commas. Raises ProfileError for a name that the system does not have."""
    system = system_of(Personality[found.system.upper()])
    known = {row.name for row in system.calls}
    given = [name for name in names.split(",") if name]
    for name in given:
        if name not in known:
            raise ProfileError(f"--allow: {found.system} has no call {name}")
    return given


def error_named(name: str) -> E:
    """The error behind EPERM, ENOSYS ... Raises ProfileError for a name that is none."""
    try:
        return E[name.removeprefix("E")]
    except KeyError:
        raise ProfileError(f"--errno: there is no error {name}") from None
