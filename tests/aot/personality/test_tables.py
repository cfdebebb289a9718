"""What must hold for the tables of every personality: the rows, the errors, the flags, the registry."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import aot.personality
from aot.image.model import Arch
from aot.personality.abi.call import Call, Level, parameter, parameters
from aot.personality.abi.compile import Door, compile_call
from aot.personality.abi.errors import E
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import Unused
from aot.personality.abi.op import RESERVED, Op
from aot.personality.abi.system import System
from aot.personality.native.system import SYSTEM as NATIVE
from aot.personality.registry import PERSONALITIES, system_of
from runtime.cpu.api import REG_INDEX
from runtime.kernel.optable import standard_ops

ROOT = Path(aot.personality.__path__[0])
SYSTEMS = [system_of(p) for p in PERSONALITIES]
OPS = standard_ops()
SP = {Arch.X86_64: "rsp", Arch.AARCH64: "sp"}
VIA_BUDGET = {"native": 0.0, "linux": 0.1, "freebsd": 0.13, "netbsd": 0.13, "openbsd": 0.21}
"""Share of implemented rows that may need a function of their own. Windows services mostly do."""


def every_row(system: System) -> Iterator[Call]:
    """Rows, with the sub-rows of selectors behind them."""
    for row in system.calls:
        yield row
        if row.by:
            yield from row.by[1].values()


def ids(system: System) -> str:
    return system.name


@pytest.fixture(params=SYSTEMS, ids=ids)
def system(request: pytest.FixtureRequest) -> System:
    found: System = request.param
    return found


def test_the_registry_lists_every_folder_with_tables() -> None:
    folders = {p.parent.name for p in ROOT.glob("*/system.py")} - {"abi"}
    assert folders == {p.name.lower() for p in PERSONALITIES}
    assert [s.personality for s in SYSTEMS] == list(PERSONALITIES)


def test_importing_one_personality_imports_no_other() -> None:
    for chosen in PERSONALITIES:
        code = (
            "import sys; from aot.personality.registry import *; "
            f"system_of(Personality({int(chosen)})); "
            "print(*sorted({m.split('.')[2] for m in sys.modules if m.startswith('aot.personality.')}))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        others = {p.name.lower() for p in PERSONALITIES} - {chosen.name.lower(), "native"}
        assert not others & set(done.stdout.split()), chosen


def test_numbers_are_unique_in_their_column(system: System) -> None:
    for column in system.columns:
        used = Counter(row.number(column) for row in system.calls if row.number(column) is not None)
        assert [n for n, count in used.items() if count > 1] == []


def test_symbols_are_unique(system: System) -> None:
    used = Counter(s for row in system.calls for s in row.symbols)
    assert [s for s, count in used.items() if count > 1] == []


def test_rows_supply_what_their_op_takes(system: System) -> None:
    for row in every_row(system):
        if row.op is None or row.via is not None or row.by is not None:
            continue
        taken = [*inspect.signature(OPS[row.op]).parameters.values()][1:]
        required = {p.name for p in taken if p.default is inspect.Parameter.empty}
        supplied = parameters(row)
        assert required <= supplied <= {p.name for p in taken}, row.name


def test_via_functions_take_what_their_rows_supply(system: System) -> None:
    for row in every_row(system):
        if row.via is not None:
            taken = [*inspect.signature(row.via).parameters.values()][2:]
            required = {p.name for p in taken if p.default is inspect.Parameter.empty}
            wide = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken)
            supplied = parameters(row)
            assert wide or required <= supplied <= {p.name for p in taken}, row.name


@pytest.mark.parametrize("arch", list(Arch), ids=lambda a: str(a.value))
def test_every_row_compiles_for_every_gate(system: System, arch: Arch) -> None:
    for column, archs in system.columns.items():
        if arch.value not in archs:
            continue
        door = Door(system.gates[arch.value], REG_INDEX[arch], SP[arch])
        library = system.libraries.get(arch.value)
        for row in system.calls:
            if row.number(column) is not None:
                compile_call(row, column, door, OPS, system.errors)
            if row.symbols and library is not None:
                compile_call(row, column, Door(library, REG_INDEX[arch], SP[arch]), OPS, system.errors)


def test_error_tables_are_total_and_their_numbers_have_names(system: System) -> None:
    assert set(system.errors) == set(E)
    assert {n for n in system.errors.values() if n not in system.error_names} == set()


def test_gaps_and_ignored_arguments_say_why(system: System) -> None:
    for row in every_row(system):
        if row.status.level in (Level.PARTIAL, Level.STUB, Level.ABSENT):
            assert row.status.note, row.name
        for name, kind in row.args.items():
            assert not isinstance(kind, Unused) or kind.why, f"{row.name}.{name}"


def test_inline_rows_exist(system: System) -> None:
    names = {row.name for row in system.calls}
    assert set(system.inline) <= names


def test_few_rows_are_irregular(system: System) -> None:
    implemented = sum(1 for r in system.calls if r.op is not None or r.via or r.by)
    irregular = sum(1 for r in system.calls if r.via)
    assert irregular <= VIA_BUDGET.get(system.name, 1.0) * implemented


def test_flag_maps_survive_a_round_trip() -> None:
    """Each named bit decodes, and encodes to itself unless this kernel drops it."""
    for module in pkgutil.walk_packages([str(ROOT)], "aot.personality."):
        if not module.name.endswith(".flags"):
            continue
        for flag_map in vars(importlib.import_module(module.name)).values():
            if not isinstance(flag_map, FlagMap):
                continue
            choices = 0
            for choice in flag_map.choices:
                choices |= choice.values[0][1] if all(v[1] for v in choice.values) else 0
            for name, bits, neutral in flag_map.bits:
                if neutral:
                    assert flag_map.encode(flag_map.decode(bits | choices)) & bits == bits, name


def test_every_op_is_a_native_row_with_the_ops_own_parameters() -> None:
    rows = {row.op or Op[row.name.upper()]: row for row in NATIVE.calls}
    assert set(rows) == set(Op)
    for code, row in rows.items():
        assert row.numbers == {"native": int(code)}
        if row.op is None:
            assert code not in OPS
            continue
        names = [p.name for p in inspect.signature(OPS[code]).parameters.values()][1:]
        order = [p for p in _fed(row) if p in names]
        assert order == [n for n in names if n in order], f"{row.name}: arguments are not in the op's order"


def _fed(row: Call) -> list[str]:
    return [p for n, k in row.args.items() if (p := parameter(n, k))]


def test_op_values_are_dense_and_below_the_reserved_end() -> None:
    assert [int(o) for o in Op] == list(range(len(Op)))
    assert len(Op) < RESERVED
