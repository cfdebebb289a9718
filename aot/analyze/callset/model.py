"""What a program can ask its system for: calls with who asks, and what could not be decided."""

from __future__ import annotations

from enum import Enum

from aot.record import dataclass, field


class How(Enum):
    """What makes a call part of the set."""

    SITE = "site"  # a trap in the code
    IMPORT = "import"  # an imported function that the system's tables serve
    NAME = "name"  # a function's name in the image's data, which it may look up while it runs
    VDSO = "vdso"  # code that the kernel maps falls back to it
    KERNEL = "kernel"  # the kernel makes it the guest's next call by itself


@dataclass(frozen=True, slots=True)
class Source:
    """One reason for a call: `file` of the closure, the site or slot, what proves it."""

    how: How
    file: str
    address: int
    function: str
    proof: str = ""


@dataclass(frozen=True, slots=True)
class CallUse:
    """One call of the set; `number` is None for what has no number (imports)."""

    name: str
    number: int | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class OpenSite:
    """A site that may ask for a number nobody knows: while there is one, the set is not closed."""

    file: str
    address: int
    function: str
    why: str
    seen: tuple[str, ...]  # calls that it is known to make


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file of the closure and how much of it can run."""

    file: str
    sites: int
    reached: int  # of the sites
    functions: int  # 0 where the file was taken as a whole
    running: int  # of the functions


@dataclass(frozen=True, slots=True)
class CallSet:
    """The calls of one program on one system, by name."""

    program: str
    system: str
    column: str
    arch: str
    calls: tuple[CallUse, ...]
    open: tuple[OpenSite, ...]
    files: tuple[FileFacts, ...]
    whole: int  # calls there would be if everything in every file could run
    missing: tuple[str, ...] = field(default=())  # libraries that are named and were not found
    notes: tuple[str, ...] = field(default=())  # what may come to run that was not looked at

    @property
    def names(self) -> frozenset[str]:
        """The calls by name."""
        return frozenset(call.name for call in self.calls)

    @property
    def closed(self) -> bool:
        """Whether nothing else can be asked for by the code that was looked at."""
        return not self.open and not self.missing
