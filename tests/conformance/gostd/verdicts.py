"""What a Go test binary says of each test, and how two such runs differ."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path

from aot.record import dataclass
from corpus.foreign import go_compiler


class Verdict(Enum):
    """How one test or subtest ended; ABSENT: it was never heard of, or never ended."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    ABSENT = "absent"


Verdicts = Mapping[str, Verdict]
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")  # of a variable, in the name of a subtest: another one in every run


@dataclass(frozen=True, slots=True)
class Difference:
    """A test that ended otherwise as a guest."""

    test: str
    host: Verdict
    guest: Verdict

    def __str__(self) -> str:
        return f"{self.test}: {self.host.value} on the host, {self.guest.value} as a guest"


def read_verdicts(package: str, output: bytes) -> dict[str, Verdict]:
    """The verdicts in what a test binary printed under `-test.v=test2json`, by test, subtests included.

    Addresses in names read 0x. The reading is left to Go's own converter, which knows the marks that flag sets (cmd/test2json).
    """
    done = subprocess.run(
        [go_compiler(), "tool", "test2json", "-p", package], input=output, capture_output=True, check=True
    )
    ends = {verdict.value: verdict for verdict in Verdict}
    found: dict[str, Verdict] = {}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if "Test" not in event:
            continue
        test = _ADDRESS.sub("0x", event["Test"])
        if event["Action"] == "run":
            found[test] = Verdict.ABSENT
        elif event["Action"] in ends:
            found[test] = ends[event["Action"]]
    return found


def differences(host: Verdicts, guest: Verdicts) -> Iterator[Difference]:
    """Tests that ended otherwise, in order of name."""
    for test in sorted(host.keys() | guest.keys()):
        there, here = host.get(test, Verdict.ABSENT), guest.get(test, Verdict.ABSENT)
        if there is not here:
            yield Difference(test, there, here)


@cache
def expected(package: str) -> Mapping[str, str]:
    """Tests of a package that may end otherwise as a guest, each with the reason."""
    found: Mapping[str, str] = _expectations().get(package, {})
    return found


@cache
def _expectations() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(Path(__file__).with_name("expected.toml").read_text())


def is_expected(difference: Difference, known: Mapping[str, str]) -> bool:
    """Whether a test is named, or is a subtest of one that is, or fails because a subtest that is named does."""
    test = difference.test
    return any(test == name or test.startswith(f"{name}/") or name.startswith(f"{test}/") for name in known)
