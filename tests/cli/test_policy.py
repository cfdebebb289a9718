"""Policies from the command line: what is refused, how the guest is told, what is logged, both ways alike."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.build import build
from tests.aot.analyze.lab import X86_64, assemble
from tests.cli.test_light import elf

ROOT = Path(__file__).resolve().parents[2]
BASE = 0x400078
LEAVE = "neg eax\nmov edi, eax\nmov eax, 60\nsyscall"  # the error is the status
GETPID = f"mov eax, 39\nsyscall\n{LEAVE}"
OPENED = f"xor esi, esi\nmov eax, 2\nsyscall\ncdq\nand eax, edx\n{LEAVE}"
OPEN = f"lea rdi, [rip + {len(assemble(X86_64, OPENED))}]\n{OPENED}"  # the status is 0 or the error
SOCKET = "mov edi, 2\nmov esi, 1\nxor edx, edx\nmov eax, 41\nsyscall\nmov edi, eax\n"
CONNECTED = f"mov edx, 16\nmov eax, 42\nsyscall\n{LEAVE}"
CONNECT = f"{SOCKET}lea rsi, [rip + {len(assemble(X86_64, CONNECTED))}]\n{CONNECTED}"


def program(path: Path, text: str, data: bytes = b"") -> Path:
    """A program with `data` behind its code."""
    code = assemble(X86_64, text, BASE)
    assert not data or code[-2:] == b"\x0f\x05"
    path.write_bytes(elf(code + data))
    return path


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aot.cli", "run", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=cwd, env=env)


def policy(path: Path, *rules: str) -> str:
    path.write_text("".join(f"[[rule]]\n{rule}\n" for rule in rules))
    return str(path)


EVERYTHING = '[default]\naction = "allow"\n'


@pytest.mark.parametrize("way", ["aot", "dynamic"])
def test_a_call_that_is_answered_in_the_guest_is_refused(way: str, tmp_path: Path) -> None:
    guest = str(program(tmp_path / "guest", GETPID))
    rules = policy(tmp_path / "p.toml", 'calls = ["exit"]\naction = "allow"')
    done = run("--dispatch", way, "--policy", rules, guest, cwd=tmp_path)
    assert done.returncode == 1  # EPERM
    assert done.stderr.splitlines() == [
        f"helctic-aot: policy: [{done.stderr.split('[')[1].split(']')[0]}] getpid() refused with EPERM: "
        f"no rule of {rules}; at {BASE + 5:#x}"
    ]


@pytest.mark.parametrize("way", ["aot", "dynamic"])
def test_a_refusal_has_its_error_and_a_killed_guest_its_signal(way: str, tmp_path: Path) -> None:
    guest, rules = str(program(tmp_path / "guest", GETPID)), tmp_path / "p.toml"
    rules.write_text(EVERYTHING + '[[rule]]\ncalls = ["getpid"]\naction = "refuse"\nerror = "EXDEV"\n')
    assert run("--dispatch", way, "--policy", str(rules), guest, cwd=tmp_path).returncode == 18
    rules.write_text(EVERYTHING + '[[rule]]\ncalls = ["getpid"]\naction = "kill"\n')
    done = run("--dispatch", way, "--policy", str(rules), guest, cwd=tmp_path)
    assert done.returncode == 128 + 31 and "getpid() killed: rule 1" in done.stderr
    rules.write_text(EVERYTHING + '[[rule]]\ncalls = ["getpid"]\naction = "log"\n')
    done = run("--dispatch", way, "--policy", str(rules), "--policy-log", "log", guest, cwd=tmp_path)
    assert "getpid() allowed: rule 1" in (tmp_path / "log").read_text() and not done.stderr


@pytest.mark.parametrize("way", ["aot", "dynamic"])
def test_paths(way: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/file").touch()
    (tmp_path / "secret").touch()
    (tmp_path / "data/link").symlink_to("../secret")
    rules = policy(
        tmp_path / "p.toml",
        'calls = ["exit"]\naction = "allow"',
        f'calls = ["open"]\npaths = ["{tmp_path}/data/"]\naction = "allow"',
    )
    found = {}
    for name in ("data/file", "data/../data/file", "data/missing", "secret", "data/link", "data/../secret"):
        guest = program(tmp_path / "guest", OPEN, name.encode() + b"\0")
        found[name] = run("--dispatch", way, "--policy", rules, str(guest), cwd=tmp_path).returncode
    assert found == {
        "data/file": 0, "data/../data/file": 0, "data/missing": 2,
        "secret": 1, "data/link": 1, "data/../secret": 1,
    }  # fmt: skip


@pytest.mark.parametrize("way", ["aot", "dynamic"])
def test_addresses(way: str, tmp_path: Path) -> None:
    rules = policy(
        tmp_path / "p.toml",
        'calls = ["exit", "socket"]\naction = "allow"',
        'calls = ["connect"]\naddresses = ["127.0.0.0/8:81"]\naction = "allow"',
    )
    found = []
    for port in (80, 81):
        where = b"\2\0" + port.to_bytes(2, "big") + bytes((127, 0, 0, 1)) + bytes(8)
        done = run(
            "--dispatch",
            way,
            "--policy",
            rules,
            str(program(tmp_path / "guest", CONNECT, where)),
            cwd=tmp_path,
        )
        found.append((done.returncode, "127.0.0.1:80: no rule" in done.stderr))
    assert found == [(1, True), (111, False)]  # EPERM; ECONNREFUSED


def test_conditions_of_a_profile(tmp_path: Path) -> None:
    guest = str(program(tmp_path / "guest", "mov edi, 8\nmov eax, 135\nsyscall\n" + LEAVE))  # personality(8)
    rules = tmp_path / "p.json"
    text = """{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["personality"], "errnoRet": 22,
        "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": %d, "op": "SCMP_CMP_EQ"}]}]}"""
    for value, status in ((8, 22), (9, 0)):
        rules.write_text(text % value)
        assert run("--policy", str(rules), guest, cwd=tmp_path).returncode == status


@pytest.mark.parametrize(
    "target", ["linux-aarch64", "freebsd-x86_64", "netbsd-aarch64", "openbsd-x86_64", "darwin-aarch64"]
)
def test_other_systems_are_told_in_their_own_form(target: str, tmp_path: Path) -> None:
    rules = tmp_path / "p.toml"
    rules.write_text(EVERYTHING + '[[rule]]\ncalls = ["write"]\naction = "refuse"\n')
    done = run("--policy", str(rules), str(build("hello", target)), cwd=tmp_path)
    assert not done.stdout and "write(" in done.stderr and "refused with EPERM: rule 1" in done.stderr


def test_functions_of_windows_are_refused(tmp_path: Path) -> None:
    rules = tmp_path / "p.toml"
    rules.write_text(EVERYTHING + '[[rule]]\ncalls = ["WriteFile", "NtWriteFile"]\naction = "refuse"\n')
    done = run("--policy", str(rules), str(build("hello_import", "windows-x86_64")), cwd=tmp_path)
    assert (
        not done.stdout and "WriteFile(" in done.stderr and "refused with STATUS_ACCESS_DENIED" in done.stderr
    )


def test_what_was_recorded_is_enough(tmp_path: Path) -> None:
    guest = str(program(tmp_path / "guest", OPEN, b"/etc/passwd\0"))
    assert run("--record-policy", "p.toml", guest, cwd=tmp_path).returncode == 0
    assert '"/etc/passwd"' in (tmp_path / "p.toml").read_text()
    done = run("--policy", "p.toml", guest, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    other = str(program(tmp_path / "other", OPEN, b"/etc/shadow\0"))
    assert run("--policy", "p.toml", other, cwd=tmp_path).returncode == 1


def test_names_that_a_run_makes_up_are_any_name(tmp_path: Path) -> None:
    """A file is made, looked at and removed; its name is another one in the next run."""
    made = f"mov esi, 0xc1\nmov edx, 0x1ff\nmov eax, 2\nsyscall\nlea rdi, [rip + AWAY]\nmov eax, 87\nsyscall\n{LEAVE}"
    size = len(assemble(X86_64, made[made.index("mov eax, 87") :]))
    made = made.replace("AWAY", str(size))
    text = f"lea rdi, [rip + {len(assemble(X86_64, made))}]\n{made}"
    for name, options in ((b"tmp1234", "--record-policy"), (b"tmp9876", "--policy")):
        guest = str(program(tmp_path / "guest", text, name + b"\0"))
        done = run(options, "p.toml", guest, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--policy", "/nonexistent"],
        ["--policy", "/etc/passwd"],
        ["--record-policy", "/nonexistent/p"],
        ["--policy-log", "/nonexistent/p"],
    ],
)
def test_wrong_usage_is_one_line(wrong: list[str], tmp_path: Path) -> None:
    done = run(*wrong, str(program(tmp_path / "guest", GETPID)), cwd=tmp_path)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("helctic-aot: error: ")
