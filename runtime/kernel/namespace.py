"""The guest's tree: a table of mounts, and path walking that never leaves them.

Links, `..` and absolute paths are resolved in guest terms, one component at a time; the schemes only
ever see single names in a directory they hold open, so a rename on the host cannot lead out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_files import Resolve
from aot.record import dataclass, field
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.node import (
    CREATE,
    DIRECTORY,
    EXCLUSIVE,
    NOFOLLOW,
    PATH,
    S_IFDIR,
    S_IFLNK,
    S_IFMT,
    TRUNCATE,
    WRITE,
    Directory,
    File,
    Node,
    PathFile,
)
from runtime.kernel.places import Mount, Names, Place, Spot
from runtime.kernel.walk import FREE, MAX_NAME, Walk

if TYPE_CHECKING:
    from runtime.kernel.context import Process

__all__ = ["Mount", "Names", "Namespace", "Place", "Spot"]
MAX_PATH = 4096


@dataclass(slots=True)
class Namespace:
    """Mounts, root and current directory of a process."""

    root: Mount
    mounts: dict[Names, Mount] = field(default_factory=dict)
    cwd: Spot = field(init=False)
    owner: Process | None = None  # whose /proc/self this is
    exec_node: Node | None = None  # the running program, for /proc/self/exe
    jail: Spot | None = None  # what chroot made the root

    def __post_init__(self) -> None:
        self.mounts[()] = self.root
        self.cwd = self.top

    @property
    def top(self) -> Spot:
        """The process's root directory."""
        return self.jail or Spot(self.root.root, (), self.root)

    def shown(self, path: bytes) -> bytes:
        """An absolute path of the tree as the process sees it below its root."""
        if self.jail is None:
            return path
        inside = self.jail.text.rstrip(b"/") + b"/"
        if path + b"/" == inside:
            return b"/"
        return path[len(inside) - 1 :] if path.startswith(inside) else b"(unreachable)" + path

    def mount(self, path: bytes, root: Directory, *, read_only: bool = False) -> None:
        """Put a file system at an absolute path, hiding what is there."""
        names = tuple(n for n in path.split(b"/") if n)
        mount = Mount(names, root, read_only, len(self.mounts) + 1 if names else 1)
        self.mounts[names] = mount
        if not names:
            self.root = mount
            self.cwd = self.top

    def mounted_in(self, path: Names) -> tuple[bytes, ...]:
        """Names of mount points (and of directories leading to them) directly inside `path`."""
        depth = len(path)
        return tuple({m[depth] for m in self.mounts if len(m) > depth and m[:depth] == path})

    # -- walking ----------------------------------------------------------------------------------

    def find(self, base: Spot, path: bytes, *, follow: bool, rules: Resolve = FREE) -> Place:
        """Where `path` leads from `base`. A missing last component is the caller's business."""
        if not path:
            raise Errno(E.NOENT)
        if len(path) >= MAX_PATH:
            raise Errno(E.NAMETOOLONG)
        if not rules and not follow:
            fast = self._near(base, path)
            if fast is not None:
                return fast
        return Walk(self, base, path, follow=follow, rules=rules).run()

    def _near(self, base: Spot, path: bytes) -> Place | None:
        """A path below one mount without links or dots: at most one call of the host."""
        names = path.split(b"/")
        absolute = not names[0]
        if absolute:
            if self.jail is not None:
                return None
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

    def at(self, path: Names) -> Spot:
        """The directory at a place of the tree, whatever the process's root is. Raises NOENT, NOTDIR."""
        spot = Spot(self.root.root, (), self.root)
        for depth, name in enumerate(path, 1):
            mount = self.mounts.get(path[:depth])
            spot = (
                Spot(spot.node.descend(name), path[:depth], spot.mount)
                if mount is None
                else Spot(mount.root, path[:depth], mount)
            )
        return spot

    def directory(self, base: Spot, path: bytes) -> Spot:
        """The directory a path leads to. Raises NOTDIR for anything else."""
        return self.entered(self.find(base, path, follow=True))

    def entered(self, place: Place) -> Spot:
        """The directory at a place. Raises NOTDIR for anything else."""
        if place.jump is not None:
            if place.jump.spot is not None:
                return place.jump.spot
            node = place.jump.node
            if not isinstance(node, Directory):
                raise Errno(E.NOTDIR)
            return Spot(node, (*place.spot.path, place.name), place.spot.mount)
        if place.name == b".":
            return place.spot
        mount = self.mounts.get((*place.spot.path, place.name))
        if mount is not None:
            return Spot(mount.root, mount.path, mount)
        node = place.spot.node.descend(place.name)
        return Spot(node, (*place.spot.path, place.name), place.spot.mount)

    # -- opening ----------------------------------------------------------------------------------

    def open(self, base: Spot, path: bytes, flags: Open, mode: int, rules: Resolve = FREE) -> File:
        """Open a path; links are followed unless NOFOLLOW (or CREATE with EXCLUSIVE) forbids it."""
        bits = int(flags)
        follow = not bits & NOFOLLOW and not (bits & CREATE and bits & EXCLUSIVE)
        place = self.find(base, path, follow=False, rules=rules)
        try:
            return self._open_place(place, flags, mode)
        except Errno as error:
            # a host says ENOTDIR of a link that is not followed and should be a directory
            link = error.code is E.LOOP or (error.code is E.NOTDIR and bits & DIRECTORY)
            if not link or not follow:
                raise
        return self._open_place(self.find(base, path, follow=True, rules=rules), flags, mode)

    def open_place(self, place: Place, flags: Open) -> File:
        """Open what is at a place, links not followed."""
        return self._open_place(place, flags, 0)

    def open_unnamed(self, base: Spot, path: bytes, flags: Open, mode: int, rules: Resolve = FREE) -> File:
        """A new file without a name on the file system of a directory."""
        if not int(flags) & WRITE:
            raise Errno(E.INVAL)
        spot = self.entered(self.find(base, path, follow=not int(flags) & NOFOLLOW, rules=rules))
        if spot.mount.read_only:
            raise Errno(E.ROFS)
        file = spot.node.open_unnamed(flags, mode)
        file.place = Place(spot, b"#%d (deleted)" % file.stat().ino)
        return file

    def _open_place(self, place: Place, flags: Open, mode: int) -> File:
        bits = int(flags)
        if bits & PATH:
            return self._open_path(place, flags)
        if place.read_only and bits & (WRITE | TRUNCATE | CREATE):
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
        file.read_only = place.read_only
        return file

    def _open_path(self, place: Place, flags: Open) -> File:
        """A descriptor that only stands for a place."""
        node = place.node()
        kind = place.stat().mode & S_IFMT
        if kind == S_IFLNK and (not int(flags) & NOFOLLOW or flags & Open.DIRECTORY):
            raise Errno(E.LOOP)
        if kind != S_IFDIR and (flags & Open.DIRECTORY or place.slash):
            raise Errno(E.NOTDIR)
        flags &= Open.PATH | Open.CLOEXEC | Open.DIRECTORY | Open.NOFOLLOW
        if isinstance(node, Directory):
            file: File = DirectoryFile(node, flags)
            assert isinstance(file, DirectoryFile)
            self._settle(file, place)
        else:
            file = PathFile(node, flags)
        file.place, file.read_only = place, place.read_only
        return file

    def _settle(self, file: DirectoryFile, place: Place) -> None:
        """Tell an open directory where it is."""
        if place.jump is not None and place.jump.spot is not None:
            spot = place.jump.spot
            file.spot = Spot(file.directory, spot.path, spot.mount)
        else:
            path = place.spot.path if place.name == b"." else (*place.spot.path, place.name)
            file.spot = Spot(file.directory, path, place.spot.mount)
        file.extra = self.mounted_in(file.spot.path)
        above = file.spot.path[:-1]
        file.above = lambda: self.at(above).node.stat().ino


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
