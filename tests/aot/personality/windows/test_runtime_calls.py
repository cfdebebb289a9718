"""Functions of the C runtime, made as a guest makes them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from aot.personality.abi.leave import Upcall
from aot.personality.windows.state import host_status, state
from tests.aot.personality.windows.lab import Lab
from tests.runtime.kernel.kit import DATA

CRT = "api-ms-win-crt-runtime-l1-1-0.dll"


def test_arguments_of_the_runtime() -> None:
    lab = Lab()
    argc = lab.mem.load_u64(lab.use("__p___argc", library=CRT))
    argv = lab.mem.load_u64(lab.use("__p___argv", library=CRT))
    pointers = [lab.mem.load_u64(argv + 8 * i) for i in range(argc + 1)]
    assert [lab.mem.cstr(p) for p in pointers[:-1]] == [b"prog", b"two words", b'say "hi"']
    assert pointers[-1] == 0


def test_initialisers_are_called_one_by_one() -> None:
    lab = Lab()
    lab.mem.write(DATA, struct.pack("<4Q", 0, 0x111, 0, 0x222))
    with pytest.raises(Upcall) as first:
        lab.use("_initterm_e", DATA, DATA + 32, library=CRT)
    assert (first.value.address, first.value.args) == (0x111, ())
    with pytest.raises(Upcall) as second:
        first.value.then(lab.ctx, 0)
    assert second.value.address == 0x222
    second.value.then(lab.ctx, 7)
    assert lab.ctx.regs[0] == 7
    with pytest.raises(Upcall) as again:
        lab.use("_initterm_e", DATA, DATA + 32, library=CRT)
    again.value.then(lab.ctx, 5)  # the first failed: the second is not called
    assert lab.ctx.regs[0] == 5


def test_exit_runs_what_was_registered_last_first() -> None:
    lab = Lab()
    lab.use("_crt_atexit", 0x111, library=CRT)
    lab.use("_crt_atexit", 0x222, library=CRT)
    order = []
    with pytest.raises(Upcall) as called:
        lab.use("exit", 3, library=CRT)
    for _ in range(2):
        order.append(called.value.address)
        with pytest.raises(Upcall) as following:
            called.value.then(lab.ctx, 0)
        called = following
    assert order == [0x222, 0x111]


def test_streams_translate_line_ends(tmp_path: Path) -> None:
    lab = Lab(root=tmp_path)
    stream = lab.use("fopen", lab.text(b"t.txt"), lab.text(b"w+", DATA + 0x900), library=CRT)
    lab.use("fputs", lab.text(b"one\ntwo\n"), stream, library=CRT)
    assert lab.use("ftell", stream, library=CRT) == 10
    lab.use("rewind", stream, library=CRT)
    assert (tmp_path / "t.txt").read_bytes() == b"one\r\ntwo\r\n"
    assert lab.use("fgets", DATA, 100, stream, library=CRT) == DATA
    assert lab.mem.cstr(DATA) == b"one\n"
    assert lab.use("ftell", stream, library=CRT) == 5
    assert lab.use("fread", DATA, 1, 100, stream, library=CRT) == 4
    assert lab.mem.read(DATA, 4) == b"two\n"
    assert lab.use("feof", stream, library=CRT) == 1
    assert lab.use("fclose", stream, library=CRT) == 0
    binary = lab.use("fopen", lab.text(b"t.txt"), lab.text(b"rb", DATA + 0x900), library=CRT)
    assert lab.use("fread", DATA, 2, 100, binary, library=CRT) == 5
    assert lab.use("fopen", lab.text(b"missing"), lab.text(b"r", DATA + 0x900), library=CRT) == 0
    assert lab.mem.load_u32(lab.use("_errno", library=CRT)) == 2


@pytest.mark.parametrize(
    ("name", "text", "base", "value", "used"),
    [
        ("strtol", b"  -42xyz", 10, -42, 5),
        ("strtol", b"0x1Fg", 0, 31, 4),
        ("strtol", b"0x1Fg", 16, 31, 4),
        ("strtol", b"0777", 0, 511, 4),
        ("strtol", b"zz", 36, 1295, 2),
        ("strtol", b"99999999999", 10, (1 << 31) - 1, 11),
        ("strtoul", b"-1", 10, 0xFFFF_FFFF, 2),
        ("strtoll", b"9223372036854775808", 10, (1 << 63) - 1, 19),
        ("strtoull", b"18446744073709551615", 10, (1 << 64) - 1, 20),
        ("strtol", b"abc", 10, 0, 0),
        ("strtol", b"0x", 16, 0, 1),
        ("strtol", b"+7", 10, 7, 2),
    ],
)
def test_numbers_from_text(name: str, text: bytes, base: int, value: int, used: int) -> None:
    lab = Lab()
    assert lab.use(name, lab.text(text), DATA, base, library=CRT) == value & (1 << 64) - 1
    assert lab.mem.load_u64(DATA) - (DATA + 0x800) == used


@pytest.mark.parametrize("value", [0, 86_399, 951_782_400, 1_709_164_800, 4_102_444_800])
def test_calendar_round_trip(value: int) -> None:
    lab = Lab()
    lab.mem.store_u64(DATA, value)
    tm = lab.use("_gmtime64", DATA, library=CRT)
    assert lab.use("_mktime64", tm, library=CRT) == value


def test_doubles_travel_in_vector_registers() -> None:
    lab = Lab()
    lab.vectors = {
        0: int.from_bytes(struct.pack("<d", 2.0), "little"),
        1: int.from_bytes(struct.pack("<d", 10.0), "little"),
    }
    lab.use("pow", library=CRT)
    assert struct.pack("<Q", lab.vectors[0]) == struct.pack("<d", 1024.0)
    lab.vectors[0] = int.from_bytes(struct.pack("<d", -1.0), "little")
    lab.use("sqrt", library=CRT)
    assert lab.vectors[0] & (0x7FF << 52) == 0x7FF << 52
    assert lab.mem.load_u32(lab.use("_errno", library=CRT)) == 33


def test_rand_is_the_runtimes_own() -> None:
    """The well-known first numbers of srand(1) under Microsoft's runtime."""
    lab = Lab()
    assert [lab.use("rand", library=CRT) for _ in range(5)] == [41, 18467, 6334, 26500, 19169]


def test_scanf() -> None:
    lab = Lab()
    at = [DATA + 0x100 + 16 * i for i in range(5)]
    lab.mem.write(DATA, struct.pack("<5Q", *at))
    text, template = lab.text(b"12 0x1f word 2.5 Z"), lab.text(b"%d %x %s %lf %c", DATA + 0x900)
    assert lab.use("__stdio_common_vsscanf", 0, text, (1 << 64) - 1, template, 0, DATA, library=CRT) == 5
    assert (lab.mem.load_u32(at[0]), lab.mem.load_u32(at[1])) == (12, 31)
    assert lab.mem.cstr(at[2]) == b"word"
    assert struct.unpack("<d", lab.mem.read(at[3], 8)) == (2.5,)
    assert lab.mem.read(at[4], 1) == b"Z"


@pytest.mark.parametrize(
    ("options", "room", "answer", "left"),
    [
        (2, 4, 6, b"abc\0"),
        (1, 4, -1, b"abc\0"),
        (0, 4, -1, b"abcd"),
        (0, 6, 6, b"abcdef"),
        (2, 0, 6, b""),
        (0, 7, 6, b"abcdef\0"),
    ],
)
def test_snprintf_by_options(options: int, room: int, answer: int, left: bytes) -> None:
    lab = Lab()
    template = lab.text(b"abcdef")
    result = lab.use("__stdio_common_vsprintf", options, DATA, room, template, 0, 0, library=CRT)
    assert result == answer & 0xFFFF_FFFF
    assert lab.mem.read(DATA, len(left)) == left if left else True


def test_state_belongs_to_the_process() -> None:
    first, second = Lab(), Lab()
    assert state(first.ctx) is state(first.ctx)
    assert state(first.ctx) is not state(second.ctx)


def test_exit_codes_keep_eight_bits_and_never_become_success() -> None:
    codes = {0: 0, 3: 3, 0xC0000005: 5, 0x100: 1, -1: 255, 0x1_0000_0000: 0}
    assert {code: host_status(code) for code in codes} == codes
