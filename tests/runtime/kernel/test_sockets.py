"""Sockets without a CPU: made-up calls, descriptors in circles, what is left when all is closed."""

from __future__ import annotations

import random
import struct

import pytest

from aot.personality.linux.socket_options import OPTIONS
from aot.personality.linux.system import SYSTEM
from runtime.kernel.leave import Block, Killed
from runtime.kernel.net import Net
from runtime.kernel.ops_socket import net_of
from tests.runtime.kernel.kit import DATA, END, READ_ONLY, Kit

PAIR, NAME, SIZE, VECTOR, HEADER, CONTROL, BYTES = (
    DATA, DATA + 0x40, DATA + 0x180, DATA + 0x200, DATA + 0x300, DATA + 0x400, DATA + 0x1000
)  # fmt: skip
UNIX, INET, INET6, NETLINK = 1, 2, 10, 16
STREAM, DGRAM, SEQPACKET, NONBLOCK = 1, 2, 5, 0o4000
WILD = (0, 1, DATA, NAME, SIZE, BYTES, READ_ONLY, END - 1, END, 1 << 47, (1 << 64) - 1)
NAMES = (
    struct.pack("<H", UNIX), struct.pack("<H", UNIX) + b"\0name", struct.pack("<H", UNIX) + b"/path",
    struct.pack("<H", UNIX) + b"x" * 108, struct.pack("<H", UNIX) + b"/path/under", struct.pack("<H", 0) + bytes(14),
    struct.pack(">HH4s8x", 0x0200, 4242, b"\x7f\0\0\1"), struct.pack(">HH4s8x", 0x0200, 0, bytes(4)),
    struct.pack(">HH4s8x", 0x0200, 4242, b"\x08\x08\x08\x08"), struct.pack(">HH4s8x", 0x0200, 4243, bytes(4)),
    struct.pack(">HHI16sI", 0x0A00, 4242, 0, bytes(15) + b"\1", 0), struct.pack(">HHI16sI", 0x0A00, 0, 0, bytes(16), 0),
    struct.pack(">HHI16sI", 0x0A00, 4242, 0, bytes(10) + b"\xff\xff\x7f\0\0\1", 0), struct.pack("<HxxII", NETLINK, 0, 0),
    b"", b"\1", bytes(130),
)  # fmt: skip


def pair(kit: Kit, kind: int = STREAM, flags: int = NONBLOCK) -> tuple[int, int]:
    assert kit.call("socketpair", UNIX, kind | flags, 0, PAIR) == 0
    one, other = struct.unpack("<ii", kit.mem.read(PAIR, 8))
    return one, other


def message(kit: Kit, data: bytes, control: bytes = b"", room: int = 0) -> int:
    """A message header; its address."""
    kit.mem.write(BYTES, data)
    kit.mem.write(VECTOR, struct.pack("<QQ", BYTES, len(data)))
    kit.mem.write(CONTROL, control)
    kit.mem.write(HEADER, struct.pack("<QQQQQQQ", 0, 0, VECTOR, 1, CONTROL, room or len(control), 0))
    return HEADER


def rights(*fds: int) -> bytes:
    return struct.pack("<Qii", 16 + 4 * len(fds), 1, 1) + b"".join(struct.pack("<i", fd) for fd in fds)


def empty(net: Net) -> bool:
    """Whether nothing is left of any socket."""
    return not (net.flying or net.carriers or net.abstract or net.paths or net.ports or net.in_flight)


def test_sockets_in_flight_to_each_other_are_collected() -> None:
    kit = Kit(SYSTEM)
    for _ in range(300):
        one, other = pair(kit)
        for sender, sent in ((one, one), (other, other), (one, other), (other, one)):
            assert kit.call("sendmsg", sender, message(kit, b"x", rights(sent, sent)), 0) == 1
        assert kit.call("close", one) == kit.call("close", other) == 0
    net = net_of(kit.ctx)
    assert net.in_flight < 1000
    one, other = pair(kit)
    assert kit.call("sendmsg", one, message(kit, b"x", rights(one)), 0) == 1
    for fd in (one, other):
        kit.call("close", fd)
    net.collect(kit.files)
    assert empty(net)


def test_what_is_in_flight_survives_until_it_is_taken() -> None:
    kit = Kit(SYSTEM)
    one, other = pair(kit)
    inner, far = pair(kit)
    assert kit.call("sendmsg", one, message(kit, b"x", rights(inner)), 0) == 1
    kit.call("close", inner)
    net_of(kit.ctx).collect(kit.files)
    kit.mem.write(BYTES, b"to whom it may concern")
    assert kit.call("write", far, BYTES, 22) == 22
    assert kit.call("recvmsg", other, message(kit, b"y", bytes(64)), 0) == 1
    new = int.from_bytes(kit.mem.read(CONTROL + 16, 4), "little")
    assert kit.call("read", new, BYTES, 64) == 22


def test_listeners_keep_what_nobody_accepted_yet() -> None:
    kit = Kit(SYSTEM)
    name = struct.pack("<H", UNIX) + b"\0listener"
    kit.mem.write(NAME, name)
    listener, caller = kit.call("socket", UNIX, STREAM, 0), kit.call("socket", UNIX, STREAM, 0)
    assert kit.call("bind", listener, NAME, len(name)) == kit.call("listen", listener, 1) == 0
    assert kit.call("connect", caller, NAME, len(name)) == 0
    assert kit.call("sendmsg", caller, message(kit, b"x", rights(1)), 0) == 1
    kit.call("close", caller)
    accepted = kit.call("accept", listener, 0, 0)
    assert kit.call("recvmsg", accepted, message(kit, b"y", bytes(64)), 0) == 1
    assert kit.mem.read(CONTROL, 8) == struct.pack("<Q", 20)


def test_too_many_in_flight_are_refused() -> None:
    kit = Kit(SYSTEM)
    one, _ = pair(kit)
    found = [kit.call("sendmsg", one, message(kit, b"x", rights(*[1] * 200)), 0) for _ in range(40)]
    assert found[0] == 1 and found[-1] == -109  # ETOOMANYREFS
    assert kit.call("sendmsg", one, message(kit, b"x", rights(*[1] * 254)), 0) == -22


class Player:
    """Makes socket calls, most of them nearly right."""

    def __init__(self, seed: int, arch: str) -> None:
        self.pick, self.kit = random.Random(seed), Kit(SYSTEM, arch)
        self.fds = [0]

    def fd(self) -> int:
        return self.pick.choice(self.fds) if self.pick.random() < 0.95 else self.pick.choice((-1, 99, 1))

    def place(self, right: int) -> int:
        return right if self.pick.random() < 0.93 else self.pick.choice(WILD)

    def name(self) -> int:
        raw = self.pick.choice(NAMES)
        self.kit.mem.write(NAME, raw)
        return len(raw) if self.pick.random() < 0.9 else self.pick.choice((0, 1, 2, 3, 128, 129, 1 << 31))

    def sized(self) -> int:
        self.kit.mem.write(
            SIZE, struct.pack("<i", self.pick.choice((0, 1, 2, 16, 28, 110, 128, -1, 1 << 30)))
        )
        return self.place(SIZE)

    def flags(self) -> int:
        return self.pick.choice((0, 0, 0x40, 2, 0x42, 0x20, 0x100, 1, 0x4000, 0x80, 0x2000, 0xFFFFFFFF))

    def control(self) -> bytes:
        kind = self.pick.random()
        if kind < 0.5:
            return rights(*(self.fd() for _ in range(self.pick.randrange(4))))
        if kind < 0.7:
            return struct.pack("<Qiiiii", 28, 1, 2, 1000, self.pick.choice((0, 5)), 0)
        return bytes(self.pick.randrange(256) for _ in range(self.pick.randrange(64)))

    def header(self, *, send: bool) -> int:
        control = self.control() if send else b""
        at = message(self.kit, bytes(self.pick.choice((0, 1, 100, 2000))), control, 0 if send else 64)
        if self.pick.random() < 0.3:
            self.kit.mem.write(HEADER, struct.pack("<QI", self.place(NAME), self.name()))
        if self.pick.random() < 0.1:
            self.kit.mem.write(HEADER + 8 * self.pick.randrange(7), struct.pack("<Q", self.pick.choice(WILD)))
        return self.place(at)

    def step(self) -> None:
        """One call."""
        p, call = self.pick, self.kit.call
        size = p.choice((0, 1, 5, 4096))
        option = p.choice(list(OPTIONS)) if p.random() < 0.9 else (p.randrange(50), p.randrange(100))
        many = p.choice((0, 1, 3))
        match p.randrange(19):
            case 0 | 1:
                family = p.choice((UNIX, UNIX, INET, INET6, NETLINK, 17, 40))
                kind = p.choice((STREAM, DGRAM, SEQPACKET, 3, 9)) | (NONBLOCK if p.random() < 0.8 else 0)
                made = call("socket", family, kind, p.choice((0, 0, 0, 6, 17, 136, 255, -1)))
                self.fds += [made] if made >= 0 else []
            case 2:
                if (
                    call(
                        "socketpair",
                        UNIX,
                        p.choice((STREAM, DGRAM, SEQPACKET)) | NONBLOCK,
                        0,
                        self.place(PAIR),
                    )
                    == 0
                ):
                    self.fds += struct.unpack("<ii", self.kit.mem.read(PAIR, 8))
            case 3:
                call("bind", self.fd(), self.place(NAME), self.name())
            case 4:
                call("listen", self.fd(), p.choice((0, 1, 5, -1)))
            case 5:
                call("connect", self.fd(), self.place(NAME), self.name())
            case 6:
                made = call(
                    "accept4", self.fd(), p.choice((0, NAME)), self.sized(), p.choice((0, NONBLOCK, 1))
                )
                self.fds += [made] if made >= 0 else []
            case 7:
                call(p.choice(("getsockname", "getpeername")), self.fd(), self.place(NAME), self.sized())
            case 8:
                call(
                    "sendto",
                    self.fd(),
                    self.place(BYTES),
                    size,
                    self.flags(),
                    p.choice((0, NAME)),
                    self.name(),
                )
            case 9:
                call(
                    "recvfrom",
                    self.fd(),
                    self.place(BYTES),
                    size,
                    self.flags(),
                    p.choice((0, NAME)),
                    self.sized(),
                )
            case 10:
                call("sendmsg", self.fd(), self.header(send=True), self.flags())
            case 11:
                call("recvmsg", self.fd(), self.header(send=False), self.flags())
            case 12:
                call("shutdown", self.fd(), p.randrange(4))
            case 13:
                call(
                    "setsockopt",
                    self.fd(),
                    *option,
                    self.place(BYTES),
                    p.choice((0, 1, 4, 8, 16, -1, 1 << 30)),
                )
            case 14:
                call("getsockopt", self.fd(), *option, self.place(BYTES), self.sized())
            case 15:
                call(p.choice(("read", "write")), self.fd(), self.place(BYTES), size)
            case 16:
                call(
                    p.choice(("sendmmsg", "recvmmsg")),
                    self.fd(),
                    self.header(send=True),
                    many,
                    self.flags(),
                    0,
                )
            case 17:
                call(
                    "ioctl",
                    self.fd(),
                    p.choice((0x541B, 0x5411, 0x8905, 0x8910, 0x8912, 0x8933)),
                    self.place(BYTES),
                )
            case 18 if len(self.fds) > 1:
                fd = self.fds.pop(p.randrange(1, len(self.fds)))
                call("close", fd)

    def play(self, count: int) -> None:
        for _ in range(count):
            try:
                self.step()
            except Block as wait:
                self.kit.ctx.wait = None
                assert wait.ready is None or wait.ready() in (True, False)
            except Killed as end:
                assert end.signal == 13


@pytest.mark.parametrize("seed", range(24))
def test_made_up_socket_calls(seed: int) -> None:
    player = Player(seed, ("x86_64", "aarch64")[seed % 2])
    player.play(600)
    kit = player.kit
    for fd in [f for f in kit.files.open if f > 2]:
        kit.call("close", fd)
    net_of(kit.ctx).collect(kit.files)
    assert empty(net_of(kit.ctx))
