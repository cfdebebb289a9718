"""Wild pointers in every pointer argument of every row: a status for services, a fault for functions."""

from __future__ import annotations

import struct
import tempfile
from functools import cache
from pathlib import Path

import pytest

from aot.personality.abi.call import Call, Level
from aot.personality.abi.kinds import InBytes, InInt, Kind, Length, Out, OutBytes, Unused, inner
from aot.personality.abi.kinds import Path as PathKind
from aot.personality.abi.leave import GuestFault, Leave
from aot.personality.windows.kinds import Address, Handle, ObjectAttributes, Place, UnicodeString, Wide
from aot.personality.windows.kinds import Process as ProcessKind
from aot.personality.windows.system import SYSTEM
from runtime.cpu.api import Leave as AnyLeave
from tests.aot.personality.windows.lab import Lab
from tests.runtime.kernel.kit import DATA, END, READ_ONLY

ACCESS_VIOLATION = 0xC0000005
TEXT = b"some bytes in a file"
POINTERS = (Address, Place, ObjectAttributes, UnicodeString, Wide, PathKind, InBytes, OutBytes, InInt, Out)
WRITTEN = (Place, OutBytes, Out)
WILD = {
    "null": 0,
    "low": 8,
    "unmapped": 0x6000_0000_0000,
    "last byte": END - 1,
    "wrapping": 0xFFFF_FFFF_FFFF_FFF8,
    "kernel half": 0xFFFF_8000_0000_0000,
    "non-canonical": 0x0001_0000_0000_0000,
}
NEEDS = {
    ("NtQueryInformationProcess", "length"): 48,
    ("NtQueryInformationThread", "length"): 48,
    ("NtQuerySystemInformation", "length"): 64,
    ("NtQueryVirtualMemory", "length"): 48,
    ("NtQueryObject", "length"): 64,
    ("NtQueryObject", "cls"): 2,
    ("NtAllocateVirtualMemory", "kind"): 0x3000,
    ("NtAllocateVirtualMemory", "protect"): 4,
    ("NtOpenFile", "options"): 0x40,
    ("NtCreateFile", "disposition"): 1,
    ("NtOpenFile", "access"): 0x8000_0000,
    ("NtCreateFile", "access"): 0x8000_0000,
    ("NtSetInformationThread", "cls"): 17,
    ("NtFreeVirtualMemory", "kind"): 0x4000,
    ("NtProtectVirtualMemory", "wanted"): 2,
    ("NtQueryDirectoryFile", "cls"): 12,
    ("NtQueryDirectoryFile", "name"): 0,
    ("NtQueryDirectoryFile", "length"): 256,
    ("NtSetInformationProcess", "cls"): 33,
    ("NtReadVirtualMemory", "size"): 16,
    ("NtWriteVirtualMemory", "size"): 16,
    ("NtTerminateThread", "thread"): 0x1234,
    ("NtTerminateProcess", "process"): 0x1234,
}
EVENTS = {"NtSetEvent", "NtResetEvent", "NtClearEvent"}
MEMORY = {"NtAllocateVirtualMemory", "NtFreeVirtualMemory", "NtProtectVirtualMemory"}
BY_CLASS = {"NtQueryInformationFile", "NtSetInformationFile", "NtQueryVolumeInformationFile"}
ENDS = {
    "exit",
    "_exit",
    "abort",
    "exit_flushed",
    "_cexit",
    "ExitProcess",
    "ExitThread",
    "RtlExitUserProcess",
    "RtlExitUserThread",
    "RaiseException",
    "raise",
}


def services() -> list[Call]:
    return [
        c for c in SYSTEM.calls if c.numbers and c.status.level is Level.PARTIAL and c.name not in BY_CLASS
    ]


def functions() -> list[Call]:
    return [c for c in SYSTEM.calls if not c.numbers and c.symbols and c.name not in ENDS]


@cache
def scratch() -> Path:
    return Path(tempfile.mkdtemp())


class Case:
    """A process with an open file and working arguments for any row."""

    def __init__(self) -> None:
        for left in scratch().iterdir():  # what the row before did
            left.rmdir() if left.is_dir() else left.unlink()
        (scratch() / "file").write_bytes(TEXT)
        self.lab = Lab(root=scratch())
        self.names = self.lab.attributes("\\??\\C:\\file", DATA + 0x400)
        created = self.lab.trap(
            "NtCreateFile", DATA, 0xC000_0000, self.names, DATA + 0x100, 0, 0, 0, 1, 0x40, 0, 0
        )
        assert created == 0, hex(created)
        self.file = self.lab.mem.load_u64(DATA)
        self.lab.attributes("\\??\\C:\\", DATA + 0x600)
        assert self.lab.trap("NtOpenFile", DATA, 0x8000_0000, DATA + 0x600, DATA + 0x100, 0, 1) == 0
        self.folder = self.lab.mem.load_u64(DATA)
        assert self.lab.trap("NtCreateEvent", DATA, 0, 0, 0, 0) == 0
        self.event = self.lab.mem.load_u64(DATA)
        self.memory = self.lab.use("VirtualAlloc", 0, 0x1_0000, 0x3000, 4)
        self.lab.mem.write(DATA + 0x700, struct.pack("<HH4xQ", 8, 10, DATA + 0x780))
        self.lab.wide("C:\\f", DATA + 0x780)
        self.lab.mem.write(DATA + 0x900, b"C:\\file\0")
        self.lab.wide("C:\\file", DATA + 0xA00)

    def working(self, row: Call, name: str, kind: Kind, at: int) -> int:
        """A value for one argument with which the call gets far."""
        param = getattr(kind, "param", name)
        kind = inner(kind)
        if (row.name, param) in NEEDS:
            return NEEDS[row.name, param]
        match kind:
            case Unused():
                return 0
            case Handle():
                return self.folder if row.name == "NtQueryDirectoryFile" else self.file
            case ProcessKind():
                return -1
            case ObjectAttributes():
                return self.names
            case UnicodeString():
                return DATA + 0x700
            case Wide():
                return DATA + 0xA00
            case PathKind():
                return DATA + 0x900
            case Length():
                return 16
            case Place() | InInt() if kind.optional:
                return 0
            case _ if isinstance(kind, POINTERS):
                self.lab.mem.write(DATA + 0x1000 + 0x100 * at, bytes(0x100))
                if row.name in MEMORY and param in ("base", "size"):
                    fill = 0 if row.name == "NtAllocateVirtualMemory" else self.memory
                    self.lab.mem.store_u64(DATA + 0x1000 + 0x100 * at, fill if param == "base" else 0x1000)
                if param in ("name", "old", "new", "line") and "W" in row.symbols[0][-1:]:
                    return DATA + 0xA00
                if param in ("name", "old", "new"):
                    return DATA + 0x900
                return DATA + 0x1000 + 0x100 * at
        if param == "process":
            return -1
        if param == "handle" and row.name in EVENTS:
            return self.event
        if param == "thread":
            return -2
        return {"handle": self.file, "length": 64, "room": 64, "count": 1}.get(param, 0)

    def words(self, row: Call) -> list[int]:
        return [self.working(row, name, kind, i) for i, (name, kind) in enumerate(row.args.items())]


def pointers(row: Call) -> list[tuple[int, str, Kind]]:
    """(position, name, kind) of the pointer arguments."""
    return [(i, n, inner(k)) for i, (n, k) in enumerate(row.args.items()) if isinstance(inner(k), POINTERS)]


def is_optional(kind: Kind) -> bool:
    return bool(getattr(kind, "optional", False))


def wild_for(kind: Kind) -> dict[str, int]:
    extra = {"read-only": READ_ONLY} if isinstance(kind, WRITTEN) else {}
    return WILD | extra


@pytest.mark.parametrize("row", services(), ids=lambda row: row.name)
def test_services_answer_access_violation(row: Call) -> None:
    baseline = Case()
    try:
        works = baseline.lab.trap(row.name, *baseline.words(row)) == 0
    except AnyLeave:
        works = True
    for position, name, kind in pointers(row):
        for label, address in wild_for(kind).items():
            case = Case()
            words = case.words(row)
            words[position] = address
            try:
                status = case.lab.trap(row.name, *words)
            except AnyLeave:
                assert is_optional(kind) or isinstance(kind, Address), (name, label)
                continue
            if label == "null" and (is_optional(kind) or isinstance(kind, Address | ObjectAttributes)):
                continue
            unused_behind = isinstance(kind, Address) and status == 0 and label == "last byte"
            assert status != 0 or unused_behind or not works or _not_followed(row, name), (
                name,
                label,
                hex(status),
            )
            if works and not unused_behind and not _not_followed(row, name):
                assert status in (ACCESS_VIOLATION, 0x80000002), (name, label, hex(status))


def _not_followed(row: Call, name: str) -> bool:
    """Pointers that a working call with these arguments has no need to look at."""
    return (row.name, name) in {
        ("NtQueryDirectoryFile", "FileName"),
        ("NtDeviceIoControlFile", "OutputBuffer"),
        ("NtFsControlFile", "OutputBuffer"),
    }


@pytest.mark.parametrize("name", sorted(BY_CLASS))
def test_services_by_class(name: str) -> None:
    row = next(c for c in SYSTEM.calls if c.name == name)
    assert row.by is not None
    for cls in row.by[1]:
        for position in (1, 2):
            for label, address in WILD.items():
                case = Case()
                words = [case.file, DATA + 0x1000, DATA + 0x1100, 256, cls]
                case.lab.mem.write(DATA + 0x1000, bytes(0x400))
                words[position] = address
                status = case.lab.trap(name, *words)
                if label != "last byte" or position == 1:
                    assert status == ACCESS_VIOLATION, (cls, position, label, hex(status))


@pytest.mark.parametrize("row", functions(), ids=lambda row: row.name)
def test_library_functions_fault_like_guest_code(row: Call) -> None:
    library, name = row.symbols[0].split("!")
    for position, argument, kind in pointers(row):
        for label, address in wild_for(kind).items():
            case = Case()
            words = case.words(row)
            words[position] = address
            try:
                case.lab.use(name, *words, library=f"{library}.dll")
            except GuestFault as fault:
                assert fault.address or label in ("null", "low", "wrapping"), (argument, label)
            except Leave:
                continue


@pytest.mark.parametrize(
    ("name", "library", "words", "position"),
    [
        ("strlen", "ucrtbase", [DATA], 0),
        ("memcpy", "ucrtbase", [DATA, DATA + 64, 16], 0),
        ("memcpy", "ucrtbase", [DATA, DATA + 64, 16], 1),
        ("puts", "ucrtbase", [DATA], 0),
        ("fwrite", "ucrtbase", [DATA, 1, 4, DATA], 3),
        ("GetStartupInfoW", "kernel32", [DATA], 0),
        ("QueryPerformanceCounter", "kernel32", [DATA], 0),
        ("EnterCriticalSection", "kernel32", [DATA], 0),
        ("CreateFileW", "kernel32", [DATA, 0, 0, 0, 3, 0, 0], 0),
        ("WriteFile", "kernel32", [8, DATA, 4, DATA, 0], 1),
        ("WriteFile", "kernel32", [8, DATA, 4, DATA, 0], 3),
        ("GetModuleHandleA", "kernel32", [DATA], 0),
    ],
)
def test_faults_say_where(name: str, library: str, words: list[int], position: int) -> None:
    lab = Lab()
    words = list(words)
    words[position] = 0x6000_0000_0010
    with pytest.raises(GuestFault) as raised:
        lab.use(name, *words, library=f"{library}.dll")
    assert raised.value.address & -4096 == 0x6000_0000_0000


def test_nothing_is_written_when_a_place_for_the_count_is_wild() -> None:
    case = Case()
    with pytest.raises(GuestFault):
        case.lab.use("WriteFile", case.file, DATA, 4, 0x6000_0000_0000, 0)
    assert (scratch() / "file").read_bytes() == TEXT
    assert (
        case.lab.trap("NtWriteFile", case.file, 0, 0, 0, 0x6000_0000_0000, DATA, 4, 0, 0) == ACCESS_VIOLATION
    )
    assert (scratch() / "file").read_bytes() == TEXT
