"""One function of the engine is replaced by one that does nothing: the check for a stop behind memory accesses.

The engine's translator puts a call of a helper in front of every block and, through the function
`check_exit_request`, behind every load and store as well, to see whether somebody wants the run to stop. The
second place is one where nobody may stop (poll.py says why), and the call makes translated code write its
registers back after each access: without it sha256 takes three quarters of the time. The function is an
ordinary exported symbol that the library calls through its procedure linkage table, so that a program may put
its own in its place, and that is what happens here: the slot in the table is set.

Whatever is not as expected (another library, another ABI) leaves the engine as it is.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

from aot.image.model import Arch
from runtime.cpu.unicorn_library import Library, writable
from runtime.cpu.walker import HostCode

DONE = {"x86_64": b"\xc3", "aarch64": bytes.fromhex("c0035fd6")}  # ret


_kept: dict[tuple[int, Arch], HostCode] = {}


@cache
def only_between_blocks(handle: int, arch: Arch) -> bool:
    """Make engines of this architecture look for a stop in front of blocks only; whether they do now.

    `handle` is the library's, as dlopen gave it. Code that was translated before stays as it is.
    """
    code = DONE.get(os.uname().machine)
    slot = Library(handle).slot(f"check_exit_request_{arch.value}".encode()) if code else None
    if slot is None or code is None or not writable(slot):
        return False
    host = HostCode(code)
    if host.usable:
        _kept[handle, arch] = host
        ctypes.c_uint64.from_address(slot).value = host.address
    return host.usable
