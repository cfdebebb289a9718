"""Reads policies: our own in TOML or JSON, and the seccomp profiles of containers.

    [default]                       # what becomes of a call no rule is about; left out: refuse with EPERM
    action = "refuse"               # allow, log, refuse or kill
    error = "EPERM"

    [[rule]]                        # looked at in this order, the first that matches decides
    calls = ["openat", "stat"]
    paths = ["/etc/passwd", "/usr/lib/"]    # a slash at the end: everything below
    action = "allow"

    [[rule]]
    calls = ["connect"]
    addresses = ["10.0.0.0/8:443", "[::1]:*", "unix:/run/app.sock"]
    action = "log"

Profiles: opencontainers/runtime-spec, config-linux.md, "Seccomp", and the conditions by architecture, capability and
kernel that moby's profiles add (profiles/seccomp). A container without added capabilities has none that they ask
about.
"""

from __future__ import annotations

import ipaddress
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aot.errors import ProfileError
from aot.personality.abi.errors import E
from aot.personality.abi.personality import Personality
from aot.personality.registry import PERSONALITIES, system_of
from aot.record import dataclass
from runtime.policy.model import Action, Compare, Condition, Policy, Rule, Verdict
from runtime.policy.targets import AT_NAMES, AT_PATHS

ACTIONS = {
    "SCMP_ACT_ALLOW": Action.ALLOW, "SCMP_ACT_LOG": Action.LOG, "SCMP_ACT_ERRNO": Action.REFUSE,
    "SCMP_ACT_KILL": Action.KILL, "SCMP_ACT_KILL_PROCESS": Action.KILL, "SCMP_ACT_KILL_THREAD": Action.KILL,
}  # fmt: skip
ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}
OUR_KEYS = frozenset(("calls", "action", "error", "paths", "addresses", "args"))


@dataclass(frozen=True, slots=True)
class _File:
    """Where a policy comes from and which program it is for."""

    name: str
    arch: str

    def wrong(self, what: str) -> ProfileError:
        """The error that says so."""
        return ProfileError(f"{self.name}: {what}")


def read_policy(raw: bytes, name: str, arch: str) -> Policy:
    """The policy in the bytes of the file `name`, for a program of `arch`. Raises ProfileError."""
    file = _File(name, arch)
    try:
        text = raw.decode()
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:  # both parsers' errors are ValueErrors
        raise file.wrong(f"not a policy: {error}") from None
    try:
        return _profile(file, found) if "defaultAction" in found else _own(file, found)
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise file.wrong(f"not a policy: {_words(error)}") from None


def _words(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def _own(file: _File, found: dict[str, Any]) -> Policy:
    for key in found.keys() - {"default", "rule"}:
        raise file.wrong(f"unknown key {key!r}")
    default = _verdict(file, found.get("default", {"action": "refuse"}), "[default]")
    known = _Names()
    rules = tuple(_rule(file, rule, at, known) for at, rule in enumerate(found.get("rule", ()), 1))
    return Policy(rules, default, file.name)


def _rule(file: _File, rule: dict[str, Any], at: int, known: _Names) -> Rule:
    place = f"rule {at} of {file.name}"
    for key in rule.keys() - OUR_KEYS:
        raise file.wrong(f"rule {at}: unknown key {key!r}")
    calls = _texts(rule["calls"])
    paths, addresses = _texts(rule.get("paths", ())), _texts(rule.get("addresses", ()))
    for call in calls:
        rows = known.rows(call)
        if not rows:
            raise file.wrong(f"rule {at}: no system has a call {call!r}")
        for targets, ops, what in ((paths, AT_PATHS, "path"), (addresses, AT_NAMES, "address")):
            if targets and not any(row.via or row.by or row.op in ops for row in rows):
                raise file.wrong(f"rule {at}: {call} has no {what}")
    for path in paths:
        if not path.startswith("/"):
            raise file.wrong(f"rule {at}: {path!r} is not an absolute path")
    for address in addresses:
        _check_address(address)
    conditions = tuple(_condition(c, "op") for c in rule.get("args", ()))
    return Rule(frozenset(calls), _verdict(file, rule, f"rule {at}"), place, paths, addresses, conditions)


def _check_address(text: str) -> None:
    """Raises ValueError for what no socket's name can match."""
    if text.startswith(("unix:", "netlink:")):
        return
    host, colon, port = text.rpartition(":")
    if not colon or not (port == "*" or (port.isdigit() and int(port) < 1 << 16)):
        raise ValueError(f"{text!r} is not HOST:PORT, unix:PATH or netlink:")
    if host != "*":
        ipaddress.ip_network(host.replace("[", "").replace("]", ""), strict=False)


def _texts(found: Any) -> tuple[str, ...]:
    if isinstance(found, str) or not all(isinstance(text, str) for text in found):
        raise TypeError(f"{found!r} is not a list of strings")
    return tuple(found)


def _verdict(file: _File, rule: Mapping[str, Any], place: str) -> Verdict:
    try:
        action = Action(rule["action"])
    except ValueError:
        raise file.wrong(
            f"{place}: no action {rule['action']!r}; there are allow, log, refuse, kill"
        ) from None
    name = rule.get("error", "EPERM")
    if name.removeprefix("E") not in E.__members__:
        raise file.wrong(f"{place}: there is no error {name!r}")
    return Verdict(action, E[name.removeprefix("E")])


class _Names:
    """The rows that each name of a call stands for, in whichever systems have it."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[Any]] = {}

    def rows(self, call: str) -> list[Any]:
        """Every row of this name."""
        if not self._by_name:
            for personality in PERSONALITIES:
                for row in system_of(personality).calls:
                    self._by_name.setdefault(row.name, []).append(row)
        return self._by_name.get(call, [])


def _condition(found: Mapping[str, Any], compare: str) -> Condition:
    name = str(found[compare])
    kind = Compare(name if name.startswith("SCMP_CMP_") else f"SCMP_CMP_{name.upper()}")
    index, value, second = int(found["index"]), int(found["value"]), int(found.get("valueTwo", 0))
    if not 0 <= index < 6:
        raise ValueError(f"argument {index} does not exist")
    return Condition(index, kind, value, second)


def _profile(file: _File, found: dict[str, Any]) -> Policy:
    """A profile's rules: those with conditions first, as libseccomp orders them."""
    linux = system_of(Personality.LINUX)

    def verdict(action: str, number: int | None) -> Verdict:
        if action not in ACTIONS:
            raise file.wrong(f"{action} cannot be enforced here; {', '.join(ACTIONS)} can")
        name = "EPERM" if number is None else linux.error_names.get(number, "")
        if name.removeprefix("E") not in E.__members__:
            raise file.wrong(f"Linux has no error {number}")
        return Verdict(ACTIONS[action], E[name.removeprefix("E")])

    default = verdict(found["defaultAction"], found.get("defaultErrnoRet"))
    rules = [rule for entry in found.get("syscalls") or () for rule in _entry(file, entry, verdict)]
    return Policy(tuple(sorted(rules, key=lambda rule: not rule.conditions)), default, file.name)


def _entry(
    file: _File, entry: Mapping[str, Any], verdict: Callable[[str, int | None], Verdict]
) -> Iterator[Rule]:
    """The rules of one entry: conditions on different arguments are joined, those on the same are alternatives."""
    if not _applies(file, entry):
        return
    names = frozenset(_texts(entry["names"] if "names" in entry else (entry["name"],)))
    decided = verdict(entry["action"], entry.get("errnoRet"))
    conditions = tuple(_condition(c, "op") for c in entry.get("args") or ())
    place = f"{entry['action']} of {file.name}"
    if len({condition.index for condition in conditions}) < len(conditions):
        for condition in conditions:
            yield Rule(names, decided, place, conditions=(condition,))
    else:
        yield Rule(names, decided, place, conditions=conditions)


def _applies(file: _File, entry: Mapping[str, Any]) -> bool:
    """Whether the conditions that moby puts on an entry hold here."""
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    arch = ARCHES.get(file.arch, file.arch)
    if includes.get("caps") or arch in (excludes.get("arches") or ()):
        return False
    return not includes.get("arches") or arch in includes["arches"]
