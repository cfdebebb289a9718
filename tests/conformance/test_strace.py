"""What Linux programs ask their kernel for, in which order and with which results: here and, by strace, on the host."""

from __future__ import annotations

import platform
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest

from corpus.build import BuildError, build, programs
from corpus.foreign import ForeignError
from corpus.hosted import make
from tests.conformance.agreement.compare import differences, rules
from tests.conformance.agreement.run import Case, on_host, translated
from tests.conformance.test_busybox import busybox

TRIES = 3  # signals and children's ends arrive when they like: the host may have more than one way
TANGLED = {
    "plain": "forks without telling child from parent: dozens of processes, each a turn at every call",
    "wild": "a range that can be used in part may be used in part or refused, and asks on by what it was told",
    **dict.fromkeys(
        ("kin", "sharing", "storm", "terminals", "timing", "frames", "memory", "made", "sockets"),
        "whose turn it is, and how far another got, decides what its processes ask for",
    ),
    "process_files": "reads what /proc says of this kernel and of that one",
}

CORPUS = [
    Case(p.name, partial(build, p.name, "linux-x86_64"), p.args, p.stdin, p.env)
    for p in programs()
    if p.host and "linux" in p.systems and "x86_64" in p.archs and p.name not in TANGLED
]
TEXT = (("in.txt", b"c\nb\na\n"), ("numbers.txt", b"".join(b"%d\n" % (n * 7919 % 1000) for n in range(200))))
APPLETS = (
    ("cat", "in.txt", "nope"),
    ("wc", "in.txt", "numbers.txt"),
    ("sort", "-n", "-r", "numbers.txt"),
    ("sed", "-i", "s/b/x/", "in.txt"),
    ("awk", "{ n += $1 } END { print n }", "numbers.txt"),
    ("grep", "-c", "7", "numbers.txt"),
    ("find", ".", "-name", "*.txt"),
    ("tar", "cf", "out.tar", "in.txt", "numbers.txt"),
    ("gzip", "-k", "numbers.txt"),
    ("sha256sum", "in.txt"),
    ("mkdir", "-p", "a/b/c"),
    ("ln", "-s", "in.txt", "link"),
    ("cp", "-p", "in.txt", "copy"),
    ("mv", "in.txt", "moved"),
    ("rm", "in.txt", "nope"),
    ("chmod", "600", "in.txt"),
    ("truncate", "-s", "3", "in.txt"),
    ("dd", "if=in.txt", "of=out", "bs=2", "status=none"),
    ("cut", "-c", "1", "in.txt"),
    ("od", "-c", "in.txt"),
    ("sleep", "0.01"),
    ("sh", "-c", "echo $((6 * 7)) > f; read x < f; (exit 3); echo $x $?"),
    ("sh", "-c", "echo one | cat; x=$(cat in.txt); echo $x; cat <<E\nhere\nE"),
)
BUSYBOX = [
    Case(f"busybox {' '.join(a)}", partial(busybox, "x86_64"), a, files=TEXT, file="busybox") for a in APPLETS
]
STANDING = (("library", "musl"), ("library", "glibc"), ("bare", "no_std"))
HOSTED = [Case(f"{name} on {kind}", partial(make, name, kind, "x86_64")) for name, kind in STANDING]
CASES = (*CORPUS, *BUSYBOX, *HOSTED)


@pytest.mark.conformance
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_calls_and_results_agree(case: Case, tmp_path: Path) -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("needs a Linux host on x86_64 to compare with")
    if shutil.which("strace") is None:
        pytest.skip("no strace: apt-get install strace")
    try:
        case.make()
    except (BuildError, ForeignError) as error:
        pytest.skip(str(error))
    ours = translated(case, tmp_path / "here")
    found: list[str] = []
    for _ in range(TRIES):
        host = on_host(case, tmp_path / "host")
        assert (ours.status, ours.stdout, ours.stderr) == (host.status, host.stdout, host.stderr)
        found = differences(case.name, host.thread, ours.thread)
        if not found:
            return
    pytest.fail("\n".join(found))


def test_every_accepted_difference_says_why() -> None:
    assert all(rule.calls and rule.reason for rule in rules())
