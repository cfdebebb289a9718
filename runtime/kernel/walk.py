"""One resolution of a path, step by step, in guest terms: links, `..`, mounts and what a caller forbids."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_files import Resolve
from runtime.kernel.node import Directory, Jump
from runtime.kernel.places import Place, Spot

if TYPE_CHECKING:
    from runtime.kernel.namespace import Namespace

MAX_LINKS = 40
MAX_NAME = 255
FREE = Resolve(0)


class Walk:
    """A walk from `base`. `rules` are those of openat2; leaving what BENEATH allows is XDEV."""

    def __init__(
        self, names: Namespace, base: Spot, path: bytes, *, follow: bool, rules: Resolve = FREE
    ) -> None:
        self.names, self.follow, self.rules = names, follow, rules
        self.base = base
        self.links = 0
        self.stack: list[Spot] = [base]
        self.pending: deque[bytes] = deque()
        self.slash = False
        self._push(path)

    def _push(self, path: bytes) -> None:
        if path.startswith(b"/"):
            if self.rules & Resolve.BENEATH:
                raise Errno(E.XDEV)
            self.stack = [self.base if self.rules & Resolve.IN_ROOT else self._crossed(self.names.top)]
        if not self.pending:
            self.slash = path.endswith((b"/", b"/.")) or self.slash
        self.pending.extendleft(n for n in reversed(path.split(b"/")) if n and n != b".")

    def run(self) -> Place:
        """Where it leads."""
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

    def _crossed(self, spot: Spot) -> Spot:
        """`spot`, unless it is on another mount and that is forbidden."""
        if self.rules & Resolve.NO_XDEV and spot.mount is not self.base.mount:
            raise Errno(E.XDEV)
        return spot

    def _mounted(self, name: bytes) -> Spot | None:
        path = (*self.stack[-1].path, name)
        mount = self.names.mounts.get(path)
        return None if mount is None else self._crossed(Spot(mount.root, path, mount))

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
            if isinstance(target, Jump):
                self._jump(target)
                return Place(here, name, target, slash=self.slash)
            if target is not None:
                self._link(target)
                return None
        return Place(here, name, slash=self.slash)

    def _middle(self, name: bytes) -> Place | None:
        spot = self._mounted(name)
        here = self.stack[-1]
        if spot is None:
            try:
                spot = Spot(here.node.descend(name), (*here.path, name), here.mount)
            except Errno as error:
                if error.code is not E.LOOP:
                    raise
                target = here.node.readlink(name)
                if target is None:
                    raise Errno(E.NOENT) from None
                if isinstance(target, bytes):
                    self._link(target)
                    return None
                self._jump(target)
                spot = target.spot
                if spot is None:
                    if not isinstance(target.node, Directory):
                        raise Errno(E.NOTDIR) from None
                    spot = Spot(target.node, (*here.path, name), here.mount)
        self.stack.append(spot)
        return None

    def _jump(self, target: Jump) -> None:
        if self.rules & (Resolve.NO_MAGICLINKS | Resolve.NO_SYMLINKS):
            raise Errno(E.LOOP)
        if self.rules & (Resolve.BENEATH | Resolve.IN_ROOT | Resolve.NO_XDEV):
            raise Errno(E.XDEV)

    def _link(self, target: bytes) -> None:
        self.links += 1
        if self.links > MAX_LINKS or self.rules & Resolve.NO_SYMLINKS:
            raise Errno(E.LOOP)
        if not target:
            raise Errno(E.NOENT)
        self._push(target)

    def _up(self) -> None:
        here = self.stack[-1]
        bounded = self.rules & (Resolve.BENEATH | Resolve.IN_ROOT)
        if bounded and here.path == self.base.path:
            if self.rules & Resolve.BENEATH:
                raise Errno(E.XDEV)
            return
        if here.path == self.names.top.path:
            return
        self.stack.pop()
        if not self.stack:
            self.stack = [self._crossed(self.names.at(here.path[:-1]))]
        else:
            self._crossed(self.stack[-1])
