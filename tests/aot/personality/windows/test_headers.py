"""The windows tables against mingw-w64's headers and zig's standard library."""

from __future__ import annotations

import re
from functools import cache

import pytest

from aot.personality.abi.layout import Layout
from aot.personality.windows import files, guest_code, vm
from aot.personality.windows import layouts as la
from aot.personality.windows.errors import _ROWS, ERRORS, NAMES, errno_of, win32_of
from aot.personality.windows.numbers import COLUMNS, SERVICES, nt
from aot.personality.windows.services import IMPLEMENTED
from corpus.build import SRC, TRIPLES, run_zig
from corpus.probe import coff_section, probe, zig_probe
from tests.aot.personality.windows.lab import UNDECLARED

TARGETS = ("windows-x86_64", "windows-aarch64")
HEADERS = (
    "#define WIN32_LEAN_AND_MEAN",
    "#define WIN32_NO_STATUS",
    "windows.h",
    "#undef WIN32_NO_STATUS",
    "ntstatus.h",
    "winternl.h",
    "errno.h",
    "stdio.h",
    "stdlib.h",
)
LAYOUTS = [v for v in vars(la).values() if isinstance(v, Layout)]
NOT_IN_HEADERS = {"FILE_ATTRIBUTE_TAG_INFORMATION"}  # declared by zig's standard library only
ZIG_SPELLING = {
    "TEB": {"StackBase": "NtTib.StackBase", "StackLimit": "NtTib.StackLimit", "Self": "NtTib.Self"},
    "PARAMETERS": {
        "MaximumLength": "AllocationSize",
        "Length": "Size",
        "wShowWindow": "dwShowWindow",
        "CurrentDirectoryHandle": "",
        "EnvironmentSize": "",
    },
    "SHARED": {"TickCountQuad": "DummyUnion4"},
}
ZIG_STRUCTS = {
    "TEB": "TEB",
    "PEB": "PEB",
    "PARAMETERS": "RTL_USER_PROCESS_PARAMETERS",
    "LDR_DATA": "PEB_LDR_DATA",
    "LDR_ENTRY": "LDR.DATA_TABLE_ENTRY",
    "SHARED": "KUSER_SHARED_DATA",
}


def constants() -> dict[str, int]:
    """C constant -> what the tables say."""
    out: dict[str, int] = {name: number for number, name in NAMES.items()}
    out |= {f"FILE_{d.name}": int(d) for d in files.Disposition}
    out |= {
        "FILE_DIRECTORY_FILE": files.OPTION_DIRECTORY,
        "FILE_NON_DIRECTORY_FILE": files.OPTION_NO_DIRECTORY,
        "FILE_DELETE_ON_CLOSE": files.OPTION_DELETE,
        "FILE_OPEN_REPARSE_POINT": files.OPTION_REPARSE,
        "FILE_ATTRIBUTE_DIRECTORY": files.DIRECTORY,
        "FILE_ATTRIBUTE_ARCHIVE": files.ARCHIVE,
        "FILE_ATTRIBUTE_READONLY": files.READONLY,
        "FILE_ATTRIBUTE_REPARSE_POINT": files.REPARSE_POINT,
        "MEM_COMMIT": vm.COMMIT,
        "MEM_RESERVE": vm.RESERVE,
        "MEM_DECOMMIT": vm.DECOMMIT,
        "MEM_RELEASE": vm.RELEASE,
        "MEM_FREE": vm.FREE,
        "MEM_RESET": vm.RESET,
        "MEM_TOP_DOWN": vm.TOP_DOWN,
        "MEM_IMAGE": vm.IMAGE,
        "MEM_PRIVATE": vm.PRIVATE,
        "MEM_MAPPED": vm.MAPPED,
        "(PAGE_READWRITE|PAGE_WRITECOPY|PAGE_READONLY|PAGE_NOACCESS)": 0x0F,
        "(PAGE_EXECUTE|PAGE_EXECUTE_READ|PAGE_EXECUTE_READWRITE|PAGE_EXECUTE_WRITECOPY)": 0xF0,
        "sizeof(STARTUPINFOW)": 104,
        "__builtin_offsetof(STARTUPINFOW, dwFlags)": 60,
        "__builtin_offsetof(STARTUPINFOW, hStdInput)": 80,
        "sizeof(SYSTEM_INFO)": 48,
        "sizeof(WIN32_FIND_DATAW)": 592,
        "sizeof(WIN32_FIND_DATAA)": 320,
        "__builtin_offsetof(WIN32_FIND_DATAW, cFileName)": 44,
        "sizeof(BY_HANDLE_FILE_INFORMATION)": 52,
        "sizeof(WIN32_FILE_ATTRIBUTE_DATA)": 36,
        "sizeof(CRITICAL_SECTION)": 40,
        "__builtin_offsetof(CRITICAL_SECTION, OwningThread)": 16,
        "__builtin_offsetof(CRITICAL_SECTION, LockCount)": 8,
        "__builtin_offsetof(OBJECT_ATTRIBUTES, ObjectName)": 16,
        "sizeof(OBJECT_ATTRIBUTES)": 48,
        "sizeof(UNICODE_STRING)": 16,
        "sizeof(IO_STATUS_BLOCK)": 16,
        "sizeof(PROCESS_BASIC_INFORMATION)": 48,
        "sizeof(SYSTEM_BASIC_INFORMATION)": 64,
        "__builtin_offsetof(TEB, ProcessEnvironmentBlock)": 0x60,
        "__builtin_offsetof(TEB, TlsSlots)": la.TEB["TlsSlots"],
        "sizeof(FILE)": 8,
    }
    for layout in LAYOUTS:
        if layout.name not in NOT_IN_HEADERS:
            out[f"sizeof({layout.name})"] = layout.size
    for layout in (la.FILE_BASIC, la.FILE_STANDARD, la.FILE_NETWORK_OPEN, la.MEMORY_BASIC):
        fields = {f: at for f, at in layout.offsets().items() if f != "PartitionId"}
        out |= {f"__builtin_offsetof({layout.name}, {f})": at for f, at in fields.items()}
    return out


@cache
def answers(target: str) -> dict[str, int]:
    names = sorted(constants())
    return dict(zip(names, probe(target, HEADERS, names), strict=True))


@pytest.mark.parametrize("target", TARGETS)
def test_constants_and_structs_equal_headers(target: str) -> None:
    found, low = answers(target), 0xFFFF_FFFF
    wrong = {n: hex(found[n] & low) for n, v in constants().items() if found[n] & low != v & low}
    assert wrong == {}


@pytest.mark.parametrize("struct", ZIG_STRUCTS)
@pytest.mark.parametrize("target", TARGETS)
def test_offsets_equal_zigs_standard_library(struct: str, target: str) -> None:
    spelling = ZIG_SPELLING.get(struct, {})
    ours = {
        spelling.get(field, field): at
        for field, at in getattr(la, struct).items()
        if spelling.get(field, field) and field not in UNDECLARED.get(struct, set())
    }
    ours = {f: at for f, at in ours.items() if not (struct == "TEB" and f == "ClientId" and not at)}
    expressions = [_offset(ZIG_STRUCTS[struct], field) for field in ours]
    found = dict(zip(ours, zig_probe(target, expressions), strict=True))
    assert found == ours


def _offset(struct: str, field: str) -> str:
    if "." in field:
        outer, inner = field.split(".")
        return f'@offsetOf(w.{struct}, "{outer}") + @offsetOf(@FieldType(w.{struct}, "{outer}"), "{inner}")'
    return f'@offsetOf(w.{struct}, "{field}")'


def test_win32_errors_and_errno_equal_headers() -> None:
    checked = {
        "ERROR_FILE_NOT_FOUND": 0xC0000034,
        "ERROR_PATH_NOT_FOUND": 0xC000003A,
        "ERROR_ACCESS_DENIED": 0xC0000022,
        "ERROR_INVALID_HANDLE": 0xC0000008,
        "ERROR_NOT_ENOUGH_MEMORY": 0xC0000017,
        "ERROR_HANDLE_EOF": 0xC0000011,
        "ERROR_ALREADY_EXISTS": 0xC0000035,
        "ERROR_INVALID_PARAMETER": 0xC000000D,
        "ERROR_NOACCESS": 0xC0000005,
        "ERROR_BROKEN_PIPE": 0xC000014B,
        "ERROR_DIR_NOT_EMPTY": 0xC0000101,
        "ERROR_INVALID_ADDRESS": 0xC0000018,
        "ERROR_DIRECTORY": 0xC0000103,
        "ERROR_DISK_FULL": 0xC000007F,
        "ERROR_INSUFFICIENT_BUFFER": 0xC0000023,
        "ERROR_PROC_NOT_FOUND": 0xC000007A,
        "ERROR_MOD_NOT_FOUND": 0xC0000135,
        "ERROR_INVALID_NAME": 0xC0000033,
        "ERROR_NO_MORE_FILES": 0x80000006,
        "ERROR_BAD_LENGTH": 0xC0000004,
        "ERROR_SHARING_VIOLATION": 0xC0000043,
        "ERROR_MR_MID_NOT_FOUND": 0xC0FFEE00,
    }
    found = dict(zip(checked, probe(TARGETS[0], HEADERS, list(checked)), strict=True))
    assert {name: win32_of(status) for name, status in checked.items()} == found
    numbers = {
        f"E{e.name if e.name != 'TOOBIG' else '2BIG'}": errno
        for e, _, _, _, errno in _ROWS
        if e.name in ERRNO_NAMES
    }
    assert dict(zip(numbers, probe(TARGETS[0], HEADERS, list(numbers)), strict=True)) == numbers
    assert errno_of(0xC0000034) == 2


ERRNO_NAMES = {
    "PERM",
    "NOENT",
    "SRCH",
    "INTR",
    "IO",
    "NXIO",
    "TOOBIG",
    "NOEXEC",
    "BADF",
    "CHILD",
    "AGAIN",
    "NOMEM",
    "ACCES",
    "FAULT",
    "BUSY",
    "EXIST",
    "XDEV",
    "NODEV",
    "NOTDIR",
    "ISDIR",
    "INVAL",
    "NFILE",
    "MFILE",
    "NOTTY",
    "FBIG",
    "NOSPC",
    "SPIPE",
    "ROFS",
    "MLINK",
    "PIPE",
    "DOM",
    "RANGE",
    "DEADLK",
    "NAMETOOLONG",
    "NOLCK",
    "NOSYS",
    "NOTEMPTY",
    "ILSEQ",
}


def test_columns_agree_where_every_kernel_does() -> None:
    """The first 99 services have one number in both columns, and every implemented service has both."""
    first = SERVICES[:99]
    assert [nt(name)["wine"] for name in first] == list(range(99)) == [nt(name)["19041"] for name in first]
    for column in COLUMNS:
        used = [n for name in SERVICES if (n := nt(name)[column]) is not None]
        assert sorted(used) == list(range(len(used)))
    assert all(len(row.numbers) == 2 for row in IMPLEMENTED)


@pytest.mark.parametrize("target", TARGETS)
def test_guest_code_is_what_the_compiler_makes(target: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    arch = target.split("-")[1]
    out = tmp_path_factory.mktemp("sort") / "sort.obj"
    triple = TRIPLES["windows"].format(arch=arch)
    source = SRC / "windows" / "sort.c"
    run_zig("cc", "-target", triple, *guest_code.FLAGS, guest_code.CPU[arch], str(source), "-o", str(out))
    assert coff_section(out, ".text") == guest_code.SORT[arch]


def test_status_names_are_unique() -> None:
    assert len(set(NAMES.values())) == len(NAMES)
    assert all(re.fullmatch(r"STATUS_[A-Z0-9_]+", name) for name in NAMES.values())
    assert set(ERRORS.values()) <= set(NAMES)
