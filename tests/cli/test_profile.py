from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from aot.cli.main import serve
from tests.aot.analyze.lab import X86_64, assemble
from tests.cli.test_light import elf, hello

UNKNOWN = "mov eax, dword ptr [rsp]\nsyscall\nmov eax, 60\nxor edi, edi\nsyscall"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "hello"
    path.write_bytes(hello())
    return path


@pytest.fixture
def unknown(tmp_path: Path) -> Path:
    """A program with a site whose number comes from outside."""
    path = tmp_path / "unknown"
    path.write_bytes(elf(assemble(X86_64, UNKNOWN)))
    return path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> tuple[str, str]:
    assert serve(["profile", *arguments]) == status
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_text_names_each_call_and_who_asks(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, str(program))
    assert "2 calls of linux x86_64" in out and not err
    assert [line.split()[:3] for line in out.splitlines()[2:4]] == [["exit", "60", "1"], ["write", "1", "1"]]


def test_json_holds_the_evidence(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, str(program), "--format", "json")[0])
    assert told["closed"] is True and [call["name"] for call in told["calls"]] == ["exit", "write"]
    assert told["calls"][1]["sources"][0]["how"] == "site"


def test_oci_profile(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "profile.json"
    more = ("--allow", "execve", "--errno", "ENOSYS", "-o", str(out))
    assert said(capsys, "--format", "oci", *more, str(program)) == ("", "")
    assert json.loads(out.read_text()) == {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["execve", "exit", "write"], "action": "SCMP_ACT_ALLOW"}],
    }


def test_a_set_that_is_not_closed_says_so(unknown: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "--format", "oci", str(unknown))
    assert json.loads(out)["defaultAction"] == "SCMP_ACT_ERRNO" and "may ask for other calls: 1" in err
    out, _ = said(capsys, "--format", "oci", "--unknown", "log", str(unknown))
    assert json.loads(out)["defaultAction"] == "SCMP_ACT_LOG" and "defaultErrnoRet" not in json.loads(out)
    out, err = said(capsys, "--format", "oci", "--unknown", "fail", str(unknown), status=2)
    assert not out and len(err.splitlines()) == 1


def test_compared_with_a_trace(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = tmp_path / "trace"
    seen.write_text('[1000] write(fd=1, buf="", count=0) = 0\n')
    out, _ = said(capsys, str(program), "--compare", str(seen))
    assert "seen and in the set: 1 of 2 (precision 0.50)" in out and "  exit" in out
    seen.write_text("[1000] getpid() = 1000\n")
    out, _ = said(capsys, str(program), "--compare", str(seen), status=1)
    assert out.endswith("seen, not in the set: 1\n  getpid\n")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--allow", "no_such_call", "--format", "oci"],
        ["--errno", "EWHAT", "--format", "oci"],
        ["--compare", "/nonexistent"],
        ["--also", "/etc/passwd"],
        ["-o", "/nonexistent/out"],
    ],
)
def test_wrong_usage_is_one_line(wrong: list[str], program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, *wrong, str(program), status=2)
    assert not out and len(err.splitlines()) == 1 and err.startswith("helctic-aot: error: ")


def test_inspect_names_the_calls(unknown: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(["inspect", str(unknown)]) == 0
    assert "calls it can make: 1 (and perhaps more: sites whose numbers are not all known: 1)\n  exit\n" in (
        capsys.readouterr().out
    )
    assert serve(["inspect", "--json", str(unknown)]) == 0
    assert [c["name"] for c in json.loads(capsys.readouterr().out)["calls"]["calls"]] == ["exit"]


def test_a_dynamic_program_without_its_libraries_is_not_closed(capsys: pytest.CaptureFixture[str]) -> None:
    if sys.platform != "linux":
        pytest.skip("needs a Linux host, whose /bin/ls is dynamic")
    assert "--root DIR says where they are: /lib" in said(capsys, "/bin/ls")[0]
    assert "--root DIR" in said(capsys, "--format", "oci", "/bin/ls")[1]
    said(capsys, "--format", "oci", "--unknown", "fail", "/bin/ls", status=2)
