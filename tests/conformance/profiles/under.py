"""Executes a program under an OCI seccomp profile, with the kernel's own filter: `under.py PROFILE PROGRAM ARGS`.

libseccomp makes the filter, through pyseccomp. What the profile says of architectures is left to libseccomp, which
knows this machine's own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pyseccomp


def main(profile: str, *command: str) -> None:
    """Never returns, unless the filter cannot be loaded."""
    found = json.loads(Path(profile).read_text())
    actions = {
        "SCMP_ACT_ALLOW": pyseccomp.ALLOW,
        "SCMP_ACT_LOG": pyseccomp.LOG,
        "SCMP_ACT_ERRNO": pyseccomp.ERRNO(found.get("defaultErrnoRet", 1)),
    }
    default = actions[found["defaultAction"]]
    rules = pyseccomp.SyscallFilter(default)
    for entry in found["syscalls"]:
        for name in entry["names"]:
            if actions[entry["action"]] != default:
                rules.add_rule(actions[entry["action"]], name)
    rules.load()
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
