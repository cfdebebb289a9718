from __future__ import annotations

import struct
import traceback
from collections import deque
from types import SimpleNamespace

import pytest

from aot.personality.abi.call import (
    FULL,
    PAIR,
    STORED,
    VALUE,
    ZERO,
    RowError,
    absent,
    call,
    sig,
    stub,
)
from aot.personality.abi.compile import Door, compile_call
from aot.personality.abi.errors import E, Errno, ErrorTableError, error_table
from aot.personality.abi.flags import Choice, FlagError, FlagMap
from aot.personality.abi.gate import ErrorStyle, Gate, Second
from aot.personality.abi.kinds import FD, LENGTH, S32, U32, InBytes, OutBytes, OutData, OutStruct, To
from aot.personality.abi.layout import U16, F, Layout, LayoutError, Record, pad
from aot.personality.abi.layout import U32 as L32
from aot.personality.abi.layout import U64 as L64
from aot.personality.abi.op import Op

NAMES = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11".split()
INDEX = {name: i for i, name in enumerate(NAMES)}
LINUX = Gate("syscall", "rax", ("rdi", "rsi", "rdx"), None, "rax", ErrorStyle.NEGATIVE)
BSD = Gate(
    "syscall", "rax", ("rdi", "rsi"), 8, "rax", ErrorStyle.CARRY,
    second="rdx", second_policy=Second.KEPT, zeroed=("r8", "r9", "r10"),
)  # fmt: skip
NT = Gate("syscall", "rax", ("r10", "rdx"), 0x28, "rax", ErrorStyle.NTSTATUS)
ERRORS = {E.BADF: 9, E.FAULT: 14, E.NOSYS: 78, E.OVERFLOW: 75}


class Memory:
    def __init__(self) -> None:
        self.raw = bytearray(4096)
        self.probed: list[tuple[int, int]] = []

    def load_u64(self, address: int) -> int:
        return int(struct.unpack_from("<Q", self.raw, address)[0])

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.raw[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        self.raw[address : address + len(data)] = data

    def probe(self, address: int, size: int, write: bool) -> None:
        if not 0 < address <= len(self.raw) - size:
            raise Errno(E.FAULT)
        self.probed.append((address, size))

    def buffers(self, address: int, size: int, write: bool, partial: bool = False):
        self.probe(address, size, write)
        return (memoryview(self.raw)[address : address + size],)


def context(**regs: int) -> SimpleNamespace:
    words = memoryview(bytearray(8 * len(NAMES))).cast("Q")
    for name, value in regs.items():
        words[INDEX[name]] = value & (1 << 64) - 1
    opened = SimpleNamespace(can_read=True, can_write=True)
    process = SimpleNamespace(files=SimpleNamespace(open={5: opened}))
    return SimpleNamespace(regs=words, mem=Memory(), calls=deque(maxlen=8), process=process)


def handler(row, gate, op):
    return compile_call(row, "c", Door(gate, INDEX, "rsp"), {row.op: op}, ERRORS)


READ = call("read", {"c": 0}, Op.READ, FULL, sig(fd=FD, buf=OutBytes("n"), n=LENGTH))


def fill(ctx, fd, buf):
    if fd < 0:
        raise Errno(E.BADF)
    buf[0][:3] = b"abc"
    return 3


def test_negative_style_answers_value_and_minus_errno():
    run = handler(READ, LINUX, fill)
    ctx = context(rdi=5, rsi=64, rdx=16)
    assert run(ctx) == 0
    assert ctx.regs[0] == 3
    assert ctx.mem.read(64, 3) == b"abc"
    ctx = context(rdi=-1, rsi=64, rdx=16)
    assert run(ctx) == 0
    assert ctx.regs[0] == (1 << 64) - 9


def test_fault_comes_before_the_op():
    def never(ctx, **_):
        raise AssertionError("the op ran")

    ctx = context(rdi=5, rsi=1 << 40, rdx=16)
    handler(READ, LINUX, never)(ctx)
    assert ctx.regs[0] == (1 << 64) - 14


def test_carry_style_zeroes_registers_and_keeps_second_without_result():
    ctx = context(rdi=-1, rsi=64, rdx=7, r8=1, r9=2, r10=3, rsp=256)
    ctx.mem.write(256 + 8, struct.pack("<Q", 16))
    assert handler(READ, BSD, fill)(ctx) == 1
    assert ctx.regs[INDEX["rax"]] == 9
    assert [ctx.regs[INDEX[r]] for r in ("rdx", "r8", "r9", "r10")] == [7, 0, 0, 0]


def test_pair_result_and_stack_argument():
    row = call("pair", {"c": 1}, Op.PIPE, FULL, sig(a=S32, b=S32, c=U32), PAIR)
    ctx = context(rdi=-2, rsi=5, rsp=512)
    ctx.mem.write(512 + 8, struct.pack("<Q", 0xFFFF_FFFF_0000_0007))
    assert handler(row, BSD, lambda ctx, a, b, c: (a + b, c))(ctx) == 0
    assert ctx.regs[INDEX["rax"]] == 3
    assert ctx.regs[INDEX["rdx"]] == 7


def test_ntstatus_style_and_stored_length():
    row = call("cwd", {"c": 2}, Op.GETCWD, FULL, sig(buf=OutData("size"), size=LENGTH), STORED)
    ctx = context(r10=100, rdx=3)
    assert handler(row, NT, lambda ctx: b"/home")(ctx) == 0
    assert ctx.regs[0] == 3
    assert ctx.mem.read(100, 4) == b"/ho\0"


def test_out_struct_is_probed_then_stored():
    layout = Layout("pair", 16, (F("a", L32, "x"), pad(4), F("b", L64, "y")))
    row = call("get", {"c": 3}, Op.FSTAT, FULL, sig(fd=FD, out=OutStruct(layout)), ZERO)
    ctx = context(rdi=1, rsi=128)
    handler(row, LINUX, lambda ctx, fd: SimpleNamespace(x=1, y=2))(ctx)
    assert ctx.mem.probed == [(128, 16)]
    assert ctx.mem.read(128, 16) == struct.pack("<I4xQ", 1, 2)
    handler(row, LINUX, lambda ctx, fd: SimpleNamespace(x=1 << 40, y=2))(ctx)
    assert ctx.regs[0] == (1 << 64) - 75


def test_a_bad_descriptor_comes_before_a_bad_pointer():
    ctx = context(rdi=6, rsi=1 << 40, rdx=16)
    handler(READ, LINUX, fill)(ctx)
    assert ctx.regs[0] == (1 << 64) - 9


def test_selector_rows_and_unknown_selector():
    subs = {
        1: call("one", None, Op.DUP, FULL, sig(fd=FD, cmd=U32)),
        2: stub("two", None, E.NOSYS, "never"),
    }
    bad = {1: call("one", None, Op.DUP, FULL, sig(fd=FD, cmd=To("cmd", U32)))}
    row = call("ctl", {"c": 4}, None, FULL, sig(fd=FD, cmd=U32), by=("cmd", subs), otherwise=E.BADF)
    run = compile_call(row, "c", Door(LINUX, INDEX, "rsp"), {Op.DUP: lambda ctx, fd, cmd: fd + cmd}, ERRORS)
    for cmd, expected in ((1, 6), (2, (1 << 64) - 78), (3, (1 << 64) - 9)):
        ctx = context(rdi=5, rsi=cmd)
        run(ctx)
        assert ctx.regs[0] == expected
    assert set(bad) == {1}


def test_absent_rows_answer_nosys_and_name_the_call():
    ctx = context()
    run = compile_call(absent("gone", {"c": 9}, "why"), "c", Door(LINUX, INDEX, "rsp"), {}, ERRORS)
    run(ctx)
    assert ctx.regs[0] == (1 << 64) - 78
    assert list(ctx.calls) == ["gone"]


def test_rows_are_checked():
    with pytest.raises(RowError):
        call("x", {"c": 1}, Op.READ, FULL, sig(buf=InBytes("missing")))
    with pytest.raises(RowError):
        call("x", {"c": 1}, None, FULL, sig(), VALUE)


def test_tables_refuse_to_be_partial_or_ambiguous():
    with pytest.raises(ErrorTableError):
        error_table({E.BADF: 9}, {})
    with pytest.raises(LayoutError):
        Layout("bad", 9, (F("a", L64, "a"),))
    with pytest.raises(FlagError):
        FlagMap("bad", (("A", 1, 1), ("B", 3, 2)))


def test_flag_map_both_ways():
    flags = FlagMap(
        "open", (("O_CREAT", 0x40, 4),), (Choice(3, (("O_RDONLY", 0, 1), ("O_RDWR", 2, 3))),),
        ignored=(("O_LARGEFILE", 0x8000, "always on"),),
    )  # fmt: skip
    assert flags.decode(0x8042) == 7
    assert flags.encode(7) == 0x42
    assert flags.show(0x8042) == "O_RDWR|O_CREAT|O_LARGEFILE"
    for bad in (0x100, 1):
        with pytest.raises(Errno) as error:
            flags.decode(bad)
        assert error.value.code is E.INVAL


def test_record_has_its_own_length_and_alignment():
    head = Layout("dirent", 11, (F("ino", L64, "ino"), F("reclen", U16), F("type", "B", "type")))
    raw = Record(head, "name", "reclen").encode(SimpleNamespace(ino=1, type=8, name=b"abcd"))
    assert len(raw) == 16
    assert raw == struct.pack("<QHB", 1, 16, 8) + b"abcd\0"


def test_a_traceback_shows_the_generated_line():
    def fail(ctx, fd, buf):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError) as caught:
        handler(READ, LINUX, fail)(context(rdi=1, rsi=16, rdx=4))
    shown = "".join(traceback.format_exception(caught.value))
    assert 'File "row read", line' in shown
    assert "r = op(ctx, fd=" in shown
