"""The contract between translator and runtime: the manifest inside a native ELF, and the stub area it describes.

Stub area (all offsets from `Manifest.area`, a page-aligned link address):

    page 0   guest-readable, kernel-written: gate slots, data words, which addresses nobody waits at
    page 1+  guest-writable: one u64 counter per inline site  (Manifest.counters pages)
    then     executable: the stubs

Nothing here imports a third-party library; the bytes are canonical JSON, so equal manifests are equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Any

from aot.errors import ManifestError
from aot.manifest_shape import LARGEST, USER, below, checked, hexadecimal
from aot.personality.abi.personality import Personality
from aot.record import asdict, dataclass

VERSION = 2  # 1 had no cases, and no exits in place of bound sites
SECTION = ".helctic.manifest"
NOTE_NAME = "Helctic"
NOTE_TYPE = 1  # descriptor: u32 manifest version, u32 personality
OSABI = 0x48  # EI_OSABI of a native ELF
PAGE = 4096


class GateKind(IntEnum):
    """Which gate a stub enters: the index of its slot, and on aarch64 the kind of its exit word.

    x86_64 registers at the gate (every other register and all flags are the guest's):
      BOUND         r11d = site index, rcx = resume address
      BOUND_CARRY   the same; the gate sets or clears CF
      TABLE         rax = call number, r11d = site index, rcx = resume address
      TABLE_CARRY   the same; the gate sets or clears CF
      IMPORT        r11d = import index; the return address is at [rsp], the gate ends with `ret`
    aarch64 exit words (the instruction the loader writes over `udf #kind`):
      BOUND         w8 (darwin w16) = site index; falls through with the result in x0
      BOUND_CARRY   the same; falls through with x8 (x16) = 0 (clear C) or 1 (set C), the stub does it
      TABLE         in place of the trap, or in its stub behind a search for cases; no register is touched.
                    In place of a bound site's trap its own address says which site it is
      TABLE_CARRY   the same; C is set or cleared by the backend
      IMPORT        w16 = import index; the stub ends with `ret`
      RETURN        (both) a callee called by the kernel returned here: see Manifest.return_stub
    """

    BOUND = 0
    BOUND_CARRY = 1
    TABLE = 2
    TABLE_CARRY = 3
    IMPORT = 4
    RETURN = 5


SLOTS = 16  # gate slots of 8 bytes at the head of page 0, indexed by GateKind
DATA = SLOTS * 8  # first data word


class DataWord(IntEnum):
    """Index of the u64 at DATA + 8 * index of page 0, kept current by the kernel."""

    TRACED = 0  # non-zero: inline stubs take the bound path
    PID = 1
    TID = 2
    PPID = 3
    UID = 4
    EUID = 5
    GID = 6
    EGID = 7
    PGID = 8
    NOTHING = 9  # 0, always
    OTHERS = 10  # 0 while there is one context in the whole run


WAITS = DATA + 8 * 32
"""Offset in page 0 of 256 bytes: 0 where nobody waits at any address that ends in this byte. Addresses that are no
multiples of four are never 0."""


class StubClass(Enum):
    """How much is decided ahead of time for a site."""

    INLINE = "inline"
    BOUND = "bound"
    TABLE = "table"
    DYNAMIC = "dynamic"


_CLASSES = frozenset(cls.value for cls in StubClass)
_ARCHS = ("x86_64", "aarch64")


@dataclass(frozen=True, slots=True)
class Case:
    """A number that a table-bound stub looks for: it enters the gate as bound sites do, the handler already chosen.

    Its index follows those of all sites, in the order of sites and cases: see `indexes`.
    """

    number: int
    call: str
    entry: int  # of its part of the stub
    gate: int  # address of the instruction there that enters the gate
    test: int = 0  # aarch64: for two instructions from here the number register is `number` too small


@dataclass(frozen=True, slots=True)
class Site:
    """One patched (or refused) trap. Addresses are link-time; `old` is hex of the patched window."""

    addr: int  # of the trap instruction
    size: int  # of the trap instruction, bytes
    cls: str  # StubClass value
    tactic: str  # name of the tactic, or why it was refused when cls is dynamic
    number: int | None = None
    call: str | None = None  # row name when known
    window: int = 0  # address of the first patched byte
    old: str = ""
    new: str = ""
    stub: int = 0
    stub_size: int = 0
    resume: int = 0  # where the guest continues: addr + size, or past a barrier
    evidence: str = ""
    gate: int = 0  # address of the stub instruction that enters the gate (in place: the trap's)
    kind: int = 0  # GateKind of that gate
    again: int = 0  # machine address from which the call is made again (guest PC: addr)
    cont: int = 0  # machine address behind the gate when neighbours were moved there (guest PC: resume)
    moved: tuple[tuple[int, int], ...] = ()  # (machine address, guest address) of each moved neighbour
    immediate: int = 0  # of the svc or int
    folded: bool = False  # the stub enters without the number in its register: `number` has it
    landing: int = 0  # x86_64: where a short jump finds its long one
    landing_old: str = ""
    words: tuple[int, ...] = ()  # DataWords that an inline stub answers from: result, second result
    cases: tuple[Case, ...] = ()  # of a table-bound stub: numbers whose handler is chosen ahead of time
    fast: int = 0  # of an inline stub: where it answers, behind its tests
    table: int = 0  # x86_64: address of the table through which the stub finds its cases; 0: it has none


@dataclass(frozen=True, slots=True)
class ImportSite:
    """One import slot bound to a stub of ours; `call` is None when no row serves the name.

    The slot holds the stub's link address on disk: a loader that biases the image adds the bias. Slots of
    objects (`data`) hold 0, the runtime fills them.
    """

    library: str
    name: str
    slot: int
    kind: str
    stub: int
    stub_size: int
    call: str | None = None
    data: bool = False
    old: str = ""
    addend: int = 0  # of an object's slot: its address plus this


@dataclass(frozen=True, slots=True)
class ExitWord:
    """aarch64: address of a `udf #kind` that the loader replaces by the backend's exit instruction."""

    addr: int
    kind: int


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """The TLS template of the guest image (see aot.image.model.Tls)."""

    address: int
    filesize: int
    size: int
    align: int
    index_slot: int = 0
    callbacks: tuple[int, ...] = ()
    descriptors: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A range the guest's system maps but an ELF cannot say (below 64 KiB, __PAGEZERO, huge zero fill)."""

    address: int
    size: int
    prot: int
    data: str = ""  # hex of leading bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything the runtime knows about a translated image beyond its ELF segments."""

    personality: int
    column: str
    arch: str
    format: str
    source_sha256: str
    entry: int  # of the guest
    pie: bool
    area: int  # link address of the stub area; 0 when there is none
    area_size: int
    counters: int  # pages of counters
    sites: tuple[Site, ...] = ()
    imports: tuple[ImportSite, ...] = ()
    exits: tuple[ExitWord, ...] = ()
    return_stub: int = 0  # address guest callees return to after a kernel upcall
    tls: TlsFacts | None = None
    phdr: tuple[int, int, int] = (0, 0, 0)
    image_base: int = 0
    image_end: int = 0
    brk: int = 0  # first brk of the guest (link address); 0: the system has none
    brk_limit: int = 0
    subsystem: int = 0
    stack_reserve: int = 0
    stack_code: bool = False  # the program asks for a stack that it may execute
    heap_reserve: int = 0
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    launcher: tuple[int, int] = (0, 0)  # address, size of the PT_LOAD that is not the guest's
    page_zero: int = 0  # end of the range at 0 that stays empty (Mach-O)
    main: bool = False  # the entry is called as main(argc, argv, envp, apple) (Mach-O)
    initialisers: tuple[int, ...] = ()  # called before the entry, as main is (Mach-O)
    relocations: tuple[tuple[int, int], ...] = ()  # (slot, address in the image): what an interpreter fills
    version: int = VERSION


def indexes(manifest: Manifest) -> Iterator[tuple[Site, int | None]]:
    """Site and number of every index that gates are given, from 0 on; None when it is not for the bound gate."""
    bound = (StubClass.BOUND.value, StubClass.INLINE.value)
    yield from ((site, site.number if site.cls in bound else None) for site in manifest.sites)
    yield from ((site, case.number) for site in manifest.sites for case in site.cases)


def encode(manifest: Manifest) -> bytes:
    """Canonical bytes of a manifest."""
    return json.dumps(asdict(manifest), sort_keys=True, separators=(",", ":")).encode()


@lru_cache(maxsize=8)
def decode(raw: bytes) -> Manifest:
    """A manifest from its bytes. Raises ManifestError for anything else."""
    try:
        fields: dict[str, Any] = json.loads(raw)
        if fields.get("version") != VERSION:
            raise ManifestError(f"manifest version {fields.get('version')!r:.40} is not {VERSION}")
        return _plausible(_manifest(checked(Manifest, fields)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ManifestError(f"the manifest cannot be read: {error}") from None
    except RecursionError:
        raise ManifestError("the manifest cannot be read: it is nested too deeply") from None


def _manifest(fields: dict[str, Any]) -> Manifest:
    tls = fields.pop("tls")
    return Manifest(
        sites=tuple(_site(checked(Site, s)) for s in fields.pop("sites")),
        imports=tuple(ImportSite(**checked(ImportSite, s)) for s in fields.pop("imports")),
        exits=tuple(ExitWord(**checked(ExitWord, s)) for s in fields.pop("exits")),
        reservations=tuple(Reservation(**checked(Reservation, s)) for s in fields.pop("reservations")),
        tls=_tls(checked(TlsFacts, tls)) if tls else None,
        phdr=tuple(fields.pop("phdr")),
        needed=tuple(fields.pop("needed")),
        launcher=tuple(fields.pop("launcher")),
        initialisers=tuple(fields.pop("initialisers")),
        relocations=tuple((slot, target) for slot, target in fields.pop("relocations")),
        **fields,
    )


def _site(s: dict[str, Any]) -> Site:
    hexadecimal(s["old"])
    hexadecimal(s["landing_old"])
    if s["cls"] not in _CLASSES:
        raise ManifestError(f"the manifest's cls cannot be {s['cls']!r:.40}")
    below(len(GateKind), kind=s["kind"])
    cases = tuple(Case(**checked(Case, case)) for case in s["cases"])
    moved = tuple((m, g) for m, g in s["moved"])
    return Site(**(s | {"moved": moved, "words": tuple(s["words"]), "cases": cases}))


def _tls(facts: dict[str, Any]) -> TlsFacts:
    return TlsFacts(**(facts | {k: tuple(facts[k]) for k in ("callbacks", "descriptors")}))


def _plausible(m: Manifest) -> Manifest:
    """`m`, when its addresses can be a program's and its sizes can be had. Raises ManifestError."""
    below(len(Personality), personality=m.personality)
    if m.arch not in _ARCHS:
        raise ManifestError(f"the manifest's arch cannot be {m.arch!r:.40}")
    below(USER, entry=m.entry, area=m.area, return_stub=m.return_stub, brk=m.brk, brk_limit=m.brk_limit)
    below(USER, image_base=m.image_base, image_end=m.image_end, page_zero=m.page_zero, phdr=max(m.phdr))
    below(LARGEST, area_size=m.area_size, stack_reserve=m.stack_reserve, heap_reserve=m.heap_reserve)
    if m.tls:
        below(LARGEST, tls_size=m.tls.size, tls_filesize=m.tls.filesize)
        below(
            USER,
            tls_address=m.tls.address,
            tls_index=m.tls.index_slot,
            tls_descriptors=max(m.tls.descriptors),
        )
        if m.tls.align & (m.tls.align - 1) or m.tls.align >= LARGEST or m.tls.filesize > m.tls.size:
            raise ManifestError("the manifest's TLS template is none")
    if m.area % PAGE or m.area_size % PAGE or (m.area and (m.counters + 1) * PAGE > m.area_size):
        raise ManifestError("the manifest's stub area is none")
    below(1 << 32 if m.format == "pe" else USER, size_of_image=m.image_end - m.image_base)
    if m.image_end < m.image_base:
        raise ManifestError("the manifest's image ends before it begins")
    for hole in m.reservations:
        below(USER, reservation=hole.address, reservation_size=hole.size)
    return m
