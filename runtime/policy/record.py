"""Notes what a guest asked for, and writes it as a policy that allows as much."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Any

import tomli_w

from aot.personality.abi.call import Call
from aot.personality.abi.compile import Handler
from aot.record import dataclass, field
from runtime.kernel.context import Context
from runtime.policy.targets import Target, path_matches

MANY_NAMES = 8  # of one directory; more are written as the directory
MANY_PORTS = 4  # of one host; more are written as any
EPHEMERAL = 32768  # ports from here on are given out, another one at every run
UNIX = "unix:"
_PROCESS = re.compile(r"^/proc/[0-9]+(?=/|$)")  # another number at every run


@dataclass(slots=True)
class _Seen:
    """The targets of one call."""

    paths: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)  # paths that got their name by the call
    addresses: set[str] = field(default_factory=set)


class Recorder:
    """What the processes of one run have asked for so far."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._now = _Seen()

    def around(self, handler: Handler, row: Call) -> Handler:
        """`handler`, after its call was noted."""
        seen = self._seen

        def recorded(ctx: Context) -> int:
            self._now = seen.get(row.name) or seen.setdefault(row.name, _Seen())
            return handler(ctx)

        return recorded

    def target(self, target: Target) -> None:
        """Note what the call under way is about."""
        if not target.path:
            self._now.addresses.add(target.text)
        else:
            (self._now.made if target.made else self._now.paths).add(target.text)

    def text(self, program: str) -> str:
        """The policy, as TOML."""
        plain = sorted(name for name, seen in self._seen.items() if not _has_targets(seen))
        made = set[str]().union(*(seen.made for seen in self._seen.values()))  # whatever looks at it later
        alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
        for name, seen in sorted(self._seen.items()):
            if _has_targets(seen):
                key = (
                    tuple(merged_paths(seen.paths - made, seen.made | seen.paths & made)),
                    tuple(merged_addresses(seen.addresses)),
                )
                alike.setdefault(key, []).append(name)
        rules: list[dict[str, Any]] = [{"calls": plain, "action": "allow"}] if plain else []
        for (paths, addresses), calls in alike.items():
            about = {"paths": list(paths)} if paths else {}
            about |= {"addresses": list(addresses)} if addresses else {}
            rules.append({"calls": calls, "action": "allow", **about})
        body = tomli_w.dumps({"default": {"action": "refuse", "error": "EPERM"}, "rule": rules})
        return f"# What a run of {program!a} asked for; `helctic-aot run --policy` allows no more.\n{body}"


def _has_targets(seen: _Seen) -> bool:
    return bool(seen.paths or seen.made or seen.addresses)


def merged_paths(paths: Iterable[str], made: Iterable[str]) -> list[str]:
    """Fewer paths that allow as much: a directory stands for names made in it, and for many names in it.

    The root never stands for what is in it.
    """
    found, by_directory = {_PROCESS.sub("/proc/*", path) for path in paths}, dict[str, set[str]]()
    for path in found:
        by_directory.setdefault(posixpath.dirname(path), set()).add(path)
    wide = {directory for directory, names in by_directory.items() if len(names) > MANY_NAMES}
    for path in made:
        if posixpath.dirname(path) == "/":
            found.add(path)
        else:
            wide.add(posixpath.dirname(path))
    prefixes = {f"{directory}/" for directory in wide if directory != "/"}
    every = prefixes | found
    return sorted(
        p for p in every if not any(p != q and path_matches(q, p.rstrip("/") or p) for q in prefixes)
    )


def merged_addresses(addresses: Iterable[str]) -> list[str]:
    """Fewer addresses that allow as much: any port for many ports of one host, and for ports that are given out."""
    found, by_host = set[str](), dict[str, set[str]]()
    for text in addresses:
        host, _, port = text.rpartition(":")
        if text.startswith(UNIX) or not port.isdigit():
            found.add(text)
        else:
            by_host.setdefault(host, set()).add(port)
    for host, ports in by_host.items():
        wide = len(ports) > MANY_PORTS or any(int(port) >= EPHEMERAL for port in ports)
        found |= {f"{host}:*"} if wide else {f"{host}:{port}" for port in ports}
    return sorted(found)
