"""The report of a batch: its numbers, its page and its tables."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from aot.cli.batching.model import Entry, Outcome
from aot.cli.batching.report.corpus import corpus_of
from aot.cli.batching.report.page import FILES, page, seconds, size
from aot.cli.batching.report.tables import as_parquet
from aot.cli.main import serve as command_line
from tests.bad.build import elf32
from tests.cli.batches import program, zipped

TOLD: dict[str, Any] = {
    "version": "1", "sources": ["<src>"], "output": "out", "options": {"personality": None, "arch": "x86_64"},
    "limits": {"seconds": 300.0, "memory": 2 << 30}, "started": "now", "seconds": 3.5, "interrupted": False,
}  # fmt: skip


def done(path: str, sha256: str, **more: Any) -> Entry:
    values: dict[str, Any] = {
        "sha256": sha256, "output": f"{path}.elf", "personality": "linux", "format": "elf", "arch": "x86_64",
        "size": 1000, "sites": 4, "classes": {"bound": 3, "dynamic": 1}, "tactics": {"fold": 3}, "left": {"too near": 1},
        "calls": {"read": 2, "#9999": 1, "uselib": 1}, "missing": {"#9999": 1, "uselib": 1}, "seconds": 0.5,
    }  # fmt: skip
    return Entry(path, **({"outcome": Outcome.TRANSLATED} | values | more))


def test_programs_of_one_content_count_once() -> None:
    found = corpus_of([done("a", "1"), done("b", "1", outcome=Outcome.COPIED), done("c", "2")])
    assert (found.programs, found.whole.sites, found.whole.classes["bound"]) == (2, 8, 6)
    assert found.outcomes == {Outcome.TRANSLATED: 2, Outcome.COPIED: 1}
    assert found.tactics == {"fold": 6}
    assert [(why, number, len(paths)) for why, number, paths in found.left] == [("too near", 2, 2)]


def test_what_is_missing_is_told_apart_from_what_is_absent() -> None:
    found = corpus_of([done("a", "1"), done("c", "2", calls={"read": 1}, missing={})])
    assert [(need.name, len(need.files), need.level) for need in found.calls] == [("read", 2, "full")]
    assert {need.name: need.level for need in found.missing} == {"#9999": "", "uselib": "absent"}


def test_reasons_that_differ_by_an_address_are_one() -> None:
    entries = [Entry(f"f{n}", Outcome.REFUSED, f"a site at 0x{n:x} of 32 bits") for n in range(5)]
    entries.append(Entry("t", Outcome.OTHER, "a text file"))
    found = corpus_of(entries)
    assert [(r.outcome, r.text, len(r.files)) for r in found.reasons] == [
        (Outcome.REFUSED, "a site at … of 32 bits", 5),
        (Outcome.OTHER, "a text file", 1),
    ]


class Page(HTMLParser):
    """Checks that elements end as they begin, and keeps the script and what would be fetched."""

    VOID = frozenset({"meta", "input", "line", "rect", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.fetched += [
            value or "" for name, value in attrs if name == "src" or (name == "href" and value[0] != "#")
        ]  # type: ignore[index]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def rows(text: str) -> list[list[Any]]:
    """The table of files, as its script has it."""
    at = text.index("all = ") + len("all = ")
    found: list[list[Any]] = json.JSONDecoder().raw_decode(text, at)[0]
    return found


def test_a_page_fetches_nothing_and_believes_no_name() -> None:
    evil = "</script><script>alert(1)</script>"
    text = page(
        TOLD,
        [done(evil, "1"), Entry("bad\udcff", Outcome.FAILED, f"<b>{evil}"), done("c", "2", left={evil: 1})],
    )
    found = Page(text)
    assert found.fetched == []
    assert text.count("<script>") == text.count("</script>") == 1
    assert rows(text)[0][0] == evil
    assert rows(text)[1][:2] == ["bad\\xff", "failed"]
    assert "<src>" in "".join(found.texts)


def test_pages_of_nothing_and_of_very_much() -> None:
    assert "The sources hold no files." in page(TOLD, [])
    Page(page(TOLD, []))
    many = [Entry(str(n), Outcome.OTHER, "a text file") for n in range(FILES + 5)]
    text = page(TOLD | {"interrupted": True}, [*many, Entry("the bad one", Outcome.FAILED, "why")])
    assert len(rows(text)) == FILES
    assert rows(text)[0][0] == "the bad one"
    assert "interrupted" in text


def test_units() -> None:
    assert [size(n) for n in (0, 999, 1000, 123_456, 5_000_000_000)] == [
        "0\u202fB", "999\u202fB", "1.0\u202fkB", "123\u202fkB", "5.0\u202fGB",
    ]  # fmt: skip
    assert [seconds(s) for s in (0.123, 12.34, 600)] == ["0.12\u202fs", "12.3\u202fs", "10\u202fmin 0\u202fs"]


def test_a_report_of_a_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, report = tmp_path / "src", tmp_path / "src" / "report"
    source.mkdir()
    (source / "good").write_bytes(program())
    (source / "small").write_bytes(elf32(3))
    (source / "a.whl").write_bytes(zipped([("same", program())]))
    for _ in range(2):  # its own report is no source
        assert command_line(["batch", "-q", "--report", str(report), str(source), str(tmp_path / "out")]) == 1
    told = json.loads((report / "report.json").read_text())
    assert told["counts"] == {"up to date": 2, "opened": 1, "refused": 1}
    Page((report / "index.html").read_text())
    with (report / "files.csv").open(newline="") as file:
        table = {row["path"]: row for row in csv.DictReader(file)}
    assert set(table) == {"good", "small", "a.whl", "a.whl/same"}
    assert table["good"]["bound"] == "1"
    assert table["small"]["reason"].startswith("a 32-bit ELF")
    (tmp_path / "file").write_text("")
    assert (
        command_line(["batch", "--report", str(tmp_path / "file"), str(source), str(tmp_path / "out")]) == 2
    )
    assert "Traceback" not in capsys.readouterr().err


def test_tables_for_data_frames() -> None:
    for entries in ([], [done("a", "1"), Entry("b\udcff", Outcome.OTHER, "text")]):
        raw = as_parquet(entries)
        assert raw is not None
        table = parquet.read_table(io.BytesIO(raw))
        assert table.num_rows == len(entries)
        assert str(table.schema.field("sites").type) == "int64"
