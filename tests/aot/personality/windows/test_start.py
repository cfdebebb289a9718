"""The start state: what a Windows program reads before its first call."""

from __future__ import annotations

import struct

import pytest

from aot.personality.windows import layouts as la
from aot.personality.windows.start import EPOCH, _static_tls, refresh, shared_data_times
from aot.personality.windows.text import block_entries, split
from tests.aot.personality.windows.lab import IMAGE, STACK_SIZE, STACK_TOP, Lab, Space, facts

ARCHS = ("x86_64", "aarch64")


def string(lab: Lab, at: int) -> str:
    size, room, address = struct.unpack("<HH4xQ", lab.mem.peek(at, 16))
    assert room >= size + 2
    assert lab.mem.peek(address + size, 2) == b"\0\0"
    return lab.mem.peek(address, size).decode("utf-16-le")


@pytest.mark.parametrize("arch", ARCHS)
def test_registers_at_the_entry(arch: str) -> None:
    lab = Lab(arch)
    regs, data = lab.state.regs, lab.state.data
    if arch == "x86_64":
        assert regs["rcx"] == data["peb"]
        assert regs["rip"] == IMAGE + 0x1000
        assert regs["rsp"] % 16 == 8
        assert lab.mem.load_u64(regs["rsp"]) == 0xBEEF0000
        lab.mem.probe(regs["rsp"] + 8, 32, True)  # home space of the entry function
        assert lab.state.bases == {"gs": data["teb"]}
    else:
        assert (regs["x0"], regs["x18"], regs["x30"]) == (data["peb"], data["teb"], 0xBEEF0000)
        assert regs["sp"] % 16 == 0
        assert lab.state.bases == {}


@pytest.mark.parametrize("arch", ARCHS)
def test_teb_and_peb(arch: str) -> None:
    lab = Lab(arch)
    teb, peb = lab.state.data["teb"], lab.state.data["peb"]
    word = lab.mem.load_u64
    assert word(teb + la.TEB["Self"]) == teb
    assert word(teb + la.TEB["ProcessEnvironmentBlock"]) == peb
    assert word(teb + la.TEB["StackBase"]) == STACK_TOP
    assert word(teb + la.TEB["StackLimit"]) == STACK_TOP - STACK_SIZE
    assert word(teb + la.TEB["ClientId"]) == 1000
    assert word(peb + la.PEB["ImageBaseAddress"]) == IMAGE
    assert lab.mem.peek(peb + la.PEB["BeingDebugged"], 1) == b"\0"
    assert struct.unpack("<II", lab.mem.peek(peb + la.PEB["OSMajorVersion"], 8)) == (10, 0)


def test_process_parameters() -> None:
    lab = Lab(cwd=b"/home/me")
    parameters = lab.mem.load_u64(lab.state.data["peb"] + la.PEB["ProcessParameters"])
    at = {name: parameters + offset for name, offset in la.PARAMETERS.items()}
    assert split(string(lab, at["CommandLine"])) == ["prog", "two words", 'say "hi"']
    assert string(lab, at["ImagePathName"]) == "C:\\bin\\prog.exe"
    assert string(lab, at["CurrentDirectory"]) == "C:\\home\\me\\"
    handles = [lab.mem.load_u64(at[name]) for name in ("hStdInput", "hStdOutput", "hStdError")]
    assert handles == [4, 8, 12]
    size = lab.mem.load_u64(at["EnvironmentSize"])
    block = lab.mem.peek(lab.mem.load_u64(at["Environment"]), size)
    assert list(block_entries(block)) == ["alpha=1", "Beta=2", "PATH=/bin"]
    assert block.endswith(b"\0\0\0\0")


def test_module_lists_are_circular_and_name_the_libraries() -> None:
    lab = Lab()
    ldr = lab.mem.load_u64(lab.state.data["peb"] + la.PEB["Ldr"])
    for name, first in (("InLoadOrder", "prog.exe"), ("InMemoryOrder", "prog.exe")):
        head = ldr + la.LDR_DATA[f"{name}ModuleList"]
        names, node = [], lab.mem.load_u64(head)
        while node != head:
            entry = node - la.LDR_ENTRY[f"{name}Links"]
            names.append(string(lab, entry + la.LDR_ENTRY["BaseDllName"]))
            base = lab.mem.load_u64(entry + la.LDR_ENTRY["DllBase"])
            assert names[1:] == [] or lab.mem.peek(base, 2) == b"MZ"
            following = lab.mem.load_u64(node)
            assert lab.mem.load_u64(following + 8) == node
            node = following
        assert names[:3] == [first, "ntdll.dll", "kernel32.dll"]


def test_static_tls_is_copied_and_the_index_stored() -> None:
    lab = Lab()
    template, slot = 0x10_0000, 0x10_0100
    lab.mem.write(template, b"template")
    lab.mem.write(slot, b"\xff" * 4)
    given = facts(tls=(template, 8, 100, 64), tls_index_slot=slot)
    _static_tls(Space(lab.mem), given, lab.state.data["teb"])
    vector = lab.mem.load_u64(lab.state.data["teb"] + la.TEB["ThreadLocalStoragePointer"])
    block = lab.mem.load_u64(vector)
    assert block % 64 == 0
    assert lab.mem.peek(block, 100) == b"template" + bytes(92)
    assert lab.mem.peek(slot, 4) == bytes(4)


def test_tls_callbacks_are_called_before_the_entry() -> None:
    lab = Lab(tls_callbacks=(IMAGE + 0x1100, IMAGE + 0x1200))
    assert lab.state.before == ((IMAGE + 0x1100, (IMAGE, 1, 0)), (IMAGE + 0x1200, (IMAGE, 1, 0)))


def test_shared_data_page() -> None:
    lab = Lab()
    field = {name: la.SHARED_DATA + offset for name, offset in la.SHARED.items()}
    assert struct.unpack("<I", lab.mem.peek(field["NtMajorVersion"], 4)) == (10,)
    low, high, again = struct.unpack("<III", lab.mem.peek(field["SystemTime"], 12))
    assert (high << 32 | low) == 1_700_000_000_123_456_789 // 100 + EPOCH
    assert high == again
    refresh(lab.mem.poke, 0, 10_000_000_000)
    assert lab.mem.load_u64(field["SystemTime"]) == EPOCH
    assert lab.mem.load_u64(field["InterruptTime"]) == 100_000_000
    ticks = lab.mem.load_u64(field["TickCountQuad"])
    multiplier = struct.unpack("<I", lab.mem.peek(field["TickCountMultiplier"], 4))[0]
    assert ticks * multiplier >> 24 == 10_000  # milliseconds
    assert all(address >= la.SHARED_DATA for address, _ in shared_data_times(0, 0))
