"""A guest that means harm ends with a status, never with an error of ours, a hang, or a change outside."""

from __future__ import annotations

import errno
import io
import os
import resource
import struct
from pathlib import Path

import pytest

from aot.errors import SetupError
from aot.image.native_reader import read_native
from aot.manifest import GateKind, Manifest
from aot.translate import translate_file
from runtime.kernel import wakes
from runtime.kernel.frames import Arena
from runtime.kernel.sched import Scheduler
from runtime.machine import RunOptions, run
from tests.runtime.hostile import DATA, ROOM, TEXT, TRAP, Guest, argument, constant, image, noise, word

ARCHS = ("x86_64", "aarch64")
KILLED = {132, 133, 135, 136, 139}  # ILL, TRAP, BUS, FPE, SEGV
BLOCKS = 200  # waits a made-up program is talked out of before it counts as waiting for ever


class Stuck(Exception):
    """The program waits and nothing will wake it."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest sees the current directory, so it must be nobody's."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait that would put the run to sleep fails with EINTR instead."""
    left = BLOCKS

    def sleep(sched: Scheduler, now: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Stuck
        for ctx in list(sched.waiting.items):
            sched.waiting.drop(ctx)
            ctx.wait, ctx.regs[0] = None, (1 << 64) - 4
            sched.cpu.complete(ctx, 0)
            sched.ready.append(ctx)

    monkeypatch.setattr(wakes, "_sleep", sleep)


def translated(raw: bytes, folder: Path) -> bytes:
    (folder / "guest").write_bytes(raw)
    return translate_file(folder / "guest")


def start(raw: bytes, folder: Path, dispatch: str) -> tuple[int, str]:
    """Status and report of a run that sees one directory and nothing else of the host."""
    here = folder / "here"
    here.mkdir(exist_ok=True)
    (here / "a").write_bytes(b"hello")
    for name, target in (("link", "/etc/passwd"), ("loop", "loop")):
        (here / name).unlink(missing_ok=True)
        os.symlink(target, here / name)
    errors = io.StringIO()
    options = RunOptions(
        argv=["guest"],
        dispatch=dispatch,
        errors=errors,
        stats=io.StringIO(),
        mounts=[("/work", str(here), False)],
        cwd="/work",
    )
    return run(translated(raw, folder), options), errors.getvalue()


def survives(raw: bytes, folder: Path, dispatch: str) -> int:
    try:
        status, report = start(raw, folder, dispatch)
    except Stuck:
        return -1
    assert 0 <= status < 256
    assert status < 128 or "guest killed by" in report
    return status


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
@pytest.mark.parametrize("system", ["native", "linux", "freebsd", "netbsd", "openbsd"])
@pytest.mark.parametrize("arch", ARCHS)
def test_made_up_calls(arch: str, system: str, dispatch: str, tmp_path: Path) -> None:
    for seed in (1, 2):
        survives(Guest(seed, arch, system, 400).looped(), tmp_path, dispatch)
    survives(Guest(3, arch, system, 150).straight(), tmp_path, dispatch)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
@pytest.mark.parametrize("arch", ARCHS)
def test_made_up_code(arch: str, dispatch: str, tmp_path: Path) -> None:
    for seed in range(6):
        assert survives(noise(seed, arch, "linux"), tmp_path, dispatch) >= -1


def with_facts(code: bytes, arch: str, folder: Path) -> tuple[bytes, Manifest]:
    """The program again, its data beginning with the address and size of its own stub area."""
    raw = image(arch, "linux", code, bytes(ROOM))
    manifest = read_native(translated(raw, folder))[0]
    data = word(manifest.area) + word(manifest.area_size)
    return image(arch, "linux", code, data.ljust(ROOM, b"\0")), manifest


GETPID = {"x86_64": 39, "aarch64": 172}
EXIT = {"x86_64": 231, "aarch64": 94}


def leave(arch: str, status: int) -> bytes:
    return argument(arch, status) + constant(arch, EXIT[arch]) + TRAP[arch]


def enter(arch: str, kind: GateKind, index: int) -> bytes:
    """Go through a gate with an index, a resume address and a stack of the guest's invention."""
    known = constant(arch, GETPID[arch]) + TRAP[arch]  # a site, so that there are gates
    if arch == "aarch64":
        number = 0x92800000 if index < 0 else 0xD2800000 | (index & 0xFFFF) << 5  # movn, movz
        exit_word = 0xD400_0001 | (0x4840 + kind) << 5
        return known + struct.pack("<III", number | 8, number | 16, exit_word) + leave(arch, 42)
    return (
        known
        + bytes.fromhex("488b042500006000")  # mov rax, [DATA]
        + b"\x49\xbb" + word(index)  # mov r11, index
        + b"\x48\xb9" + word(0xDEAD_0000)  # mov rcx, nowhere
        + b"\x48\xbc" + word((1 << 64) - 8)  # mov rsp, kernel half
        + b"\xff\x60" + bytes((8 * kind,))  # jmp [rax + slot]
        + leave(arch, 42)
    )  # fmt: skip


@pytest.mark.parametrize("kind", GateKind)
@pytest.mark.parametrize("arch", ARCHS)
def test_gates_entered_with_inventions(arch: str, kind: GateKind, tmp_path: Path) -> None:
    for index in (0, 1, 7, 0x7FFF, -1):
        raw, _ = with_facts(enter(arch, kind, index), arch, tmp_path)
        for dispatch in ("aot", "dynamic"):
            assert survives(raw, tmp_path, dispatch) in {0, 42, *KILLED}  # 0: the site that ends


CALLS = {
    "munmap": {"x86_64": 11, "aarch64": 215},
    "mprotect": {"x86_64": 10, "aarch64": 226},
    "mmap": {"x86_64": 9, "aarch64": 222},
    "madvise": {"x86_64": 28, "aarch64": 233},
}


def change(arch: str, name: str, where: int) -> bytes:
    """name(stub area [0] or gates [1], its size, 4, ...), then exit(42) through a stub."""
    number = constant(arch, CALLS[name][arch])
    if arch == "aarch64":
        loads = struct.pack("<I", 0xD2A00009 | (DATA >> 16) << 5)  # movz x9, #hi, lsl 16
        loads += bytes.fromhex("200540a9")  # ldp x0, x1, [x9]
        loads += bytes.fromhex("820080d2 430680d2 04008092 050080d2")  # x2 4, x3 0x32, x4 -1, x5 0
        return loads + number + TRAP[arch] + leave(arch, 42)
    loads = bytes.fromhex("488b3c2500006000 488b342508006000")  # rdi = [DATA], rsi = [DATA + 8]
    if where:
        loads += bytes.fromhex("488b3f 4881e700f0ffff be00100000")  # rdi = [rdi] & -4096, rsi = 4096
    loads += bytes.fromhex("ba04000000 41ba32000000 49c7c0ffffffff 4531c9")
    return loads + number + TRAP[arch] + leave(arch, 42)


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("arch", ARCHS)
def test_stubs_and_gates_stay(arch: str, name: str, where: int, tmp_path: Path) -> None:
    raw, _ = with_facts(change(arch, name, where), arch, tmp_path)
    assert start(raw, tmp_path, "aot") == (42, "")
    assert start(raw, tmp_path, "dynamic") == (42, "")


@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
@pytest.mark.parametrize("arch", ARCHS)
def test_code_unmapped_under_itself(arch: str, dispatch: str, tmp_path: Path) -> None:
    code = constant(arch, CALLS["munmap"][arch])
    if arch == "aarch64":
        code += struct.pack("<II", 0xD2A00000 | (TEXT >> 16) << 5, 0xD2820001)  # x0 TEXT, x1 0x1000
    else:
        code += b"\xbf" + struct.pack("<I", TEXT) + b"\xbe" + struct.pack("<I", 4096)
    status, report = start(
        image(arch, "linux", code + TRAP[arch] + leave(arch, 42), bytes(64)), tmp_path, dispatch
    )
    assert status == 139
    assert "execution of 0x400" in report


@pytest.mark.usefixtures("impatient")
def test_host_without_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever needs a descriptor of the host fails as the guest's call when there is none."""
    guest = Guest(5, "x86_64", "linux", 600).looped()
    survives(guest, tmp_path, "aot")  # what is imported late is imported now
    monkeypatch.setattr("runtime.kernel.boot.more_descriptors", lambda: 1 << 20)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    native = translated(guest, tmp_path)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 16, hard))
    try:
        for dispatch in ("aot", "dynamic"):
            run(native, RunOptions(argv=["guest"], dispatch=dispatch))
    except Stuck:
        pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


AT_ONCE = {  # answers that must not be made whole before they are stored
    "mincore": (27, 0x10_0000_0000, 1 << 45, DATA + 0x1000),
    "read": (0, 3, 0x10_0000_0000, 1 << 25),
    "getrandom": (318, 0x10_0000_0000, 1 << 23, 0),
    "sendfile": (40, 4, 3, 0, 1 << 24),
}


@pytest.mark.parametrize("name", AT_ONCE)
def test_large_wishes(name: str, tmp_path: Path) -> None:
    """Reserve 2^45 bytes, open the zero device, and ask for all of it."""
    calls = [
        (9, 0x10_0000_0000, 1 << 45, 0, 0x4032, (1 << 64) - 1, 0),  # mmap, PROT_NONE, fixed, no reserve
        (10, 0x10_0000_0000, 1 << 26, 3),  # mprotect
        (2, DATA, 2, 0),  # open("/dev/zero", O_RDWR)
        (2, DATA + 16, 1, 0),  # open("/dev/null", O_WRONLY)
        AT_ONCE[name],
    ]
    guest = Guest(0, "x86_64", "linux", 0)
    guest.calls = [(*call, *[0] * (7 - len(call))) for call in calls]
    guest.scratch = (b"/dev/zero".ljust(16, b"\0") + b"/dev/null").ljust(ROOM, b"\0")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert start(guest.looped(), tmp_path, "aot") == (42, "")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10  # KiB


def test_host_without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ulimit -f` bounds the file that guest memory is: one line, not a traceback."""

    def refuse(fd: int, size: int) -> None:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(SetupError, match=r"guest memory to be had: .*File too large"):
        Arena()


def test_deep_directories(tmp_path: Path) -> None:
    """Three thousand directories in each other, moved into themselves and elsewhere."""
    top, deep, new = DATA, DATA + 0x40, DATA + 0x80
    calls: list[tuple[int, ...]] = [(80, DATA + 0xC0)]  # chdir("/tmp")
    calls += [call for _ in range(3000) for call in ((83, deep, 0o777), (80, deep))]
    calls += [(82, top, new), (82, top, DATA + 0xE0), (79, DATA + 0x1000, 0x2000), (84, new)]
    guest = Guest(0, "x86_64", "linux", 0)
    guest.calls = [(*call, *[0] * (7 - len(call))) for call in calls]
    texts = {0: b"/tmp/d", 0x40: b"d", 0x80: b"/tmp/e", 0xC0: b"/tmp", 0xE0: b"d/in"}
    scratch = bytearray(ROOM)
    for at, text in texts.items():
        scratch[at : at + len(text)] = text
    guest.scratch = bytes(scratch)
    assert start(guest.looped(), tmp_path, "aot") == (42, "")
