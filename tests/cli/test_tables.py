from __future__ import annotations

import json

import pytest

from aot.cli.calls import entry, ordered
from aot.cli.main import serve
from aot.cli.text import table
from aot.personality.abi.op import RESERVED, Op
from aot.personality.registry import PERSONALITIES, system_of


def test_table_aligns_and_drops_empty_columns() -> None:
    rows = [("a", "1", ""), ("long", "23", "")]
    assert list(table(("name", "n", "note"), rows)) == ["  name   n", "  a      1", "  long  23"]
    assert list(table(("name",), [])) == []


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_calls_shows_every_row_once(personality: int, capsys: pytest.CaptureFixture[str]) -> None:
    system = system_of(personality)  # type: ignore[arg-type]
    assert serve(["calls", system.name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)[system.name]
    assert [row["name"] for row in shown] == [row.name for row in ordered(system)]
    assert len(shown) == len(system.calls)
    for row, call in zip(shown, ordered(system), strict=True):
        assert (row["status"], row["numbers"]) == (call.status.level.value, dict(call.numbers))


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_markdown_has_a_line_per_row(personality: int, capsys: pytest.CaptureFixture[str]) -> None:
    system = system_of(personality)  # type: ignore[arg-type]
    assert serve(["calls", system.name, "--md"]) == 0
    head, _, *lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(lines) == len(system.calls)
    assert {line.replace("\\|", "").count("|") for line in lines} == {head.count("|")}
    assert ("imported as" in head) == any(row.symbols for row in system.calls)


def test_json_and_markdown_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(["calls", "native", "--json", "--md"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_every_native_op_has_a_row_entry() -> None:
    ops = {entry(row).op for row in system_of(PERSONALITIES[0]).calls}
    assert {op.name.lower() for op in Op} - ops - {""} <= {
        row.name for row in system_of(PERSONALITIES[0]).calls
    }


def test_header_has_every_op_with_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(["header"]) == 0
    text = capsys.readouterr().out
    assert all(f"    HELCTIC_{op.name} = {op.value}," in text for op in Op)
    assert f"#define HELCTIC_OPS {RESERVED}" in text
