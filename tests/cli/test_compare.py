from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from aot.cli.comparison import once
from aot.cli.comparison.check import NOTHING, same_lines, same_value
from aot.cli.comparison.html import page
from aot.cli.comparison.measure import merged
from aot.cli.comparison.model import (
    AOT,
    DYNAMIC,
    Check,
    Comparison,
    Cost,
    Mode,
    Run,
    Spread,
    Subject,
    together,
)
from aot.cli.main import serve
from aot.cli.pages.charts import axis, percent, us
from aot.errors import SetupError
from runtime.cpu.routines_code import CODE
from tests.bad import build

# write(1, "hi\n", 3) twice, getpid, then exit with 7
HELLO = bytes.fromhex(
    "b801000000 bf01000000 488d3532000000 ba03000000 0f05"
    "b801000000 bf01000000 488d351a000000 ba03000000 0f05"
    "b827000000 0f05 b83c000000 bf07000000 0f05"
) + b"hi\n"  # fmt: skip
# getpid(), write(1, what is in r11 now, 1), exit with 0: the call loses r11, and each way leaves something else there
CURIOUS = bytes.fromhex(
    "b827000000 0f05 4153 4889e6 bf01000000 ba01000000 b801000000 0f05 b83c000000 bf00000000 0f05"
)
# read(0, the stack, 64), write(1, the stack, what came), exit with 0
CAT = bytes.fromhex(
    "4883ec40 31c0 31ff 4889e6 ba40000000 0f05 89c2 b801000000 bf01000000 4889e6 0f05 b83c000000 31ff 0f05"
)
FOREVER = bytes.fromhex("ebfe")
CRASH = bytes.fromhex("b827000000 0f05 31c0 8b00 b83c000000 0f05")


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def program(folder: Path, code: bytes) -> Path:
    file = folder / "program"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "CODE", code)
        file.write_bytes(build.elf())
    return file


def compare(file: Path, *options: str, given: str = "") -> tuple[int, str, str]:
    command = [sys.executable, "-m", "aot.cli", "compare", *options, str(file)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


def test_both_ways_and_everything_about_them(tmp_path: Path) -> None:
    file, html = program(tmp_path, HELLO), tmp_path / "report.html"
    status, out, err = compare(file, "--runs", "2", "--json", "-", "--html", str(html))
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["equal"]
    assert (found["status"], found["output"]) == (7, "hi\nhi\n")
    assert {check["what"] for check in found["checks"]} >= {"exit status", "standard output", "trace"}
    aot, dynamic = found["aot"], found["dynamic"]
    assert [len(mode["runs"]) for mode in (aot, dynamic)] == [2, 2]
    assert aot["calls"] == dynamic["calls"] == 4
    assert doors(dynamic["classes"]) == {"inline": 0, "bound": 0, "table": 0, "import": 0, "dynamic": 4}
    assert doors(aot["classes"]) == {"inline": 1, "bound": 3, "table": 0, "import": 0, "dynamic": 0}
    assert (aot["exits_per_call"], dynamic["exits_per_call"]) == (0.75, 1.0)
    counts = {(cost["call"], cost["cls"]): cost["count"] for cost in aot["costs"]}
    assert counts == {("write", "bound"): 2, ("getpid", "inline"): 1, ("exit", "bound"): 1}
    assert all(cost["op_us"] > 0 for cost in dynamic["costs"])
    known = {"inline", "bound", "table", "import", "dynamic"}
    assert {cls.removesuffix(" routine") for cls in aot["crossings_us"]} == known
    assert all(value >= 0 for value in aot["crossings_us"].values())
    text = html.read_text()
    assert "the same both ways" in text
    assert not re.search(r"(src|href)=|https?://|@import|url\(", text)  # nothing is fetched


def doors(classes: dict[str, int]) -> dict[str, int]:
    """Counts by door, whether machine code or Python answered."""
    found: Counter[str] = Counter()
    for cls, count in classes.items():
        found[cls.removesuffix(" routine")] += count
    return dict(found)


def test_routines_are_told_apart(tmp_path: Path) -> None:
    """The second of two equal calls is answered by machine code, where there is some."""
    status, out, _ = compare(program(tmp_path, HELLO), "--runs", "1", "--json", "-")
    assert status == 0
    dynamic = json.loads(out)["dynamic"]
    costs = {(cost["call"], cost["cls"]): cost for cost in dynamic["costs"]}
    if (os.uname().machine, "x86_64") not in CODE:
        assert ("write", "dynamic routine") not in costs
        return
    assert costs["write", "dynamic"]["count"] == costs["write", "dynamic routine"]["count"] == 1
    crossings = dynamic["crossings_us"]
    assert crossings["dynamic routine"] < crossings["dynamic"]


def test_tables(tmp_path: Path) -> None:
    status, out, _ = compare(program(tmp_path, HELLO), "--runs", "1")
    assert status == 0
    assert re.search(r"exit status +equal +7", out)
    assert re.search(r"write +bound +2 +1 ", out)
    assert re.search(r"getpid +inline +1 +0 ", out)
    assert "time of 1 run each way" in out


def test_a_difference_is_shown_and_is_status_1(tmp_path: Path) -> None:
    file = program(tmp_path, CURIOUS)
    status, out, _ = compare(file, "--runs", "1")
    assert status == 1
    assert re.search("exit status +equal", out)
    assert re.search("standard output +DIFFERENT", out)
    assert "trace: first difference at line 2" in out
    assert 'dynamic: [1000] write(fd=1, buf="F' in out  # the flags, as the trap keeps them


def test_every_run_gets_the_same_input(tmp_path: Path) -> None:
    status, out, _ = compare(program(tmp_path, CAT), "--runs", "1", "--json", "-", given="some input")
    found = json.loads(out)
    assert (status, found["output"]) == (0, "some input")
    assert len(found["dynamic"]["costs"]) == 3


def test_a_crash_is_compared_too(tmp_path: Path) -> None:
    status, out, _ = compare(program(tmp_path, CRASH), "--runs", "1", "--json", "-")
    found = json.loads(out)
    assert (status, found["status"]) == (0, 139)
    (killed,) = (check for check in found["checks"] if check["what"] == "how it was killed")
    assert killed["equal"]
    assert "SIGSEGV: read of 0x0" in killed["aot"]


def test_a_run_that_does_not_end(tmp_path: Path) -> None:
    status, _, err = compare(program(tmp_path, FOREVER), "--timeout", "3")
    assert (status, err) == (2, "helctic-aot: error: the aot run did not end within 3 s (--timeout)\n")


def test_limits_are_those_of_run(tmp_path: Path) -> None:
    file = program(tmp_path, FOREVER)
    status, out, _ = compare(file, "--runs", "1", "--limit", "cpu=0.5", "--json", "-")
    assert (status, json.loads(out)["status"]) == (0, 137)
    status, _, err = compare(file, "--limit", "cpu=x")
    assert (status, "--limit: cpu=x: not" in err) == (2, True)


def test_options_of_the_guest_are_the_guests(tmp_path: Path) -> None:
    file = program(tmp_path, HELLO)
    command = [
        sys.executable,
        "-m",
        "aot.cli",
        "compare",
        "--runs",
        "1",
        "--json",
        "-",
        str(file),
        "--html",
        "-x",
    ]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=300, check=True)
    assert json.loads(done.stdout)["subject"]["arguments"] == ["--html", "-x"]


def test_what_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("something ran")

    monkeypatch.setattr(once, "once", never)
    file = str(program(tmp_path, HELLO))
    for arguments, message in (
        (["--html", str(tmp_path)], "is a directory"),
        (["--json", "/no/such/place/x"], "there is no directory"),
        (["--html", file], "is the input"),
        (["--runs", "0"], "0 is not in the range"),
    ):
        assert serve(["compare", *arguments, file]) == 2
        assert message in capsys.readouterr().err
    monkeypatch.setattr("aot.cli.compare.find_spec", lambda name: None)
    assert serve(["compare", "--html", str(tmp_path / "x.html"), file]) == 2
    assert "pip install 'helctic-aot[report]'" in capsys.readouterr().err


def test_last_words_of_a_run_that_failed(tmp_path: Path) -> None:
    job = once.Job(tmp_path, (), {}, None, (), None, tmp_path, 1.0)
    said = job.path("x", "stderr")
    said.write_text("Traceback\n  File\nValueError: what\n\n")
    assert once._last_words(said, 1) == "ValueError: what"
    assert once._last_words(said, -11) == "killed by SIGSEGV"
    assert once._last_words(job.path("y", "stderr"), 3) == "status 3"
    with pytest.raises(SetupError, match="aot run failed"):
        once.once(job, "z", once.TIMED, "aot")


def test_several_profiles_become_one() -> None:
    def profile(op: float, crossing: float) -> dict[str, Any]:
        lines = [("read", "bound", 3, op, op + 1, 0)]
        return {"lines": lines, "inline": {}, "overhead_ns": 5.0, "crossings_s": {"bound": crossing}}

    found = merged([profile(10, 2), profile(900, 1), profile(11, 3)])
    assert found["lines"] == [("read", "bound", 3, 11, 12, 0)]
    assert found["crossings_s"] == {"bound": 1}


def test_first_difference(tmp_path: Path) -> None:
    left, right = tmp_path / "a", tmp_path / "b"
    left.write_bytes(b"one\ntwo\n")
    right.write_bytes(b"one\ntw\xff\x1b\n")
    found = same_lines("trace", left, right)
    assert (found.equal, found.at, found.aot, found.dynamic) == (False, "line 2", "two", "tw\\xff\\x1b")
    right.write_bytes(b"one\n")
    assert same_lines("trace", left, right).dynamic == NOTHING
    assert same_lines("trace", left, left) == Check("trace", True, "2 lines, 8 bytes")
    assert not same_value("status", 1, 2).equal


def cost(call: str, cls: str, count: int, crossing: float, op: float) -> Cost:
    return Cost(call, cls, count, crossing, op, op, int(cls != "inline"), 0)


def made(**changes: Any) -> Comparison:
    """A comparison nobody ran."""
    runs = (Run(0.02, 0.01, 0.1), Run(0.03, 0.012, 0.1))
    crossings = {"inline": 0.02, "bound": 0.2, "table": 0.3, "import": 0.2, "dynamic": 0.5}
    aot = (
        cost("read", "bound", 30, 0.2, 2.0),
        cost("read", "table", 10, 0.4, 4.0),
        cost("<b>", "inline", 60, 0.02, 0),
    )
    dynamic = (cost("read", "dynamic", 40, 0.5, 2.0), cost("<b>", "dynamic", 60, 0.5, 0.2))
    subject = Subject("a <file>", ("&x",), "0" * 64, "linux", "x86_64", "x86_64", "elf", {"bound": 2}, 0)
    values: dict[str, Any] = {
        "subject": subject, "version": "1", "when": "now", "machine": {"processor": "p"}, "status": 0,
        "checks": (Check("trace", True, "2 lines"),), "output": "<script>alert(1)</script>",
        "aot": Mode(AOT, aot, crossings, runs), "dynamic": Mode(DYNAMIC, dynamic, {"import": 0.3, "dynamic": 0.5}, runs),
    }  # fmt: skip
    return Comparison(**(values | changes))


def test_what_is_derived() -> None:
    found = made()
    assert found.aot.calls == found.dynamic.calls == 100
    assert found.aot.exits_per_call == 0.4
    assert found.aot.classes()["inline"] == 60
    assert (found.aot.decided, found.dynamic.decided) == (1.0, 0.0)
    assert [name for name, *_ in found.pairs()] == ["read", "<b>"]
    whole = together([c for c in found.aot.costs if c.call == "read"])
    assert whole is not None
    assert (whole.cls, whole.count, round(whole.crossing_us, 6), whole.op_us) == (
        "bound, table",
        40,
        0.25,
        2.5,
    )
    assert together([]) is None
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(1.0, 2.0, 3.0, 1.0)
    assert Spread.of([1.0]).deviation == 0.0
    crossing, op, guest = found.aot.spent_s()
    assert (round(crossing * 1e6, 3), round(op * 1e6, 3)) == (11.2, 100.0)
    assert crossing + op + guest == pytest.approx(0.011)


class Balanced(HTMLParser):
    """Fails when an element is closed that was not opened last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    "found",
    [
        made(),
        made(checks=(Check("trace", False, "1 line", "line 2", "<a>", "b"),)),
        made(aot=Mode(AOT, (), {"bound": 0.1}, (Run(0, 0, 0),)), dynamic=Mode(DYNAMIC, (), {"import": 0.1}, (Run(0, 0, 0),))),
    ],
    ids=["equal", "different", "no calls"],
)  # fmt: skip
def test_the_page_is_whole(found: Comparison) -> None:
    text = page(found)
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert "alert(1)</script>" not in text.split("<script>", 1)[0]
    assert "a &lt;file&gt;" in text
    assert ("not the same" in text) != found.equal


def test_numbers_in_words() -> None:
    assert [us(v) for v in (0.123, 12.34, 1234.5)] == ["0.12", "12.3", "1234"]
    assert [percent(v) for v in (0, 0.0001, 0.055, 0.5)] == ["0 %", "< 0.1 %", "5.5 %", "50 %"]
    assert axis(7.3, "ms").ticks == ((0.0, "0"), (25.0, "2"), (50.0, "4"), (75.0, "6"), (100.0, "8 ms"))
    assert axis(0, "ms").end == 1.0
