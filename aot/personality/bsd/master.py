"""A row's number by the call's name: what syscalls.master is to the BSDs, from each system's table of names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aot.personality.abi.call import VALUE, Call, Ret, Status, absent, call
from aot.personality.abi.kinds import Args
from aot.personality.abi.op import Op

X86_64, AARCH64 = "x86_64", "aarch64"
COLUMNS = {X86_64: ("x86_64",), AARCH64: ("aarch64",)}


class Master:
    """Numbers of one system; `spelled` gives the current name of a call the shared rows name plainly."""

    def __init__(self, names: Mapping[int, str], spelled: Mapping[str, str]) -> None:
        self._names = names
        self._numbers = {name: number for number, name in names.items()}
        self._spelled = spelled

    def nr(self, name: str) -> dict[str, int | None]:
        """The number of a call, the same in both columns. Raises KeyError when the system has none."""
        number = self._numbers[name]
        return {X86_64: number, AARCH64: number}

    def row(
        self,
        name: str,
        op: Op | None,
        status: Status,
        args: Args | None = None,
        ret: Ret = VALUE,
        **more: Any,
    ) -> Call | None:
        """A row under this system's name and number; None when it has no such call."""
        own = self._spelled.get(name, name)
        if own not in self._numbers:
            return None
        return call(own, self.nr(own), op, status, args, ret, **more)

    def rest(self, served: tuple[Call, ...]) -> tuple[Call, ...]:
        """Every other call the system has, absent by name."""
        taken = {number for row in served for number in row.numbers.values()}
        missing = (name for number, name in self._names.items() if number not in taken)
        return tuple(absent(name, self.nr(name), "not built") for name in missing)
