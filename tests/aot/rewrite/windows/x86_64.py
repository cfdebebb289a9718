"""Random x86-64 windows: harvested runs, pc-relative forms, branches in and out, around one or two traps."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from tests.aot.rewrite.windows.harvest import Piece
from tests.aot.rewrite.windows.items import Fix, Item, closed
from tests.aot.rewrite.windows.room import DATA, DATA_SIZE, INLINE, NUMBERS

TRAP = b"\x0f\x05"
LOST = frozenset(("rcx", "r11"))  # by `syscall`: nothing behind a trap may read them
# (bytes before the disp32, bytes behind it)
_RELATIVE = [(bytes.fromhex(a), n) for a, n in (
    ("488d35", 0), ("488d0d", 0), ("8b05", 0), ("488b3d", 0), ("4c8905", 0), ("833d", 1), ("c605", 1), ("c705", 4),
    ("48c705", 4), ("66c705", 2), ("0fb615", 0), ("f20f1005", 0), ("660f6f05", 0), ("ff35", 0),
    ("f0480fb115", 0), ("f0480fc115", 0), ("48813d", 4), ("6915", 4), ("6b15", 1), ("f605", 1),
    ("d905", 0), ("dd1d", 0), ("0f2805", 0), ("660f3a0f05", 1), ("48013d", 0), ("48832d", 1),
    ("0f9405", 0), ("480f443d", 0), ("64488b05", 0), ("8f05", 0),
)]  # fmt: skip
_PLAIN = [bytes.fromhex(a) for a in (
    "53", "5d", "4154", "9c", "90", "6690", "0f1f4000", "f5", "f9", "fc", "0f0d08", "98", "4899",
    "50", "58", "4893", "0fc8", "d9e8", "d9c9", "660fefc0", "0f57c0", "f8",
)]  # fmt: skip
_JCC = tuple(range(0x70, 0x80))
_LONGEST_FILL = 15


class Windows:
    """Makes windows from a seeded source of chance."""

    def __init__(self, rng: random.Random, runs: Sequence[list[Piece]]) -> None:
        self.rng = rng
        self.runs = runs
        self._made = 0  # labels

    def window(self) -> list[Item]:
        """The items of one function: at least one trap, exits at its end."""
        rng = self.rng
        again = rng.random() < 0.25  # something behind the trap jumps back
        items = [Item(b"\xf3\x0f\x1e\xfa")] if rng.random() < 0.15 else []
        body = self._half(rng.choice((0, 1, 1, 2, 3, 4)), again)
        inside = [f"in{i}" for i in range(rng.choice((0, 0, 1, 2)))]
        load = self._load(again)
        items += self._labelled(body, "start")
        items += self._labelled(load, "load") + closed(self._half(rng.choice((0, 0, 1, 2)), again))
        items += [Item(b"", label="trap"), Item(TRAP, trap=True)]
        behind = self._half(rng.choice((0, 1, 2, 3, 4)), again=True)
        if rng.random() < 0.15:
            behind += [*self._load(again), Item(TRAP, trap=True), *self._half(rng.randrange(3), again=True)]
        for name in inside:
            behind.insert(rng.randrange(len(behind) + 1), Item(b"", label=name))
        if again:
            goal = rng.choice(("trap", "trap", "load", "start"))
            behind.insert(rng.randrange(len(behind) + 1), self._branch(rng.choice(_JCC), goal))
        elif inside:
            at = rng.randrange(len(items))
            items[at:at] = closed([self._branch(rng.choice((*_JCC, 0xE3, 0xE2)), inside[0])])
        return [*items, *behind, *closed(self._end())]

    def padding(self) -> bytes:
        """What is between two functions."""
        size = self.rng.randrange(_LONGEST_FILL + 1)
        return self.rng.choice((b"\xcc", b"\x90", b"\x00")) * size

    def _half(self, units: int, again: bool) -> list[Item]:
        """Some straight instructions; `again`: a trap may have come before them."""
        rng = self.rng
        out: list[Item] = []
        while len(out) < units:
            kind = rng.random()
            if kind < 0.6:
                run = rng.choice(self.runs)
                at = rng.randrange(len(run))
                some = run[at : at + rng.randint(1, units - len(out))]
                out += [self._harvested(p) for p in some if not (again and p.reads & LOST)]
            elif kind < 0.8:
                out.append(self._relative())
            elif kind < 0.9:
                out.append(Item(rng.choice(_PLAIN)))
            elif kind < 0.97:
                out.append(self._branch(rng.choice((*_JCC, 0xE8)), rng.choice(("out", "off"))))
            else:
                # a branch around a lock prefix: one instruction inside another
                self._made += 1
                bare = f"bare{self._made}"
                lock = Item(bytes.fromhex("f0480fc13b"), inner=bare)
                out += [self._branch(rng.choice(_JCC), bare, short=True), lock]
        return out

    def _harvested(self, piece: Piece) -> Item:
        if not piece.place:
            return Item(piece.code)
        return Item(piece.code, goal=self._datum(), fix=Fix.REL32, at=piece.place)

    def _relative(self) -> Item:
        head, tail = self.rng.choice(_RELATIVE)
        rest = bytes(self.rng.randrange(256) for _ in range(tail))
        return Item(head + b"\0\0\0\0" + rest, goal=self._datum(), fix=Fix.REL32, at=len(head))

    def _datum(self) -> int:
        return DATA + self.rng.randrange(DATA_SIZE // 16 - 1) * 16

    def _branch(self, opcode: int, goal: str, *, short: bool = False) -> Item:
        """A branch by its short opcode; call (e8), loop (e2) and jrcxz (e3) have one form."""
        if opcode == 0xE8:
            return Item(b"\xe8\0\0\0\0", goal="callee", fix=Fix.REL32, at=1)
        if short or opcode in (0xE2, 0xE3) or self.rng.random() < 0.6:
            return Item(bytes((opcode, 0)), goal=goal, fix=Fix.REL8)
        head = b"\xe9" if opcode == 0xEB else bytes((0x0F, opcode + 0x10))
        return Item(head + b"\0\0\0\0", goal=goal, fix=Fix.REL32, at=len(head))

    def _load(self, again: bool) -> list[Item]:
        """What sets the number: constants, registers, nothing.

        Only a call that crosses ends an endless loop, so one that is made `again` is never answered inline.
        """
        rng = self.rng
        numbers = [n for n in NUMBERS if n not in INLINE] if again else NUMBERS
        number = struct.pack("<I", rng.choice(numbers))
        some = rng.choice(self.runs)[:1]
        forms = (
            (b"\xb8" + number,), (b"\xb8" + number,), (b"\x48\xc7\xc0" + number,), (b"\x31\xc0",), (b"\x89\xf8",),
            (b"\x6a" + number[:1], b"\x58"), (b"\xb8" + number, b"\x48\x89\xde"), (b"\x8d\x47\x01",), (),
            (b"\xb8" + number, *(p.code for p in some if not p.place and not p.reads & LOST)),
            (b"\x48\xb8" + number + b"\0\0\0\0",), (b"\x33\xc0", b"\xb0" + number[:1]), (b"\x48\x8b\x07",),
        )  # fmt: skip
        return [Item(code, entry=not i) for i, code in enumerate(rng.choice(forms))]

    def _end(self) -> list[Item]:
        """How the function ends, and the ends that its branches go to."""
        rng = self.rng
        ends: tuple[list[Item], ...] = (
            [Item(b"\xc3")], [Item(b"\xf4")], [self._branch(0xEB, "out")], [self._branch(0xEB, "off")],
            [Item(b"\xf3\xc3")], [Item(b"\xff\xe3")], [Item(b"\x0f\x0b")],
        )  # fmt: skip
        fill = [Item(b"\xcc")] * rng.choice((0, 0, 3, 8, 15))
        tail = [
            Item(b"\xf4", label="out"), Item(b"\xf4", label="off"),
            Item(b"\x48\xff\xc2", label="callee"), Item(b"\xc3"),
        ]  # fmt: skip
        return [*rng.choice(ends), *fill, *tail]

    @staticmethod
    def _labelled(items: list[Item], label: str) -> list[Item]:
        return [Item(b"", label=label), *items]
