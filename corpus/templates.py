"""Assembles the templates of every stub into the bytes that are checked in: python -m corpus.templates."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import TypeGuard

from aot.image.model import Arch
from aot.manifest import StubClass
from aot.personality.registry import PERSONALITIES, system_of
from aot.rewrite import assemble, assembled, cases_aarch64, cases_x86_64, stubs_aarch64, stubs_x86_64
from aot.rewrite.assemble import Template
from aot.rewrite.binder import SystemBinder
from aot.rewrite.call import Call

TARGET = Path(assembled.__file__)
MODULES = (stubs_x86_64, stubs_aarch64, cases_x86_64, cases_aarch64)
FAR_INDEX = 1 << 16  # of a site: two instructions load it

HEAD = '''"""What Keystone gives for the templates of stubs: architecture -> text -> bytes, in hexadecimal.

Written by `python -m corpus.templates` (make gen); a test compares it with Keystone.
"""

# ruff: noqa: E501
# fmt: off
from __future__ import annotations

ASSEMBLED: dict[str, dict[str, str]] = {
'''


class _Recorder(dict[str, str]):
    """Knows nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, key: str, _default: object = None) -> None:  # type: ignore[override]
        self.asked.add(key)


def texts() -> dict[Arch, list[str]]:
    """The text of every template that a stub of any system is made of."""
    recorders = {arch: _Recorder() for arch in Arch}
    kept = dict(assembled.ASSEMBLED)
    assembled.ASSEMBLED.update({arch.value: recorder for arch, recorder in recorders.items()})
    assemble.template.cache_clear()
    try:
        for call in _calls():
            if call.gate.number == "imm":
                continue  # the exit word is in place
            if call.gate.trap == "svc":
                for index in (0, FAR_INDEX):
                    stubs_aarch64.body(call, index)
            else:
                stubs_x86_64.body(call)
        for index in (0, FAR_INDEX):
            stubs_aarch64.import_stub(index)
        for module in MODULES:
            for part in filter(_is_constant, vars(module).values()):
                part()
    finally:
        assembled.ASSEMBLED.update(kept)
        assemble.template.cache_clear()
    return {arch: sorted(recorder.asked) for arch, recorder in recorders.items()}


def _is_constant(part: object) -> TypeGuard[Callable[[], Template]]:
    """Whether it is a function that answers always the same template."""
    if not isinstance(part, FunctionType):
        return False
    found = inspect.signature(part)
    return not found.parameters and found.return_annotation == "Template"


def _calls() -> Iterator[Call]:
    """A call of every row there is."""
    for system in map(system_of, PERSONALITIES):
        for column, arches in system.columns.items():
            for arch in arches:
                binder = SystemBinder(system, column, arch)
                yield Call(StubClass.TABLE, binder.gate)
                for number in (*system.by_number(column), (1 << 64) - 1):
                    info = binder.call(number)
                    cls = StubClass.INLINE if info and info.inline is not None else StubClass.BOUND
                    yield Call(cls, binder.gate, number, info)


def generated() -> str:
    """The text of assembled.py."""
    parts = [HEAD]
    for arch, known in texts().items():
        parts.append(f'    "{arch.value}": {{\n')
        for text in known:
            quoted = text.replace("\n", "\\n")
            parts.append(f'        "{quoted}": "{assemble.assemble(arch, text).hex()}",\n')
        parts.append("    },\n")
    return "".join([*parts, "}\n"])


if __name__ == "__main__":
    TARGET.write_text(generated())
