"""Verification accepts what translation makes, and nothing that was changed afterwards."""

from __future__ import annotations

import contextlib
import struct
from functools import cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aot.analyze.decode import Decoder
from aot.errors import VerifyError
from aot.image.model import Arch, Segment
from aot.image.native import emit
from aot.image.native_reader import read_native
from aot.manifest import DataWord, Manifest
from aot.record import replace
from aot.rewrite.assemble import assemble
from aot.rewrite.verify import verify
from aot.translate import translate_file
from tests.aot.rewrite.lab import rewritten
from tests.bad.build import LC_MAIN, MACH_BASE, PAGE_ZERO, mach_program, segment

X86 = """
    mov eax, 39; syscall
    mov eax, 1; mov edi, 1; lea rsi, [rip + 0x40]; syscall
    mov rax, rdi; mov rdi, rsi; mov rsi, rdx; syscall
    mov eax, 12; jmp next; nop; next: syscall; cmp rax, -4095; jae out; ret
    out: mov eax, 60; syscall; ud2
"""
A64 = """
    mov x8, #172; svc #0
    mov x8, #64; svc #0
    mov x8, x0; svc #0
    mov x8, #93; svc #0; ret
"""


@cache
def parts(arch: Arch) -> tuple[Manifest, tuple[Segment, ...]]:
    code, number = (X86, 39) if arch is Arch.X86_64 else (A64, 172)
    gate = f"linux-{arch.value}"
    return rewritten(arch, code, gate, inline={number: DataWord.PID})[1:]


@cache
def translated(arch: Arch) -> bytes:
    manifest, segments = parts(arch)
    return emit(manifest, segments, arch=arch, pie=False, personality=1)


@pytest.mark.parametrize("arch", Arch)
def test_accepts_its_own(arch: Arch) -> None:
    report = verify(translated(arch))
    assert report.classes["inline"] == 1
    assert report.classes["table"] == (2 if arch is Arch.X86_64 else 1)
    assert sum(report.classes.values()) == len(report.manifest.sites)
    tactics = {"fold", "before", "after"} if arch is Arch.X86_64 else {"in place"}
    assert set(report.tactics) == tactics


@pytest.mark.parametrize("arch", Arch)
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_stub_is_found(arch: Arch, data: st.DataObject) -> None:
    raw = bytearray(translated(arch))
    manifest, _ = read_native(bytes(raw))
    ranges = [(s.stub, s.stub_size) for s in manifest.sites if s.stub]
    ranges += [(s.window, len(s.new) // 2) for s in manifest.sites]
    start, size = data.draw(st.sampled_from(ranges))
    at = _offset(bytes(raw), start)
    before = _meaning(arch, raw[at : at + size])
    raw[at + data.draw(st.integers(0, size - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assume(_meaning(arch, raw[at : at + size]) != before)  # x86 has bits that mean nothing
    with pytest.raises(VerifyError):
        verify(bytes(raw))


def _meaning(arch: Arch, code: bytearray) -> list[tuple[str, str]]:
    return [(mnemonic, operands) for _, _, mnemonic, operands in Decoder(arch).sweep(bytes(code), 0x1000)]


def test_refuses_what_is_no_translation() -> None:
    with pytest.raises(VerifyError, match="not an ELF file"):
        verify(b"MZ" + bytes(100))
    raw = bytearray(translated(Arch.X86_64))
    raw[7] = 3
    with pytest.raises(VerifyError, match="EI_OSABI"):
        verify(bytes(raw))


def test_a_writable_stub_segment_is_refused() -> None:
    raw = bytearray(translated(Arch.X86_64))
    manifest, _ = read_native(bytes(raw))
    (phoff,) = struct.unpack_from("<Q", raw, 32)
    (count,) = struct.unpack_from("<H", raw, 56)
    for index in range(count):
        at = phoff + 56 * index
        (address,) = struct.unpack_from("<Q", raw, at + 16)
        if address == manifest.sites[0].stub & ~0xFFF:
            struct.pack_into("<I", raw, at + 4, 7)
    with pytest.raises(VerifyError, match="rights"):
        verify(bytes(raw))


def _offset(raw: bytes, address: int) -> int:
    """Where a loaded byte is in the file."""
    (phoff,) = struct.unpack_from("<Q", raw, 32)
    (count,) = struct.unpack_from("<H", raw, 56)
    for index in range(count):
        kind, _, offset, start, _, size, _, _ = struct.unpack_from("<IIQQQQQQ", raw, phoff + 56 * index)
        if kind == 1 and start <= address < start + size:
            return int(offset + address - start)
    raise AssertionError(hex(address))


def test_the_template_text_is_what_the_assembler_says() -> None:
    assert assemble(Arch.X86_64, "lea r11, [r11 + 1]") == bytes.fromhex("4d8d5b01")


@pytest.mark.parametrize("arch", Arch)
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_anywhere_is_a_verify_error_or_harmless(arch: Arch, data: st.DataObject) -> None:
    raw = bytearray(translated(arch))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw))) :]
    with contextlib.suppress(VerifyError):
        verify(bytes(raw))


@pytest.mark.parametrize("arch", Arch)
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_manifest_that_lies_is_a_verify_error(arch: Arch, data: st.DataObject) -> None:
    manifest, segments = parts(arch)
    index = data.draw(st.integers(0, len(manifest.sites) - 1))
    name = data.draw(
        st.sampled_from(["addr", "window", "stub", "stub_size", "resume", "gate", "again", "cont"])
    )
    value = getattr(manifest.sites[index], name)
    other = data.draw(st.integers(0, 1 << 32) | st.integers(-16, 16).map(lambda by: value + by))
    assume(other != value)
    sites = list(manifest.sites)
    sites[index] = replace(sites[index], **{name: other})
    lying = replace(manifest, sites=tuple(sites))
    with pytest.raises(VerifyError):
        verify(emit(lying, segments, arch=arch, pie=False, personality=1))


def test_a_weak_import_that_nobody_has_is_null() -> None:
    """macOS programs ask for functions of newer systems like this."""
    text = segment("__TEXT", MACH_BASE, 0x1000, (0, 0x1000), 5)
    data = segment("__DATA", MACH_BASE + 0x1000, 0x1000, (0x1000, 0x1000), 3)
    tables = segment("__LINKEDIT", MACH_BASE + 0x2000, 0x1000, (0x2000, 0x20), 1)
    bind = b"\x11\x41_of_tomorrow\0\x51\x72\x80\x10\x90\0"  # a weak import into __DATA + 0x800
    info = struct.pack("<II10I", 0x80000022, 48, 0, 0, 0x2000, len(bind), *[0] * 6)  # LC_DYLD_INFO_ONLY
    raw = mach_program(PAGE_ZERO, text, data, tables, LC_MAIN, info, size=0x2000) + bind.ljust(0x20, b"\0")
    out = translate_file(raw)
    (item,) = read_native(out)[0].imports
    assert (item.name, item.stub, item.call) == ("_of_tomorrow", 0, None)
    verify(out, raw)
