"""Where paths lead: mounts, directories with their place in the guest's tree, and names in them."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Stat
from aot.record import dataclass
from runtime.kernel.node import S_IFDIR, S_IFLNK, S_IFMT, Directory, Jump, Node

Names = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system at a place of the tree. `number` is its id in /proc/self/mountinfo."""

    path: Names
    root: Directory
    read_only: bool = False
    number: int = 1


@dataclass(frozen=True, slots=True)
class Spot:
    """A directory, and where it is in the guest's tree."""

    node: Directory
    path: Names
    mount: Mount

    @property
    def text(self) -> bytes:
        """Absolute guest path."""
        return b"/" + b"/".join(self.path)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: a name in a directory (b"." is the directory), or a file reached by magic."""

    spot: Spot
    name: bytes
    jump: Jump | None = None
    slash: bool = False  # the path demanded a directory

    @property
    def text(self) -> bytes:
        """Absolute guest path."""
        if self.jump is not None and self.jump.text:
            return self.jump.text
        if self.name == b".":
            return self.spot.text
        return self.spot.text.rstrip(b"/") + b"/" + self.name

    @property
    def read_only(self) -> bool:
        """Whether the mount it is on forbids changes."""
        return self.spot.mount.read_only if self.jump is None else self.jump.read_only

    def check_writable(self) -> None:
        """Raises ROFS on a read-only mount."""
        if self.read_only:
            raise Errno(E.ROFS)

    def stat_or_rofs(self) -> None:
        """On a read-only mount: EXIST when the name is taken, ROFS when it is free."""
        try:
            self.stat()
        except Errno as error:
            raise Errno(E.ROFS if error.code is E.NOENT else error.code) from None
        raise Errno(E.EXIST)

    def node(self) -> Node:
        """The node, links not followed."""
        return self.jump.node if self.jump is not None else self.spot.node.lookup(self.name)

    def stat(self) -> Stat:
        """Facts about it, links not followed."""
        found = self.jump.node.stat() if self.jump is not None else self.spot.node.stat_at(self.name)
        if self.slash and found.mode & S_IFMT != S_IFDIR:
            raise Errno(E.LOOP if found.mode & S_IFMT == S_IFLNK else E.NOTDIR)
        return found
