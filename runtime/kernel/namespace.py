"""The guest's tree: a table of mounts, and path walking that never leaves them.

Links, `..` and absolute paths are resolved in guest terms, one component at a time; the schemes only
ever see single names in a directory they hold open, so a rename on the host cannot lead out.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open, Stat
from aot.record import dataclass, field
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.node import (
    CREATE,
    EXCLUSIVE,
    NOFOLLOW,
    S_IFLNK,
    S_IFMT,
    TRUNCATE,
    WRITE,
    Directory,
    File,
    Node,
)

if TYPE_CHECKING:
    from runtime.kernel.context import Process

MAX_LINKS = 40
MAX_NAME = 255
Names = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system at a place of the tree."""

    path: Names
    root: Directory
    read_only: bool = False


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
    """Where a path leads: a name in a directory (b"." is the directory), or a node reached by magic."""

    spot: Spot
    name: bytes
    jump: Node | None = None
    slash: bool = False  # the path demanded a directory

    @property
    def text(self) -> bytes:
        """Absolute guest path."""
        if self.name == b".":
            return self.spot.text
        return self.spot.text.rstrip(b"/") + b"/" + self.name

    @property
    def is_descriptor(self) -> bool:
        """Whether the name stands for an open file, which brings its own rights."""
        return self.jump is None and self.name != b"." and self.spot.node.descriptors

    def check_writable(self) -> None:
        """Raises ROFS on a read-only mount."""
        if self.spot.mount.read_only:
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
        return self.jump or self.spot.node.lookup(self.name)

    def stat(self) -> Stat:
        """Facts about it, links not followed."""
        found = self.jump.stat() if self.jump else self.spot.node.stat_at(self.name)
        if self.slash and found.mode & S_IFMT != 0o040000:
            raise Errno(E.LOOP if found.mode & S_IFMT == S_IFLNK else E.NOTDIR)
        return found


@dataclass(slots=True)
class Namespace:
    """Mounts and the current directory of a process."""

    root: Mount
    mounts: dict[Names, Mount] = field(default_factory=dict)
    cwd: Spot = field(init=False)
    owner: Process | None = None  # whose /proc/self this is
    exec_node: Node | None = None  # the running program, for /proc/self/exe

    def __post_init__(self) -> None:
        self.mounts[()] = self.root
        self.cwd = self.top

    @property
    def top(self) -> Spot:
        """The guest's root directory."""
        return Spot(self.root.root, (), self.root)

    def mount(self, path: bytes, root: Directory, *, read_only: bool = False) -> None:
        """Put a file system at an absolute path, hiding what is there."""
        names = tuple(n for n in path.split(b"/") if n)
        mount = Mount(names, root, read_only)
        self.mounts[names] = mount
        if not names:
            self.root = mount
            self.cwd = self.top

    def mounted_in(self, path: Names) -> tuple[bytes, ...]:
        """Names of mount points (and of directories leading to them) directly inside `path`."""
        depth = len(path)
        return tuple({m[depth] for m in self.mounts if len(m) > depth and m[:depth] == path})

    # -- walking ----------------------------------------------------------------------------------

    def find(self, base: Spot, path: bytes, *, follow: bool) -> Place:
        """Where `path` leads from `base`. A missing last component is the caller's business."""
        if not path:
            raise Errno(E.NOENT)
        if len(path) >= 4096:
            raise Errno(E.NAMETOOLONG)
        fast = self._near(base, path, follow=follow)
        return fast or _Walk(self, base, path, follow=follow).run()

    def _near(self, base: Spot, path: bytes, *, follow: bool) -> Place | None:
        """A path below one mount without links or dots: at most one call of the host."""
        if follow:
            return None
        names = path.split(b"/")
        absolute = not names[0]
        if absolute:
            del names[0]
        if b"" in names or b"." in names or b".." in names or len(names[-1]) > MAX_NAME:
            return None
        if absolute:
            base = self.deepest(names)
            names = names[len(base.path) :]
        at = base.path
        for name in names:
            at = (*at, name)
            if at in self.mounts:
                return None
        if len(names) == 1:
            return Place(base, names[0])
        node = base.node.descend_far(b"/".join(names[:-1]))
        return None if node is None else Place(Spot(node, at[:-1], base.mount), names[-1])

    def deepest(self, names: list[bytes]) -> Spot:
        """The deepest mount that an absolute path crosses before its last name."""
        for depth in range(len(names) - 1, -1, -1):
            mount = self.mounts.get(tuple(names[:depth]))
            if mount is not None:
                return Spot(mount.root, mount.path, mount)
        raise AssertionError("the root is always mounted")

    def directory(self, base: Spot, path: bytes) -> Spot:
        """The directory a path leads to. Raises NOTDIR for anything else."""
        place = self.find(base, path, follow=True)
        if place.name == b"." and place.jump is None:
            return place.spot
        mount = self.mounts.get((*place.spot.path, place.name))
        if mount is not None:
            return Spot(mount.root, mount.path, mount)
        node = place.jump or place.spot.node.descend(place.name)
        if not isinstance(node, Directory):
            raise Errno(E.NOTDIR)
        return Spot(node, (*place.spot.path, place.name), place.spot.mount)

    # -- opening ----------------------------------------------------------------------------------

    def open(self, base: Spot, path: bytes, flags: Open, mode: int) -> File:
        """Open a path; links are followed unless NOFOLLOW (or CREATE with EXCLUSIVE) forbids it."""
        bits = int(flags)
        follow = not bits & NOFOLLOW and not (bits & CREATE and bits & EXCLUSIVE)
        place = self.find(base, path, follow=False)
        try:
            return self._open_place(place, flags, mode)
        except Errno as error:
            if error.code is not E.LOOP or not follow:
                raise
        return self._open_place(self.find(base, path, follow=True), flags, mode)

    def _open_place(self, place: Place, flags: Open, mode: int) -> File:
        if place.spot.mount.read_only and int(flags) & (WRITE | TRUNCATE | CREATE):
            if not place.is_descriptor:
                _check_read_only(place, flags)
            flags &= ~Open.CREATE
        if place.slash:
            if flags & Open.CREATE:
                raise Errno(E.ISDIR)
            flags |= Open.DIRECTORY
        if place.jump is not None:
            file = place.jump.open(flags)
        else:
            file = place.spot.node.open_at(place.name, flags, mode)
        if isinstance(file, DirectoryFile):
            self._settle(file, place)
        if file.place is None:
            file.place = place
        file.read_only = place.spot.mount.read_only
        return file

    def _settle(self, file: DirectoryFile, place: Place) -> None:
        """Tell an open directory where it is."""
        path = place.spot.path if place.name == b"." else (*place.spot.path, place.name)
        file.spot = Spot(file.directory, path, place.spot.mount)
        file.extra = self.mounted_in(path)


def _check_read_only(place: Place, flags: Open) -> None:
    """What a read-only mount says to an open that would change something."""
    exists = True
    try:
        kind = place.stat().mode & S_IFMT
    except Errno as error:
        if error.code is not E.NOENT or not flags & Open.CREATE:
            raise
        exists, kind = False, 0
    if exists and flags & Open.CREATE and flags & Open.EXCLUSIVE:
        raise Errno(E.EXIST)
    if kind == S_IFLNK:
        raise Errno(E.LOOP)
    device = kind in (0o020000, 0o010000)
    if not exists or (flags & (Open.WRITE | Open.TRUNCATE) and not device):
        raise Errno(E.ROFS)


class _Walk:
    """One resolution, step by step."""

    def __init__(self, names: Namespace, base: Spot, path: bytes, *, follow: bool) -> None:
        self.names, self.follow = names, follow
        self.links = 0
        self.stack: list[Spot] = [base]
        self.pending: deque[bytes] = deque()
        self.slash = False
        self._push(path)

    def _push(self, path: bytes) -> None:
        if path.startswith(b"/"):
            self.stack = [self.names.top]
        if not self.pending:
            self.slash = path.endswith((b"/", b"/.")) or self.slash
        self.pending.extendleft(n for n in reversed(path.split(b"/")) if n and n != b".")

    def run(self) -> Place:
        while self.pending:
            name = self.pending.popleft()
            if len(name) > MAX_NAME:
                raise Errno(E.NAMETOOLONG)
            if name == b"..":
                self._up()
                continue
            found = self._last(name) if not self.pending else self._middle(name)
            if found is not None:
                return found
        return Place(self.stack[-1], b".")

    def _mounted(self, name: bytes) -> Spot | None:
        path = (*self.stack[-1].path, name)
        mount = self.names.mounts.get(path)
        return None if mount is None else Spot(mount.root, path, mount)

    def _last(self, name: bytes) -> Place | None:
        spot = self._mounted(name)
        if spot is not None:
            return Place(spot, b".")
        here = self.stack[-1]
        if self.follow or self.slash:
            try:
                target = here.node.readlink(name)
            except Errno as error:
                if error.code is not E.NOENT:
                    raise
                target = None
            if isinstance(target, Node):
                return Place(here, name, target)
            if target is not None:
                self._link(target)
                return None
        return Place(here, name, slash=self.slash)

    def _middle(self, name: bytes) -> Place | None:
        spot = self._mounted(name)
        here = self.stack[-1]
        if spot is None:
            try:
                node = here.node.descend(name)
            except Errno as error:
                if error.code is not E.LOOP:
                    raise
                target = here.node.readlink(name)
                if target is None:
                    raise Errno(E.NOENT) from None
                if isinstance(target, bytes):
                    self._link(target)
                    return None
                if not isinstance(target, Directory):
                    raise Errno(E.NOTDIR) from None
                node = target
            spot = Spot(node, (*here.path, name), here.mount)
        self.stack.append(spot)
        return None

    def _link(self, target: bytes) -> None:
        self.links += 1
        if self.links > MAX_LINKS:
            raise Errno(E.LOOP)
        if not target:
            raise Errno(E.NOENT)
        self._push(target)

    def _up(self) -> None:
        here = self.stack.pop()
        if self.stack:
            return
        if not here.path:
            self.stack = [self.names.top]
            return
        above = b"/" + b"/".join(here.path[:-1])
        self.stack = [self.names.directory(self.names.top, above) if here.path[:-1] else self.names.top]
