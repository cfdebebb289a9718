"""Pipes between guest descriptors: host pipes in non-blocking mode, so that waiting is the scheduler's."""

from __future__ import annotations

import os

from aot.personality.abi.neutral import Open
from runtime.kernel.direct import Direct
from runtime.kernel.host import failure
from runtime.kernel.schemes.hostfile import HostStream, StreamNode


def make_pipe(flags: Open) -> tuple[HostStream, HostStream]:
    """Read end and write end."""
    try:
        r, w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise failure(error) from None
    kept = flags & Open.NONBLOCK
    ends = (
        HostStream(StreamNode(r), Open.READ | kept, r, polite=False),
        HostStream(StreamNode(w), Open.WRITE | kept, w, polite=False),
    )
    for end in ends:
        end.direct = Direct.STREAM
    return ends
