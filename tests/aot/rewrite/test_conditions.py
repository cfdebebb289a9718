"""The tests of inline stubs: what verification holds them to, and that a stub decides as they say."""

from __future__ import annotations

import struct

import pytest

from aot.errors import VerifyError
from aot.image.model import Arch
from aot.image.native_reader import read_native
from aot.manifest import DATA, WAITS, DataWord, Manifest
from aot.rewrite.assemble import assemble
from aot.rewrite.verify import verify
from aot.translate import translate_file
from tests.bad import build

FUTEX = {
    Arch.X86_64: "mov eax, 202; mov esi, 129; syscall; mov eax, 24; syscall; ret",
    Arch.AARCH64: "mov x1, #129; mov x8, #98; svc #0; mov x8, #124; svc #0; ret",
}


@pytest.fixture(params=Arch)
def translated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bytes:
    arch: Arch = request.param
    monkeypatch.setattr(build, "CODE", assemble(arch, FUTEX[arch]))
    return translate_file(build.elf(machine=62 if arch is Arch.X86_64 else 183))


def offset(raw: bytes, address: int) -> int:
    """Where a link address is in the file."""
    (at,) = struct.unpack_from("<Q", raw, 32)
    for i in range(struct.unpack_from("<H", raw, 56)[0]):
        kind, _, place, start, _, size = struct.unpack_from("<IIQQQQ", raw, at + 56 * i)
        if kind == 1 and start <= address < start + size:
            return int(place + address - start)
    raise AssertionError(f"{address:#x} is not in the file")


def sites(manifest: Manifest) -> list[tuple[str | None, str]]:
    return [(site.call, site.cls) for site in manifest.sites]


def test_conditional_calls_are_inline(translated: bytes) -> None:
    manifest = verify(translated).manifest
    assert sites(manifest) == [("futex", "inline"), ("sched_yield", "inline")]


def test_every_bit_of_the_tests_counts(translated: bytes) -> None:
    manifest, _ = read_native(translated)
    for site in manifest.sites:
        end = offset(translated, site.fast)
        start = end - 4 * (9 if site.call == "futex" else 3) if manifest.arch == "aarch64" else end - 9
        for at in range(start, end):
            raw = bytearray(translated)
            raw[at] ^= 1 << at % 8
            with pytest.raises(VerifyError):
                verify(bytes(raw))


def test_words_and_table_fit_their_page() -> None:
    assert DATA + 8 * len(DataWord) <= WAITS
