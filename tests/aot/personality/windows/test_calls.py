"""Rows of services and libraries on a process without a CPU: files, memory, heaps, events, text, numbers."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.leave import Upcall
from aot.personality.windows import vm
from aot.personality.windows.heap import Heap, heap
from aot.personality.windows.state import get_last_error, host_status, state
from tests.aot.personality.windows.lab import FOUND, IMAGE, STACK_TOP, Lab
from tests.runtime.kernel.kit import DATA

CRT = "api-ms-win-crt-runtime-l1-1-0.dll"
GENERIC_READ, GENERIC_WRITE = 0x8000_0000, 0x4000_0000
ARCHS = pytest.mark.parametrize("arch", ["x86_64", "aarch64"])


def create(lab: Lab, name: str, disposition: int, access: int = GENERIC_READ | GENERIC_WRITE) -> int:
    return lab.use("CreateFileW", lab.wide(name, DATA + 0x800), access, 0, 0, disposition, 0, 0)


@ARCHS
def test_files_through_kernel32(arch: str, tmp_path: Path) -> None:
    lab = Lab(arch, tmp_path)
    file = create(lab, "x.txt", 2)
    assert file % 4 == 0
    assert get_last_error(lab.ctx) == 0
    lab.mem.write(DATA, b"hello\r\n")
    assert lab.use("WriteFile", file, DATA, 7, DATA + 0x100, 0) == 1
    assert lab.mem.load_u32(DATA + 0x100) == 7
    assert lab.use("GetFileSizeEx", file, DATA + 0x108) == 1
    assert lab.mem.load_u64(DATA + 0x108) == 7
    assert lab.use("SetFilePointer", file, -2 & 0xFFFFFFFF, 0, 2) == 5
    assert lab.use("ReadFile", file, DATA + 0x200, 10, DATA + 0x100, 0) == 1
    assert lab.mem.read(DATA + 0x200, lab.mem.load_u32(DATA + 0x100)) == b"\r\n"
    assert lab.use("GetFileType", file) == 1
    assert lab.use("CloseHandle", file) == 1
    assert (tmp_path / "x.txt").read_bytes() == b"hello\r\n"
    create(lab, "X.TXT", 2)
    assert get_last_error(lab.ctx) == 183  # was there, in another case
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


@pytest.mark.parametrize(
    ("name", "disposition", "error"),
    [("no", 3, 2), ("no\\x", 3, 3), ("there", 1, 80), ("folder", 3, 5), ("a|b", 3, 123), ("D:\\x", 3, 3)],
)
def test_failures_of_create_file(name: str, disposition: int, error: int, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    (tmp_path / "folder").mkdir()
    lab = Lab(root=tmp_path)
    assert create(lab, name, disposition) == (1 << 64) - 1
    assert get_last_error(lab.ctx) == error


def test_directories_and_searches(tmp_path: Path) -> None:
    lab = Lab(root=tmp_path)
    assert lab.use("CreateDirectoryW", lab.wide("sub", DATA + 0x800), 0) == 1
    assert lab.use("CreateDirectoryW", DATA + 0x800, 0) == 0
    assert get_last_error(lab.ctx) == 183
    for name in ("b.txt", "A.TXT", "c.bin"):
        (tmp_path / "sub" / name).write_bytes(b"12345")
    handle = lab.use("FindFirstFileW", lab.wide("sub\\*.txt", DATA + 0x800), DATA)
    found = []
    while True:
        found.append(lab.mem.read(DATA + 44, 520).decode("utf-16-le").split("\0")[0])
        assert lab.mem.load_u32(DATA + 32) == 5
        if not lab.use("FindNextFileW", handle, DATA):
            break
    assert (found, get_last_error(lab.ctx)) == (["A.TXT", "b.txt"], 18)
    assert lab.use("FindClose", handle) == 1
    assert lab.use("RemoveDirectoryW", lab.wide("sub", DATA + 0x800)) == 0
    assert get_last_error(lab.ctx) == 145
    assert lab.use("SetCurrentDirectoryW", lab.wide("SUB", DATA + 0x800)) == 1
    assert lab.use("GetCurrentDirectoryW", 100, DATA) == 6
    assert lab.mem.read(DATA, 14) == "C:\\sub\0".encode("utf-16-le")
    assert lab.use("GetCurrentDirectoryA", 3, DATA) == 7
    assert create(lab, "b.txt", 3) != (1 << 64) - 1


def test_a_file_deleted_on_close_stays_until_then(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    lab = Lab(root=tmp_path)
    file = lab.use("CreateFileA", lab.text(b"x"), GENERIC_READ, 0, 0, 3, 0x0400_0000, 0)
    assert (tmp_path / "x").exists()
    lab.use("CloseHandle", file)
    assert not (tmp_path / "x").exists()


def test_rename_by_handle(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    lab = Lab(root=tmp_path)
    file = create(lab, "a", 3)
    name = "\\??\\C:\\b".encode("utf-16-le")
    for replace, status in ((0, 0xC0000035), (1, 0)):
        lab.mem.write(DATA, struct.pack("<B7xQI", replace, 0, len(name)) + name)
        assert lab.trap("NtSetInformationFile", file, DATA + 0x200, DATA, 20 + len(name), 10) == status
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"b": b"a"}


def test_pseudo_and_wrong_handles() -> None:
    lab = Lab()
    assert lab.trap("NtClose", -1) == 0
    assert lab.trap("NtClose", 0) == 0xC0000008
    assert lab.trap("NtClose", 0x4444) == 0xC0000008
    assert lab.trap("NtCreateEvent", DATA, 0, 0, 1, 0) == 0
    event = lab.mem.load_u64(DATA)
    assert lab.trap("NtReadFile", event, 0, 0, 0, DATA, DATA, 1, 0, 0) == 0xC0000024
    assert lab.trap("NtSetEvent", 8, 0) == 0xC0000024
    assert lab.trap("NtSetEvent", event, DATA) == 0
    assert lab.trap("NtWaitForSingleObject", event, 0, 0) == 0
    lab.mem.write(DATA, bytes(8))
    assert lab.trap("NtWaitForSingleObject", event, 0, DATA) == 0x102  # it reset itself
    assert lab.trap("NtClose", event) == 0
    assert lab.trap("NtClose", event) == 0xC0000008


# -- memory ------------------------------------------------------------------------------------------


def test_reserve_commit_release() -> None:
    ctx = Lab().ctx
    base, size = vm.allocate(ctx, 0, 0x2_3456, vm.RESERVE, 4)
    assert base % 0x1_0000 == 0
    assert size == 0x2_4000
    with pytest.raises(Errno):
        ctx.mem.write(base, b"x")
    assert vm.allocate(ctx, base + 0x1234, 0x1000, vm.COMMIT, 4) == (base + 0x1000, 0x2000)
    ctx.mem.write(base + 0x1000, b"kept")
    vm.allocate(ctx, base, 0x4000, vm.COMMIT, 4)
    assert ctx.mem.read(base + 0x1000, 4) == b"kept"
    found = vm.query(ctx, base + 0x1000)
    assert (found.allocation, found.state, found.protect, found.type) == (base, vm.COMMIT, 4, vm.PRIVATE)
    assert vm.protect(ctx, base, 0x2000, 2) == (base, 0x2000, 4)
    assert vm.query(ctx, base).size == 0x2000
    vm.free(ctx, base + 0x1000, 0x1000, vm.DECOMMIT)
    vm.allocate(ctx, base + 0x1000, 0x1000, vm.COMMIT, 4)
    assert ctx.mem.read(base + 0x1000, 4) == bytes(4)
    assert vm.free(ctx, base, 0, vm.RELEASE) == (base, 0x2_4000)
    assert vm.query(ctx, base).state == vm.FREE


def test_huge_reservations_cost_nothing() -> None:
    ctx = Lab().ctx
    base, _ = vm.allocate(ctx, 0, 1 << 40, vm.RESERVE, 4)
    vm.allocate(ctx, base + (1 << 39), 0x1000, vm.COMMIT, 4)
    ctx.mem.write(base + (1 << 39), b"far")
    vm.free(ctx, base, 0, vm.RELEASE)


@pytest.mark.parametrize(
    ("kind", "protect", "size", "error"),
    [
        (vm.RESERVE, 0x33, 4096, E.INVAL),
        (0, 4, 4096, E.INVAL),
        (vm.RESERVE, 4, 0, E.INVAL),
        (vm.RESERVE | 0x800, 4, 4096, E.INVAL),
        (vm.RESERVE, 4, 1 << 60, E.INVAL),
    ],
)
def test_refused_allocations(kind: int, protect: int, size: int, error: E) -> None:
    with pytest.raises(Errno) as raised:
        vm.allocate(Lab().ctx, 0, size, kind, protect)
    assert raised.value.code is error


def test_conflicts() -> None:
    ctx = Lab().ctx
    with pytest.raises(Errno) as taken:
        vm.allocate(ctx, IMAGE, 0x1000, vm.RESERVE, 4)
    with pytest.raises(Errno) as nowhere:
        vm.allocate(ctx, 0x5000_0000, 0x1000, vm.COMMIT, 4)
    with pytest.raises(Errno) as foreign:
        vm.free(ctx, IMAGE, 0, vm.RELEASE)
    assert {e.value.code for e in (taken, nowhere, foreign)} == {E.NOT_MAPPED}


def test_queries_of_image_and_stack() -> None:
    ctx = Lab().ctx
    image = vm.query(ctx, IMAGE + 0x1234)
    assert (image.base, image.allocation, image.type, image.protect) == (
        IMAGE + 0x1000,
        IMAGE,
        vm.IMAGE,
        0x20,
    )
    stack = vm.query(ctx, STACK_TOP - 1)
    assert (stack.state, stack.protect, stack.type) == (vm.COMMIT, 4, vm.PRIVATE)
    with pytest.raises(Errno):
        vm.query(ctx, 1 << 47)


SIZES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5000)), max_size=60)


@settings(max_examples=30, deadline=None)
@given(SIZES)
def test_heap_blocks_never_overlap(steps: list[tuple[int, int]]) -> None:
    mem, blocks = Lab().mem, Heap()
    live: dict[int, bytes] = {}
    for step, size in steps:
        if step < 5 or not live:
            address = blocks.alloc(mem, size)
            assert address % 16 == 0
            assert address not in live
            live[address] = bytes((len(live) & 0xFF,)) * size
            if size:
                mem.write(address, live[address])
        else:
            address = sorted(live)[size % len(live)]
            assert mem.read(address, len(live[address])) == live[address]
            if step < 8:
                assert blocks.free(mem, address)
                del live[address]
            else:
                content = live.pop(address)
                moved = blocks.resize(mem, address, size)
                kept = content[:size].ljust(size, b"\xee")
                if size:
                    mem.write(moved, kept)
                live[moved] = kept
    for address, content in live.items():
        assert mem.read(address, len(content)) == content


def test_heap_functions() -> None:
    lab = Lab()
    process_heap = lab.use("GetProcessHeap")
    block = lab.use("HeapAlloc", process_heap, 8, 100)
    assert lab.mem.read(block, 100) == bytes(100)
    assert lab.use("HeapSize", process_heap, 0, block) == 100
    lab.mem.write(block, b"x" * 100)
    grown = lab.use("HeapReAlloc", process_heap, 8, block, 3000)
    assert lab.mem.read(grown, 3000) == b"x" * 100 + bytes(2900)
    assert lab.use("HeapFree", process_heap, 0, grown) == 1
    assert lab.use("HeapFree", process_heap, 0, grown) == 0
    own = lab.use("HeapCreate", 0, 0, 0)
    lab.use("HeapAlloc", own, 0, 10)
    lab.use("HeapAlloc", own, 0, 1 << 20)
    assert lab.use("HeapDestroy", own) == 1
    assert heap(lab.ctx).sizes == {}


# -- the rest of kernel32 ----------------------------------------------------------------------------


def test_modules_and_functions() -> None:
    lab = Lab()
    ntdll = lab.use("GetModuleHandleW", lab.wide("NTDLL", DATA))
    assert ntdll % 0x1000 == 0
    assert ntdll
    assert lab.use("GetModuleHandleA", 0) == IMAGE
    assert lab.use("LoadLibraryExA", lab.text(b"api-ms-win-core-synch-l1-2-0.dll"), 0, 0x800) != 0
    assert lab.use("GetProcAddress", ntdll, lab.text(b"ZwClose")) == FOUND
    assert lab.use("GetProcAddress", ntdll, lab.text(b"Nothing")) == 0
    assert get_last_error(lab.ctx) == 127
    assert lab.use("LoadLibraryA", lab.text(b"opengl32.dll")) == 0
    assert get_last_error(lab.ctx) == 126
    count = lab.use("GetModuleFileNameW", 0, DATA, 100)
    assert lab.mem.read(DATA, 2 * count).decode("utf-16-le") == "C:\\bin\\prog.exe"


def test_thread_local_storage() -> None:
    lab = Lab()
    slots = [lab.use("TlsAlloc") for _ in range(80)]
    assert slots == list(range(80))
    for slot in (0, 63, 64, 79):
        assert lab.use("TlsSetValue", slot, slot + 1) == 1
        assert lab.use("TlsGetValue", slot) == slot + 1
    assert lab.mem.load_u64(lab.ctx.data["teb"] + 0x1480 + 8 * 63) == 64
    assert lab.use("TlsFree", 5) == 1
    assert lab.use("TlsFree", 5) == 0
    assert lab.use("TlsAlloc") == 5


def test_critical_sections_count() -> None:
    lab = Lab()
    lab.use("InitializeCriticalSection", DATA)
    for _ in range(2):
        lab.use("EnterCriticalSection", DATA)
    assert struct.unpack("<iIQ", lab.mem.read(DATA + 8, 16)) == (1, 2, 1000)
    assert lab.use("TryEnterCriticalSection", DATA) == 1
    for _ in range(3):
        lab.use("LeaveCriticalSection", DATA)
    assert struct.unpack("<iIQ", lab.mem.read(DATA + 8, 16)) == (-1, 0, 0)


def test_text_conversion() -> None:
    lab = Lab()
    text = "gr\u00fc\u00df \U0001f600"
    raw = text.encode()
    lab.mem.write(DATA, raw)
    needed = lab.use("MultiByteToWideChar", 65001, 0, DATA, len(raw), 0, 0)
    assert needed == 7
    assert lab.use("MultiByteToWideChar", 65001, 0, DATA, len(raw), DATA + 0x200, needed) == needed
    assert lab.mem.read(DATA + 0x200, 2 * needed).decode("utf-16-le") == text
    back = lab.use("WideCharToMultiByte", 65001, 0, DATA + 0x200, needed, DATA + 0x400, 100, 0, 0)
    assert lab.mem.read(DATA + 0x400, back) == raw
    assert lab.use("MultiByteToWideChar", 65001, 0, DATA, len(raw), DATA + 0x200, 2) == 0
    assert get_last_error(lab.ctx) == 122


def test_environment() -> None:
    lab = Lab()
    count = lab.use("GetEnvironmentVariableW", lab.wide("ALPHA", DATA), DATA + 0x100, 10)
    assert (count, lab.mem.read(DATA + 0x100, 4)) == (1, b"1\0\0\0")
    assert lab.use("SetEnvironmentVariableA", lab.text(b"beta"), 0) == 1
    assert lab.use("GetEnvironmentVariableA", lab.text(b"Beta"), DATA, 10) == 0
    assert get_last_error(lab.ctx) == 203
    block = lab.use("GetEnvironmentStringsW")
    assert lab.mem.read(block, 40).decode("utf-16-le").startswith("alpha=1\0PATH=/bin\0\0")


# -- the C runtime -----------------------------------------------------------------------------------


def test_arguments_of_the_runtime() -> None:
    lab = Lab()
    argc = lab.mem.load_u64(lab.use("__p___argc", library=CRT))
    argv = lab.mem.load_u64(lab.use("__p___argv", library=CRT))
    pointers = [lab.mem.load_u64(argv + 8 * i) for i in range(argc + 1)]
    assert [lab.mem.cstr(p) for p in pointers[:-1]] == [b"prog", b"two words", b'say "hi"']
    assert pointers[-1] == 0


def test_initialisers_are_called_one_by_one() -> None:
    lab = Lab()
    lab.mem.write(DATA, struct.pack("<4Q", 0, 0x111, 0, 0x222))
    with pytest.raises(Upcall) as first:
        lab.use("_initterm_e", DATA, DATA + 32, library=CRT)
    assert (first.value.address, first.value.args) == (0x111, ())
    with pytest.raises(Upcall) as second:
        first.value.then(lab.ctx, 0)
    assert second.value.address == 0x222
    second.value.then(lab.ctx, 7)
    assert lab.ctx.regs[0] == 7
    with pytest.raises(Upcall) as again:
        lab.use("_initterm_e", DATA, DATA + 32, library=CRT)
    again.value.then(lab.ctx, 5)  # the first failed: the second is not called
    assert lab.ctx.regs[0] == 5


def test_exit_runs_what_was_registered_last_first() -> None:
    lab = Lab()
    lab.use("_crt_atexit", 0x111, library=CRT)
    lab.use("_crt_atexit", 0x222, library=CRT)
    order = []
    with pytest.raises(Upcall) as called:
        lab.use("exit", 3, library=CRT)
    for _ in range(2):
        order.append(called.value.address)
        with pytest.raises(Upcall) as following:
            called.value.then(lab.ctx, 0)
        called = following
    assert order == [0x222, 0x111]


def test_streams_translate_line_ends(tmp_path: Path) -> None:
    lab = Lab(root=tmp_path)
    stream = lab.use("fopen", lab.text(b"t.txt"), lab.text(b"w+", DATA + 0x900), library=CRT)
    lab.use("fputs", lab.text(b"one\ntwo\n"), stream, library=CRT)
    assert lab.use("ftell", stream, library=CRT) == 10
    lab.use("rewind", stream, library=CRT)
    assert (tmp_path / "t.txt").read_bytes() == b"one\r\ntwo\r\n"
    assert lab.use("fgets", DATA, 100, stream, library=CRT) == DATA
    assert lab.mem.cstr(DATA) == b"one\n"
    assert lab.use("ftell", stream, library=CRT) == 5
    assert lab.use("fread", DATA, 1, 100, stream, library=CRT) == 4
    assert lab.mem.read(DATA, 4) == b"two\n"
    assert lab.use("feof", stream, library=CRT) == 1
    assert lab.use("fclose", stream, library=CRT) == 0
    binary = lab.use("fopen", lab.text(b"t.txt"), lab.text(b"rb", DATA + 0x900), library=CRT)
    assert lab.use("fread", DATA, 2, 100, binary, library=CRT) == 5
    assert lab.use("fopen", lab.text(b"missing"), lab.text(b"r", DATA + 0x900), library=CRT) == 0
    assert lab.mem.load_u32(lab.use("_errno", library=CRT)) == 2


@pytest.mark.parametrize(
    ("name", "text", "base", "value", "used"),
    [
        ("strtol", b"  -42xyz", 10, -42, 5),
        ("strtol", b"0x1Fg", 0, 31, 4),
        ("strtol", b"0x1Fg", 16, 31, 4),
        ("strtol", b"0777", 0, 511, 4),
        ("strtol", b"zz", 36, 1295, 2),
        ("strtol", b"99999999999", 10, (1 << 31) - 1, 11),
        ("strtoul", b"-1", 10, 0xFFFF_FFFF, 2),
        ("strtoll", b"9223372036854775808", 10, (1 << 63) - 1, 19),
        ("strtoull", b"18446744073709551615", 10, (1 << 64) - 1, 20),
        ("strtol", b"abc", 10, 0, 0),
        ("strtol", b"0x", 16, 0, 1),
        ("strtol", b"+7", 10, 7, 2),
    ],
)
def test_numbers_from_text(name: str, text: bytes, base: int, value: int, used: int) -> None:
    lab = Lab()
    assert lab.use(name, lab.text(text), DATA, base, library=CRT) == value & (1 << 64) - 1
    assert lab.mem.load_u64(DATA) - (DATA + 0x800) == used


@pytest.mark.parametrize("value", [0, 86_399, 951_782_400, 1_709_164_800, 4_102_444_800])
def test_calendar_round_trip(value: int) -> None:
    lab = Lab()
    lab.mem.store_u64(DATA, value)
    tm = lab.use("_gmtime64", DATA, library=CRT)
    assert lab.use("_mktime64", tm, library=CRT) == value


def test_doubles_travel_in_vector_registers() -> None:
    lab = Lab()
    lab.vectors = {
        0: int.from_bytes(struct.pack("<d", 2.0), "little"),
        1: int.from_bytes(struct.pack("<d", 10.0), "little"),
    }
    lab.use("pow", library=CRT)
    assert struct.pack("<Q", lab.vectors[0]) == struct.pack("<d", 1024.0)
    lab.vectors[0] = int.from_bytes(struct.pack("<d", -1.0), "little")
    lab.use("sqrt", library=CRT)
    assert lab.vectors[0] & (0x7FF << 52) == 0x7FF << 52
    assert lab.mem.load_u32(lab.use("_errno", library=CRT)) == 33


def test_rand_is_the_runtimes_own() -> None:
    """The well-known first numbers of srand(1) under Microsoft's runtime."""
    lab = Lab()
    assert [lab.use("rand", library=CRT) for _ in range(5)] == [41, 18467, 6334, 26500, 19169]


def test_scanf() -> None:
    lab = Lab()
    at = [DATA + 0x100 + 16 * i for i in range(5)]
    lab.mem.write(DATA, struct.pack("<5Q", *at))
    text, template = lab.text(b"12 0x1f word 2.5 Z"), lab.text(b"%d %x %s %lf %c", DATA + 0x900)
    assert lab.use("__stdio_common_vsscanf", 0, text, (1 << 64) - 1, template, 0, DATA, library=CRT) == 5
    assert (lab.mem.load_u32(at[0]), lab.mem.load_u32(at[1])) == (12, 31)
    assert lab.mem.cstr(at[2]) == b"word"
    assert struct.unpack("<d", lab.mem.read(at[3], 8)) == (2.5,)
    assert lab.mem.read(at[4], 1) == b"Z"


@pytest.mark.parametrize(
    ("options", "room", "answer", "left"),
    [
        (2, 4, 6, b"abc\0"),
        (1, 4, -1, b"abc\0"),
        (0, 4, -1, b"abcd"),
        (0, 6, 6, b"abcdef"),
        (2, 0, 6, b""),
        (0, 7, 6, b"abcdef\0"),
    ],
)
def test_snprintf_by_options(options: int, room: int, answer: int, left: bytes) -> None:
    lab = Lab()
    template = lab.text(b"abcdef")
    result = lab.use("__stdio_common_vsprintf", options, DATA, room, template, 0, 0, library=CRT)
    assert result == answer & 0xFFFF_FFFF
    assert lab.mem.read(DATA, len(left)) == left if left else True


def test_state_belongs_to_the_process() -> None:
    first, second = Lab(), Lab()
    assert state(first.ctx) is state(first.ctx)
    assert state(first.ctx) is not state(second.ctx)


def test_exit_codes_keep_eight_bits_and_never_become_success() -> None:
    codes = {0: 0, 3: 3, 0xC0000005: 5, 0x100: 1, -1: 255, 0x1_0000_0000: 0}
    assert {code: host_status(code) for code in codes} == codes
