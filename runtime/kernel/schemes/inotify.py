"""Watched files: the host's own inotify, so that changes by guests and by the host are seen alike."""

from __future__ import annotations

import os
import struct

from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Open
from runtime.kernel import hostcalls
from runtime.kernel.host import failure
from runtime.kernel.node import Node, fill, total
from runtime.kernel.schemes.hostfile import HostStream, StreamNode

LARGEST = 1 << 16
"""Bytes of events given at once."""
_EVENT = struct.Struct("=II")  # cookie and length of struct inotify_event, behind watch and mask


class WatchFile(HostStream):
    """A set of watches; reading it gives events as the host tells them."""

    def __init__(self, flags: Open) -> None:
        try:
            fd = hostcalls.inotify_init(os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise failure(error) from None
        super().__init__(StreamNode(fd), Open.READ | flags & Open.NONBLOCK, fd, polite=False)
        self.name = b"anon_inode:inotify"
        self.kept: list[int] = []  # stand for what the host does not have
        self.cookies: dict[int, int] = {}  # the host's and ours: theirs count for everybody

    def read(self, buf: Buffers) -> int:
        raw = bytearray(min(total(buf), LARGEST))
        size = super().read((memoryview(raw),))
        at = 0
        while at < size:
            cookie, length = _EVENT.unpack_from(raw, at + 8)
            if cookie:
                ours = self.cookies.setdefault(cookie, len(self.cookies) + 1)
                raw[at + 8 : at + 12] = ours.to_bytes(4, "little")
            at += 16 + length
        return fill(buf, bytes(raw[:size]))

    def watch(self, node: Node, mask: int) -> int:
        """Watch a file for events (IN_* of Linux); the number of the watch."""
        path = node.watched()
        if path is None:
            kept = os.memfd_create("unwatched", os.MFD_CLOEXEC)  # what nobody changes
            self.kept.append(kept)
            path = f"/proc/self/fd/{kept}"
        try:
            return hostcalls.inotify_add(self.fd, os.fsencode(path), mask)
        except OSError as error:
            raise failure(error) from None

    def forget(self, watch: int) -> None:
        """Stop a watch. Raises INVAL for one that does not exist."""
        try:
            hostcalls.inotify_remove(self.fd, watch)
        except OSError as error:
            raise failure(error) from None

    def close(self) -> None:
        for fd in self.kept:
            os.close(fd)
        super().close()
