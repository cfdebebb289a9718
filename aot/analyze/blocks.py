"""Reachable code of one address range: instructions, who comes before whom, branch targets, patch windows."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final

from aot.analyze import tables_aarch64, tables_x86_64
from aot.analyze.decode import CHUNK, LONGEST, Decoder, Flow, Raw
from aot.analyze.model import Insn
from aot.image.model import Arch, Image, Segment

WINDOW: Final = 16  # instructions offered on each side of a site


class Code:
    """The instructions of [start, end) that control flow reaches from its entries."""

    def __init__(self, image: Image, decoder: Decoder, segment: Segment, start: int, end: int) -> None:
        self.image = image
        self.decoder = decoder
        self.start = start
        self.end = min(end, segment.address + len(segment.data))
        self.reached: dict[int, Raw] = {}
        self.preds: dict[int, list[int]] = {}
        self.entries: set[int] = set()
        self.targets: set[int] = set()  # of branches, entries included
        self.foreign: set[int] = set()  # targets of branches from outside the range
        self.calls: dict[int, int] = {}  # address of a direct call -> its target
        self.invalid: list[int] = []  # addresses reached that hold no instruction
        self.loads: list[int] | None = None  # addresses that code here loads, when a jump table asked
        self.opaque: list[int] = []  # indirect jumps whose table was not found
        x86 = decoder.arch is Arch.X86_64
        self._table_targets = tables_x86_64.targets if x86 else tables_aarch64.targets
        self.segment = segment
        self.depths: dict[int, int | None] = {}  # of the stack pointer, as far as stack.py was asked
        self.variable: Callable[[int, int], int | None] = _any_value  # what (address, size) holds, if always
        self.frames: dict[int, int | None] = {}  # slot the frame pointer holds, likewise
        self.known: Container[int] = ()  # addresses another Code of this range has reached
        self.stretches: dict[tuple[int, int], list[Raw]] = {}  # of unreached code, decoded by sweep.py
        self._decoded: dict[int, Raw] = {}
        self._indirect: list[Raw] = []

    def decode(self, address: int) -> Raw | None:
        """The instruction at `address`, or None when the bytes there are none."""
        insn = self._decoded.get(address)
        if insn is None:
            at = address - self.segment.address
            stop = min(at + CHUNK, self.end - self.segment.address)
            code = self.segment.data[at:stop]
            for found in self.decoder.sweep(code, address):
                self._decoded.setdefault(found[0], found)
            insn = self._decoded.get(address)
        return insn

    def descend(self, entry: int) -> None:
        """Follow control flow from `entry`, then from every jump table it makes reachable."""
        self.entries.add(entry)
        self.targets.add(entry)
        self._follow([entry])
        while self._indirect:
            pending, self._indirect = self._indirect, []
            for insn in pending:
                found = self._table_targets(self, insn)
                if found is None:
                    self.opaque.append(insn[0])
                    continue
                for target in found:
                    self._edge(insn[0], target)
                self._follow(list(found))

    def enter(self, address: int) -> None:
        """Descend from `address`, which is reached in a way this range does not show."""
        self.descend(address)
        self.entries.discard(address)
        self.foreign.add(address)

    def trial(self) -> Code:
        """A Code of the same range that stops where this one has been."""
        other = Code(self.image, self.decoder, self.segment, self.start, self.end)
        other.known = self.reached
        other._decoded = self._decoded
        return other

    def _edge(self, source: int, target: int) -> None:
        self.preds.setdefault(target, []).append(source)
        self.targets.add(target)

    def _follow(self, work: list[int]) -> None:
        reached, preds, decoded = self.reached, self.preds, self._decoded
        flows, flow_of = self.decoder.flows, self.decoder.flow
        while work:
            address = work.pop()
            while address not in reached and self.start <= address < self.end and address not in self.known:
                insn = decoded.get(address) or self.decode(address)
                if insn is None:
                    self.invalid.append(address)
                    break
                reached[address] = insn
                flow = flows.get(insn[2]) or flow_of(insn)
                if flow is not Flow.NEXT and not self._leave(insn, flow, work):
                    break
                following = address + insn[1]
                if following in preds:
                    preds[following].append(address)
                else:
                    preds[following] = [address]
                address = following

    def _leave(self, insn: Raw, flow: Flow, work: list[int]) -> bool:
        """Note where `insn` goes; whether control can also fall through it."""
        if flow is Flow.STOP:
            return False
        if flow is Flow.JUMP_INDIRECT:
            self._indirect.append(insn)
            return False
        if flow in (Flow.JUMP, Flow.BRANCH, Flow.CALL):
            target = self.decoder.target(insn)
            if target is not None and flow is Flow.CALL:
                self.calls[insn[0]] = target
                if self.start <= target < self.end:
                    self.entries.add(target)
                    self.targets.add(target)
                    work.append(target)
            elif target is not None:
                self._edge(insn[0], target)
                work.append(target)
        return flow is not Flow.JUMP

    def function_at(self, address: int) -> tuple[int, int]:
        """(start, end) of the function around `address`, as far as entries tell."""
        start = max((entry for entry in self.entries if entry <= address), default=self.start)
        end = min((entry for entry in self.entries if entry > address), default=self.end)
        return start, end

    def covering(self, address: int) -> Raw | None:
        """The reached instruction that holds the byte at `address`."""
        for start in range(address, max(address - LONGEST, self.start - 1), -1):
            insn = self.reached.get(start)
            if insn is not None and start + insn[1] > address:
                return insn
        return None

    def insn(self, raw: Raw) -> Insn:
        """`raw` with its bytes."""
        address, size, mnemonic, operands = raw
        return Insn(address, size, self.bytes_of(raw), mnemonic, operands)

    def bytes_of(self, raw: Raw) -> bytes:
        """The bytes of a decoded instruction."""
        at = raw[0] - self.segment.address
        return self.segment.data[at : at + raw[1]]

    def before(self, address: int) -> tuple[Insn, ...]:
        """Straight-line instructions before `address`, nearest last; only the first may be a target."""
        out: list[Insn] = []
        while len(out) < WINDOW and address not in self.targets:
            preds = self.preds.get(address, ())
            if len(preds) != 1:
                break
            raw = self.reached[preds[0]]
            if self.decoder.flow(raw) is not Flow.NEXT or landing_pad(self, raw):
                break
            out.append(self.insn(raw))
            address = raw[0]
        return tuple(reversed(out))

    def after(self, address: int) -> tuple[Insn, ...]:
        """Straight-line instructions from `address` on, before the next branch, trap or target."""
        out: list[Insn] = []
        while len(out) < WINDOW and address not in self.targets:
            raw = self.reached.get(address)
            if raw is None or self.decoder.flow(raw) is not Flow.NEXT:
                break
            out.append(self.insn(raw))
            address += raw[1]
        return tuple(out)


def _any_value(_address: int, _size: int) -> int | None:
    """Of memory that can be written, as far as one range shows."""
    return None


def landing_pad(code: Code, raw: Raw) -> bool:
    """Whether `raw` is an endbr64 or bti that indirect branches must find in place."""
    if code.decoder.arch is Arch.X86_64:
        return raw[2] in ("endbr64", "endbr32")
    return raw[2] in ("bti", "paciasp", "pacibsp") or (raw[2] == "hint" and raw[3] in ("#34", "#36"))
