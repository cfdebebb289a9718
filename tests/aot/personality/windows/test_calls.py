"""Windows calls about modules, threads, text and the environment, made as a guest makes them."""

from __future__ import annotations

import struct

from aot.personality.windows.state import get_last_error
from tests.aot.personality.windows.lab import FOUND, IMAGE, Lab
from tests.runtime.kernel.kit import DATA


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
