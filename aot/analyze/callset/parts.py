"""One file of a program's closure: its sites, and which of its functions run as names of it are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Final

from aot.analyze.callset.model import FileFacts
from aot.analyze.go import is_go
from aot.analyze.model import FoundSite
from aot.analyze.reach.graph import Graph
from aot.image.elf_pointers import pointers
from aot.image.model import Format, Image

_WORDS: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_@.$]*(?=\0)")
_LIBRARY: Final = re.compile(rb"\b(?:ntdll|kernel32|[\w.-]{2,64}\.dll)\b", re.IGNORECASE)
LOOKUPS: Final = frozenset(("dlsym", "dlvsym", "GetProcAddress", "LdrGetProcedureAddress"))
"""Functions that find others by a name given while the program runs."""


class Part:
    """One file: `name` is its path as the program's linker opens it, `raw` all its bytes."""

    def __init__(self, name: str, raw: bytes, image: Image, sites: tuple[FoundSite, ...]) -> None:
        self.name, self._raw, self.image, self.sites = name, raw, image, sites
        self.running: set[int] = set()
        self.imports: set[str] = set()
        if self.graph is None:
            self.imports = {entry.name for entry in self.image.imports if not entry.data}

    @cached_property
    def graph(self) -> Graph | None:
        """Its call graph; None for what is taken as a whole.

        A Go program is: its linker has left out what cannot run, and methods are called by offsets in its tables.
        So are formats whose addresses in data are not read.
        """
        if is_go(self.image) or self.image.format is not Format.ELF:
            return None
        return Graph(self.image, pointers(self._raw))

    @cached_property
    def exports(self) -> dict[str, set[int]]:
        """The addresses behind each name it offers."""
        found: dict[str, set[int]] = {}
        for symbol in self.image.exports:
            found.setdefault(symbol.name, set()).add(symbol.address)
        return found

    @cached_property
    def words(self) -> dict[bytes, int]:
        """How often each word that ends like a C string is in the file."""
        found: dict[bytes, int] = {}
        for word in _WORDS.findall(self._raw):
            found[word] = found.get(word, 0) + 1
        return found

    def holds(self, text: bytes) -> bool:
        """Whether `text` is anywhere in the file."""
        return text in self._raw

    def libraries(self, plain: Callable[[str], str]) -> set[str]:
        """The libraries that it imports from or has the file name of, as text of bytes or of 16-bit units; `plain`
        makes of a file name what rows call the library."""
        named = {plain(entry.library) for entry in self.image.imports}
        for text in (self._raw, self._raw[::2], self._raw[1::2]):
            named |= {plain(found.decode()) for found in _LIBRARY.findall(text)}
        return named

    def run(self, names: Iterable[str], *, everything: bool = False) -> None:
        """Let the functions of these names run, and what they lead to; `imports` grows by what they use."""
        if self.graph is None:
            return
        wanted = self.exports if everything else [name for name in names if name in self.exports]
        addresses = {address for name in wanted for address in self.exports[name]}
        self.imports |= self.graph.spread(addresses, self.running)

    def runs(self, address: int) -> bool:
        """Whether the function that holds `address` can run."""
        return self.graph is None or self.graph.node_at(address) in self.running

    def live(self) -> list[FoundSite]:
        """The sites of functions that can run."""
        return [site for site in self.sites if self.runs(site.address)]

    def facts(self) -> FileFacts:
        """How much of it can run."""
        functions = len(self.graph.nodes) if self.graph else 0
        return FileFacts(self.name, len(self.sites), len(self.live()), functions, len(self.running))
