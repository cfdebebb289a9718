"""Random aarch64 windows: harvested runs, pc-relative forms, branches in and out, around one or two traps."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from tests.aot.rewrite.windows.harvest import Piece
from tests.aot.rewrite.windows.items import Fix, Item, closed
from tests.aot.rewrite.windows.room import DATA, DATA_SIZE, INLINE, NUMBERS

_NOP, _RET, _HALT, _BTI, _PACIASP, _AUTIASP = (
    0xD503201F,
    0xD65F03C0,
    0xD4400000,
    0xD503245F,
    0xD503233F,
    0xD50323BF,
)
# (word without its field, what the field is): b.cond, cbz, cbnz, tbz, tbnz
_BRANCHES = ((0x54000000, Fix.IMM19), (0xB4000000, Fix.IMM19), (0x35000000, Fix.IMM19), (0x36000000, Fix.IMM14),
             (0xB7000000, Fix.IMM14))  # fmt: skip


def _word(value: int) -> bytes:
    return struct.pack("<I", value)


class Windows:
    """Makes windows from a seeded source of chance, for a door whose number is in `register`."""

    def __init__(
        self, rng: random.Random, runs: Sequence[list[Piece]], register: str = "x8", skip: int = 0
    ) -> None:
        self.rng = rng
        self.runs = runs
        self.number = int(register[1:])
        self.skip = skip // 4  # instructions behind the trap that the kernel steps over

    def window(self) -> list[Item]:
        """The items of one function: at least one trap, exits at its end."""
        rng = self.rng
        again = rng.random() < 0.25
        items = [Item(_word(rng.choice((_BTI, _PACIASP))))] if rng.random() < 0.15 else []
        items += self._labelled(self._half(rng.choice((0, 1, 2, 3, 4))), "start")
        load = self._load(again)
        items += self._labelled(load, "load") + closed(self._half(rng.choice((0, 0, 1, 2))))
        items += [Item(b"", label="trap"), *self._trap()]
        behind = self._half(rng.choice((0, 1, 2, 3, 4)))
        if rng.random() < 0.2:
            behind += [*self._load(again), *self._trap(), *self._half(rng.randrange(3))]
        behind.append(Item(b"", label="in"))
        if again:
            behind.append(self._branch(rng.choice(("trap", "trap", "load", "start"))))
        elif rng.random() < 0.4:
            at = rng.randrange(len(items) - self.skip)
            items[at:at] = closed([self._branch("in")])
        return [*items, *behind, *closed(self._end())]

    def padding(self) -> bytes:
        """What is between two functions."""
        return _word(self.rng.choice((_NOP, 0))) * self.rng.randrange(5)

    def _trap(self) -> list[Item]:
        return [Item(_word(0xD4000001), trap=True), *closed([Item(_word(_NOP))] * self.skip)]

    def _half(self, units: int) -> list[Item]:
        rng = self.rng
        out: list[Item] = []
        while len(out) < units:
            kind = rng.random()
            if self.runs and kind < 0.65:
                run = rng.choice(self.runs)
                at = rng.randrange(len(run))
                out += [Item(p.code) for p in run[at : at + rng.randint(1, units - len(out))]]
            elif kind < 0.85:
                out.append(self._relative())
            elif kind < 0.93:
                out.append(self._branch(rng.choice(("out", "off"))))
            else:
                out.append(
                    Item(_word(rng.choice((_NOP, _PACIASP, _AUTIASP, 0xD53B4200 | rng.randrange(31)))))
                )
        return out

    def _relative(self) -> Item:
        """adr, adrp, ldr literal, to data, or a call."""
        rng = self.rng
        register = rng.randrange(29)
        if register == self.number:
            register = 9
        match rng.randrange(4):
            case 0:
                return Item(_word(0x10000000 | register), goal=DATA + rng.randrange(DATA_SIZE), fix=Fix.ADR)
            case 1:
                return Item(_word(0x90000000 | register), goal=DATA + rng.randrange(DATA_SIZE), fix=Fix.ADRP)
            case 2:
                return Item(
                    _word(rng.choice((0x58000000, 0x18000000, 0x1C000000)) | register),
                    goal=DATA + 8 * rng.randrange(DATA_SIZE // 8),
                    fix=Fix.IMM19,
                )
        return Item(_word(0x94000000), goal="callee", fix=Fix.IMM26)

    def _branch(self, goal: str) -> Item:
        word, fix = self.rng.choice(_BRANCHES)
        return Item(_word(word | self.rng.randrange(15)), goal=goal, fix=fix)

    def _load(self, again: bool) -> list[Item]:
        """What sets the number: constants, registers, nothing. An endless loop has to cross: see x86_64."""
        rng, x = self.rng, self.number
        numbers = [n for n in NUMBERS if n not in INLINE] if again else NUMBERS
        number = rng.choice(numbers)
        other = rng.randrange(8)
        forms = (
            (0x52800000 | number << 5 | x,), (0xD2800000 | number << 5 | x,), (0xD2800000 | number << 5 | x,),
            (0x92800000 | number << 5 | x,), (0x52800000 | number << 5 | x, 0x72A00000 | 1 << 5 | x),
            (0xAA0003E0 | other << 16 | x,), (0x2A0003E0 | other << 16 | x,), (), (0xF9400000 | other << 5 | x,),
            (0x52800000 | number << 5 | other, 0x2A0003E0 | other << 16 | x), (0xD2800000 | x,),
            (0x52800000 | number << 5 | x, 0xAA0003E0 | other << 16 | (other + 1)),
        )  # fmt: skip
        return [Item(_word(word), entry=not i) for i, word in enumerate(rng.choice(forms))]

    def _end(self) -> list[Item]:
        rng = self.rng
        ends = ([Item(_word(0xD65F0380))], [Item(_word(_HALT))], [Item(_word(0x14000000), goal="out", fix=Fix.IMM26)],
                [Item(_word(0x00000000))], [Item(_word(0xD61F0260))])  # fmt: skip
        return [
            *rng.choice(ends), Item(_word(_HALT), label="out"), Item(_word(_HALT), label="off"),
            Item(_word(0x91000442), label="callee"), Item(_word(_RET)),
        ]  # fmt: skip

    @staticmethod
    def _labelled(items: list[Item], label: str) -> list[Item]:
        return [Item(b"", label=label), *items]
