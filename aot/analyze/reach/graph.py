"""Which functions of an image can run once some of them may: a call graph of everything its bytes may refer to.

A node is a declared function (functions that overlap are one) or the code between two of them. Nodes are reached
by branches and operands of reached nodes, by running off the end of one, and from outside: the entry, what data
holds the address of, and what nothing in the image refers to although it is there.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import Final

from aot.analyze.anchors import Anchors
from aot.analyze.decode import Decoder, Flow, Raw
from aot.analyze.reach import outgoing
from aot.analyze.reach.stubs import import_stubs
from aot.image.model import Image
from aot.record import dataclass

_PADDING: Final = frozenset(("nop", "int3", "udf", "endbr64"))
_STUB: Final = 16  # bytes of a stub, at least
_NEAR: Final = re.compile(r"\[rip ([+-] 0x[0-9a-f]+)\]")
_DIRECT: Final = (Flow.JUMP, Flow.BRANCH, Flow.CALL)
_ENDS: Final = (Flow.JUMP, Flow.JUMP_INDIRECT, Flow.STOP, Flow.CALL, Flow.CALL_INDIRECT)
"""How the last instruction of a function ends it; a call there does not come back."""


@dataclass(frozen=True, slots=True)
class Node:
    """A range of code that is reached as one; `declared` when its entries are known, else any address enters."""

    start: int
    end: int
    entries: frozenset[int]
    declared: bool


class Graph:
    """The nodes of one image and what each refers to. `pointers` are (slot, address) that its loading writes."""

    def __init__(self, image: Image, pointers: Iterable[tuple[int, int]] = ()) -> None:
        self.image = image
        self.anchors = Anchors(image)
        self._decoder = Decoder(image.arch)
        self.nodes = [
            node for node in _nodes(image, self.anchors) if node.declared or not self._padding(node)
        ]
        self._starts = [node.start for node in self.nodes]
        self._swept: dict[int, dict[int, Raw]] = {}
        self._slots = {entry.slot: entry.name for entry in image.imports if not entry.data}
        self._stubs = import_stubs(image, self._slots)
        self._tables = self._stub_tables()
        self.edges: dict[int, set[int]] = defaultdict(set)
        self.uses: dict[int, set[str]] = defaultdict(set)  # imported names
        self._collect(pointers)

    def node_at(self, address: int) -> int | None:
        """The index of the node that holds `address`."""
        at = bisect_right(self._starts, address) - 1
        return at if at >= 0 and address < self.nodes[at].end else None

    def spread(self, addresses: Iterable[int], running: set[int]) -> set[str]:
        """Add to `running` what can run when the code at `addresses` may, besides what always may; the imported
        names that the added nodes use."""
        addresses = frozenset(addresses)
        added = {node for address in addresses if (node := self.node_at(address)) is not None}
        added = (added | self.always) - running
        imports = self.held | {self._stubs[address] for address in addresses if address in self._stubs}
        pending = list(added)
        running |= added
        while pending:
            node = pending.pop()
            imports |= self.uses.get(node, set())
            following = self.edges.get(node, set()) | self._led(node) | self._runs_on(node)
            pending += following - running
            running |= following
        return imports

    def _collect(self, pointers: Iterable[tuple[int, int]]) -> None:
        """Note what every node refers to, then which nodes and names somebody outside may."""
        named, used = set[int](), set[int]()
        for source, target in chain(
            outgoing.from_branches(self.image),
            outgoing.from_operands(self.image, self._starts),
            outgoing.from_constants(self.image),
        ):
            if target in self._slots:
                used.add(target)
                self._use(source, self._slots[target])
            else:
                self._note(source, target, named)
        given = {*outgoing.from_data(self.image), *(target for _, target in pointers), self.image.entry}
        held = {target: self.node_at(target) for target in given}
        exported = {node for s in self.image.exports if (node := self.node_at(s.address)) is not None}
        self.always = {
            node for target, node in held.items() if node is not None and self._enters(node, target)
        }
        self.always |= set(range(len(self.nodes))) - named - exported
        self.held = {self._stubs[target] for target in given if target in self._stubs}
        self.held |= {name for slot, name in self._slots.items() if slot not in used}

    def _use(self, source: int, name: str) -> None:
        node = self.node_at(source)
        if node is not None and node not in self._tables:
            self.uses[node].add(name)

    def _stub_tables(self) -> set[int]:
        """Nodes that are little but stubs: a name in them is used by whoever goes to its stub."""
        held: dict[int, int] = defaultdict(int)
        for address in self._stubs:
            node = self.node_at(address)
            if node is not None:
                held[node] += _STUB
        return {
            node
            for node, size in held.items()
            if self.nodes[node].end - self.nodes[node].start >= 2 * _STUB
            and 2 * size > self.nodes[node].end - self.nodes[node].start
        }

    def _note(self, source: int, target: int, named: set[int]) -> None:
        """One reference between nodes, or to an imported name."""
        if target in self._stubs:
            self._use(source, self._stubs[target])
            return
        here, there = self.node_at(source), self.node_at(target)
        if there is None or here is None or here == there:
            return
        if self._enters(there, target):
            named.add(there)
            self.edges[here].add(there)

    def _enters(self, node: int, address: int) -> bool:
        found = self.nodes[node]
        return not found.declared or address in found.entries

    def _led(self, node: int) -> set[int]:
        """Nodes that the instructions of `node` lead to, at whatever address: short jumps, and into a middle."""
        targets = (self._target(insn) for insn in self._sweep(node).values())
        found = {self.node_at(target) for target in targets if target is not None}
        return {there for there in found if there is not None}

    def _target(self, insn: Raw) -> int | None:
        """Where a branch leads, or what an operand names by its distance."""
        if self._decoder.flow(insn) in _DIRECT:
            return self._decoder.target(insn)
        near = _NEAR.search(insn[3])
        if near is not None:
            return insn[0] + insn[1] + int(near[1].replace(" ", ""), 16)
        return self._decoder.target(insn) if insn[2] == "adr" else None

    def _sweep(self, node: int) -> dict[int, Raw]:
        if node not in self._swept:
            self._swept[node] = {insn[0]: insn for insn in self._instructions(self.nodes[node])}
        return self._swept[node]

    def _instructions(self, node: Node) -> list[Raw]:
        segment = self.image.segment_at(node.start)
        assert segment is not None
        code = segment.data[node.start - segment.address : node.end - segment.address]
        return self._decoder.sweep(code, node.start)

    def _padding(self, node: Node) -> bool:
        """Whether a range between functions only fills it."""
        insns = self._instructions(node)
        whole = bool(insns) and insns[-1][0] + insns[-1][1] == node.end
        return not any(self.image.read(node.start, node.end - node.start)) or (
            whole and all(_fills(insn) for insn in insns)
        )

    def _runs_on(self, node: int) -> set[int]:
        """The node behind `node`, when its code does not end with something that leaves it."""
        behind = node + 1
        if behind >= len(self.nodes):
            return set()
        for insn in reversed(self._sweep(node).values()):
            if not _fills(insn):
                return set() if self._decoder.flow(insn) in _ENDS else {behind}
        return {behind}


def _fills(insn: Raw) -> bool:
    """Whether an instruction does nothing, or is never meant to run."""
    if insn[2] in ("xchg", "lea"):  # xchg ax, ax; lea rsi, [rsi]
        first, _, second = insn[3].partition(", ")
        return second.strip("[]") == first
    return insn[2].rpartition(" ")[2] in _PADDING


def _nodes(image: Image, anchors: Anchors) -> list[Node]:
    """Declared functions and what is between them, in order."""
    nodes: list[Node] = []
    for segment in image.code:
        end = segment.address + len(segment.data)
        at = segment.address
        for span in anchors.spans:
            if not segment.address <= span.start < end:
                continue
            if span.start > at:
                nodes.append(Node(at, span.start, frozenset(), declared=False))
            nodes.append(
                Node(span.start, span.end, frozenset(span.entries), declared=span.source != "descent")
            )
            at = max(at, span.end)
        if at < end:
            nodes.append(Node(at, end, frozenset(), declared=False))
    return sorted(nodes, key=lambda node: node.start)
