"""How a program is started: the facts a system's start-up code gets, and the state it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from aot.record import dataclass, field


class StartSpace(Protocol):
    """What start-up code may do to the new address space."""

    def map(self, size: int, *, at: int | None = None, prot: int = 6, name: str = "") -> int:
        """Map `size` zeroed bytes (prot: X 1, W 2, R 4) and return the address."""

    def poke(self, address: int, data: bytes) -> None: ...
    def peek(self, address: int, size: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StartFacts:
    """Everything known when a program is started. Addresses are final (bias applied)."""

    arch: str
    column: str
    argv: tuple[bytes, ...]
    env: tuple[bytes, ...]  # b"NAME=value"
    exec_path: bytes  # guest path of the program
    entry: int
    bias: int
    phdr: tuple[int, int, int]  # address, entry size, count
    image_base: int
    image_end: int
    interpreter_base: int
    stack_top: int  # highest address of the mapped stack
    stack_size: int
    page_size: int
    random: bytes  # 16 bytes or more
    pid: int
    tid: int
    uid: int
    euid: int
    gid: int
    egid: int
    realtime_ns: int = 0
    monotonic_ns: int = 0
    tls: tuple[int, int, int, int] | None = None  # template address, file size, size, align
    tls_index_slot: int = 0
    tls_callbacks: tuple[int, ...] = ()
    subsystem: int = 0
    heap_reserve: int = 0
    return_stub: int = 0
    cwd: bytes = b"/"
    interpreter: str = ""  # of a program whose libraries are rows
    interpreter_entry: int = 0  # of a dynamic linker that is mapped at interpreter_base and begins instead
    main: bool = False  # the entry is called as main(argc, argv, envp, apple)
    initialisers: tuple[int, ...] = ()
    tls_descriptors: tuple[int, int] = (0, 0)
    objects: Mapping[str, int] = field(default_factory=dict)  # imported objects: name -> address
    resolve: Callable[[str, str], int] = lambda library, name: 0  # address of a library's function


@dataclass(frozen=True, slots=True)
class StartState:
    """Registers and bases of the first context. Registers not named are zero."""

    regs: Mapping[str, int]
    bases: Mapping[str, int] = field(default_factory=dict)  # "fs" | "gs" | "tpidr_el0"
    before: tuple[tuple[int, tuple[int, ...]], ...] = ()  # guest functions called first: (address, arguments)
    data: Mapping[str, int] = field(
        default_factory=dict
    )  # system's own facts for its rows (e.g. "teb", "peb")
