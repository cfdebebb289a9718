"""Sequences of calls, one a thread, from a trace of ours and from the files of `strace -ff`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from aot.record import dataclass

LINE = re.compile(r"(?P<name>\w+)\(.*\) += (?P<result>.*)$")
OURS = re.compile(r"\[(?P<tid>\d+)\] (?P<call>.*)$")
ERROR = re.compile(r"-1 (E[A-Z0-9]+)")
ENDS = {"exit", "exit_group"}
BIRTHS = {"clone", "clone3", "fork", "vfork"}


@dataclass(frozen=True, slots=True)
class Made:
    """One call that was made: its name and its result, a number or the name of an error."""

    name: str
    result: str

    def __str__(self) -> str:
        return f"{self.name}(...) = {self.result}"


@dataclass(frozen=True, slots=True)
class Thread:
    """The calls of one thread or process, and of those it made, in the order it made them."""

    calls: tuple[Made, ...]
    children: tuple[Thread, ...]
    killed: bool = False  # by a signal: whether its last call counts as made is a matter of taste


def of_strace(files: Mapping[int, Sequence[str]]) -> Thread:
    """What `strace -ff -X raw` wrote, by thread.

    The call that began the program, execve, is not the program's own and left out.
    """
    logs = {tid: _calls(lines) for tid, lines in files.items()}
    killed = {tid for tid, lines in files.items() if lines and lines[-1].startswith("+++ killed")}
    born = {int(c.result) for calls in logs.values() for c in calls if _bore(c)}
    (root,) = set(logs) - born
    return _family(root, {**logs, root: logs[root][1:]}, killed)


def of_trace(lines: Iterable[str]) -> Thread:
    """What `run --trace` wrote."""
    logs: dict[int, list[Made]] = {}
    for line in lines:
        found = OURS.match(line)
        assert found, f"no line of a trace: {line}"
        made = _made(found["call"])
        calls = logs.setdefault(int(found["tid"]), [])
        if made is not None and not (
            not calls and made.name in BIRTHS
        ):  # a child's own return from its birth
            calls.append(made)
    return _family(next(iter(logs)), logs) if logs else Thread((), ())


def _calls(lines: Iterable[str]) -> list[Made]:
    """The calls of one thread as it saw them.

    A call that a signal cut off is shown as `? ERESTARTSYS`, whether it then fails with EINTR or is made
    again; the return from the handler tells which.
    """
    out: list[Made] = []
    cut: list[tuple[int, str]] = []  # place in `out` and name of calls that a handler came into
    for line in lines:
        found = LINE.match(line)
        if found and found["result"].startswith("? ERESTART"):
            cut.append((len(out), found["name"]))
            continue
        made = _made(line)
        if made is None:
            continue
        if made.name == "rt_sigreturn" and cut:
            at, name = cut.pop()
            if made.result == "EINTR":
                out.insert(at, Made(name, "EINTR"))
        out.append(made)
    return out


def _made(text: str) -> Made | None:
    """None for what is no completed call: a signal, an exit, a call that goes on elsewhere."""
    found = LINE.match(text)
    if found is None:
        return None
    name, result = _name(found["name"]), found["result"]
    if failed := ERROR.match(result):
        return Made(name, failed[1])
    if name in ENDS:
        return Made(name, "?")
    if name in ("execve", "execveat") and result == "? (Exec)":
        return Made(name, "0")
    if result.startswith("?"):
        return None
    return Made(name, str(_number(result.split()[0])))


def _name(shown: str) -> str:
    """An strace older than a call shows its number."""
    if not shown.startswith("syscall_0x"):
        return shown
    return system_of(Personality.LINUX).by_number("x86_64")[int(shown[8:], 16)].name


def _number(word: str) -> int:
    """strace writes modes in octal, addresses in hexadecimal digits."""
    return int(word, 8) if word.startswith("0") and word.isdigit() else int(word, 0)


def _family(root: int, logs: Mapping[int, list[Made]], killed: Collection[int] = ()) -> Thread:
    calls = tuple(logs.get(root, ()))
    children = tuple(_family(int(c.result), logs, killed) for c in calls if _bore(c))
    return Thread(calls, children, root in killed)


def _bore(made: Made) -> bool:
    return made.name in BIRTHS and made.result.isdigit() and made.result != "0"
