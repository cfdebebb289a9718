"""Advisory locks on ranges of files: who of this run holds what, and the same told to the host.

The table decides between the guest's own processes. What they hold together is also set on the host's file, as
locks of one description that belongs to the run, so that other runs and other programs of the host see it.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Hashable, Iterator
from itertools import pairwise

from aot.record import dataclass, field
from runtime.kernel.host import failure
from runtime.kernel.node import File

END = 1 << 63
"""Where a range ends that reaches to the end of the file."""
READ, WRITE, UNLOCK = 0, 1, 2
_FLOCK = struct.Struct("=hh4xqqi4x")  # struct flock, 64 bits
OFD_GETLK, OFD_SETLK = 36, 37  # include/uapi/asm-generic/fcntl.h
Key = tuple[Hashable, ...]


@dataclass(slots=True, eq=False)
class Held:
    """One range that an owner holds: a process's descriptors, or one open file description."""

    owner: object
    start: int
    end: int
    kind: int
    pid: int


def _packed(kind: int, start: int, end: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, start, 0 if end >= END else end - start, 0)


@dataclass(slots=True, eq=False)
class FileLocks:
    """The locks on one file. `mirror` is the run's own descriptor of the host's file."""

    held: list[Held] = field(default_factory=list)
    mirror: int | None = None

    def conflict(self, owner: object, start: int, end: int, kind: int) -> Held | None:
        """The first lock of somebody else that stands in the way."""
        for item in self.held:
            if (
                item.owner is not owner
                and item.start < end
                and start < item.end
                and WRITE in (kind, item.kind)
            ):
                return item
        return None

    def replace(self, new: Held) -> list[Held]:
        """What is held after `new.owner` set (or gave up) a range; ranges split and merge."""
        kept: list[Held] = []
        for item in self.held:
            if item.owner is not new.owner or item.end < new.start or new.end < item.start:
                kept.append(item)
            elif item.kind == new.kind:
                new = Held(new.owner, min(item.start, new.start), max(item.end, new.end), new.kind, new.pid)
            else:
                if item.start < new.start:
                    kept.append(Held(item.owner, item.start, new.start, item.kind, item.pid))
                if new.end < item.end:
                    kept.append(Held(item.owner, new.end, item.end, item.kind, item.pid))
        if new.kind != UNLOCK:
            kept.append(new)
        return sorted(kept, key=lambda item: item.start)

    def tell(self, held: list[Held], start: int, end: int) -> bool:
        """Set on the host what is held in [start, end) by anybody here; False when an outsider is in the way."""
        if self.mirror is None:
            return True
        for kind, lo, hi in _union(held, start, end):
            try:
                fcntl.fcntl(self.mirror, OFD_SETLK, _packed(kind, lo, hi))
            except BlockingIOError:
                return False
            except PermissionError:  # some systems say so
                return False
            except OSError as error:
                raise failure(error) from None
        return True

    def outsider(self, start: int, end: int, kind: int) -> Held | None:
        """What somebody outside this run holds in the way."""
        if self.mirror is None:
            return None
        try:
            raw = fcntl.fcntl(self.mirror, OFD_GETLK, _packed(kind, start, end))
        except OSError as error:
            raise failure(error) from None
        kind, _, at, length, pid = _FLOCK.unpack(raw)
        return None if kind == UNLOCK else Held(None, at, at + length if length else END, kind, pid)


def _union(held: list[Held], start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(kind, from, to) of what is held in a range, neighbours of one kind joined."""
    cuts = {start, end}
    for item in held:
        cuts |= {at for at in (item.start, item.end) if start < at < end}
    edges = sorted(cuts)
    open_kind, open_at = -1, start
    for lo, hi in pairwise(edges):
        kinds = [item.kind for item in held if item.start < hi and lo < item.end]
        kind = max(kinds, default=UNLOCK)  # READ 0 < WRITE 1
        if kind != open_kind:
            if open_kind >= 0:
                yield open_kind, open_at, lo
            open_kind, open_at = kind, lo
    yield open_kind, open_at, end


@dataclass(slots=True, eq=False)
class LockTable:
    """Every lock of a run, and which contexts wait for whom."""

    files: dict[Key, FileLocks] = field(default_factory=dict)
    keys: dict[int, set[Key]] = field(default_factory=dict)  # id(owner) -> files it holds locks on
    waits: dict[int, tuple[object, object]] = field(default_factory=dict)  # context id -> owner, blocker
    released: int = 0  # counts what was given up: a waiting call need not look before it changes

    def of(self, key: Key) -> FileLocks:
        """The locks of a file, an empty set for one without."""
        return self.files.get(key) or FileLocks()

    def set(self, file: File, key: Key, new: Held, *, mirrored: bool = True) -> Held | None:
        """Set or give up a range; who is in the way (an outsider has no owner), None when it was done."""
        locks = self.of(key)
        if new.kind != UNLOCK:
            found = locks.conflict(new.owner, new.start, new.end, new.kind)
            if found is not None:
                return found
            if locks.mirror is None and mirrored:
                locks.mirror = open_mirror(file)
        after = locks.replace(new)
        if not locks.tell(after, new.start, new.end):
            self._drop_empty(key, locks)
            return Held(None, new.start, new.end, WRITE, 0)
        locks.held = after
        self.files[key] = locks
        self.keys.setdefault(id(new.owner), set()).add(key)
        if new.kind != WRITE:
            self.released += 1
        self._drop_empty(key, locks)
        return None

    def _drop_empty(self, key: Key, locks: FileLocks) -> None:
        if locks.held:
            return
        if locks.mirror is not None:
            os.close(locks.mirror)
            locks.mirror = None
        self.files.pop(key, None)

    def test(self, file: File, key: Key, owner: object, start: int, end: int, kind: int) -> Held | None:
        """Who would be in the way of a lock."""
        locks = self.of(key)
        found = locks.conflict(owner, start, end, kind)
        if found is not None:
            return found
        opened = locks.mirror is None
        if opened:
            locks.mirror = open_mirror(file)
        try:
            return locks.outsider(start, end, kind)
        finally:
            if opened and locks.mirror is not None:
                os.close(locks.mirror)
                locks.mirror = None

    def forget(self, owner: object, key: Key | None = None) -> None:
        """An owner gives up all it holds, or all it holds on one file."""
        known = self.keys.get(id(owner))
        if not known or (key is not None and key not in known):
            return
        for each in [key] if key is not None else list(known):
            known.discard(each)
            locks = self.files.get(each)
            if locks is None:
                continue
            mine = [item for item in locks.held if item.owner is owner]
            locks.held = [item for item in locks.held if item.owner is not owner]
            for item in mine:
                locks.tell(locks.held, item.start, item.end)
            self._drop_empty(each, locks)
            self.released += 1
        if not known:
            del self.keys[id(owner)]

    def closed(self, owner: object, file: File) -> None:
        """A process closed one of its descriptors: all its locks on that file go."""
        if id(owner) in self.keys:
            self.forget(owner, key_of(file))

    def deadlock(self, owner: object, blocker: object) -> bool:
        """Whether `blocker` waits, over any number of others, for `owner`."""
        seen: list[object] = []
        todo = [blocker]
        while todo:
            at = todo.pop()
            if at is owner:
                return True
            if not any(at is s for s in seen):
                seen.append(at)
                todo += [b for o, b in self.waits.values() if o is at and b is not None]
        return False


def key_of(file: File) -> Key:
    """What file it is: device and inode where the host knows it, else the node itself."""
    host = file.lock_fd()
    if host is None:
        return ("node", id(file.node))
    try:
        st = os.fstat(host)
    except OSError as error:
        raise failure(error) from None
    return ("host", st.st_dev, st.st_ino)


def open_mirror(file: File) -> int | None:
    """A description of the run's own of a host file; the guest's is used where that is not allowed."""
    if file.host_fd is None:
        return None
    for flags in (os.O_RDWR, os.O_RDONLY) if not file.can_write else (os.O_RDWR,):
        try:
            return os.open(
                f"/proc/self/fd/{file.host_fd}", flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
            )
        except OSError:  # not permitted, a running program, a read-only file system: the next way
            continue
    try:
        return os.dup(file.host_fd)
    except OSError as error:
        raise failure(error) from None
