"""A translated file that was damaged or forged is refused in one line, or runs as any guest does."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from aot.errors import AotError, ManifestError
from aot.image.native_reader import read_native
from aot.manifest import SECTION, decode
from aot.rewrite.verify import verify
from aot.translate import translate_file
from runtime.machine import Machine, RunOptions
from tests.runtime.hostile import Guest

WRONG: tuple[Any, ...] = (
    -1, 1, 7, 0xFFF, 0x1000, 1 << 32, 1 << 40, (1 << 47) - 4096, 1 << 47, 1 << 63, (1 << 64) - 1, 1 << 64,
    10**30, 1.5, None, True, "x", "", "zz", [], [[]], {}, [1, 2], ["x"], "a" * 3000,
)  # fmt: skip
SYSTEMS = (("linux", "x86_64"), ("linux", "aarch64"), ("netbsd", "aarch64"), ("freebsd", "x86_64"))


@pytest.fixture(scope="module")
def natives(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    folder = tmp_path_factory.mktemp("natives")
    out = []
    for system, arch in SYSTEMS:
        path = folder / f"{system}-{arch}"
        path.write_bytes(Guest(1, arch, system, 3).straight())
        out.append(translate_file(path))
    return tuple(out)


def manifest_of(raw: bytes) -> Any:
    section = ELFFile(io.BytesIO(raw)).get_section_by_name(SECTION)
    assert section is not None
    return json.loads(section.data())


def with_manifest(raw: bytes, fields: Any) -> bytes:
    """The file with another manifest, appended; its section header says where."""
    elf, text = ELFFile(io.BytesIO(raw)), json.dumps(fields).encode()
    index = next(i for i in range(elf.num_sections()) if elf.get_section(i).name == SECTION)
    at = elf["e_shoff"] + index * elf["e_shentsize"] + 24
    place = len(raw).to_bytes(8, "little") + len(text).to_bytes(8, "little")
    return raw[:at] + place + raw[at + 16 :] + text


def forged(fields: Any, pick: random.Random) -> None:
    """Change one value somewhere."""
    while True:
        keys = sorted(fields) if isinstance(fields, dict) else range(len(fields))
        key = pick.choice(list(keys))
        if isinstance(fields[key], dict | list) and fields[key] and pick.random() < 0.8:
            fields = fields[key]
            continue
        fields[key] = pick.choice(WRONG)
        return


def survives(raw: bytes) -> None:
    for dispatch in ("aot", "dynamic"):
        try:
            machine = Machine(raw, RunOptions(argv=["guest"], dispatch=dispatch))
        except AotError as error:
            assert "\n" not in str(error)
            continue
        try:
            machine.start()
        except AotError as error:
            assert "\n" not in str(error)
        finally:
            machine.close()
    try:
        verify(raw)
    except AotError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("seed", range(40))
def test_forged_manifest(natives: tuple[bytes, ...], seed: int) -> None:
    pick = random.Random(seed)
    for raw in natives:
        fields = manifest_of(raw)
        forged(fields, pick)
        survives(with_manifest(raw, fields))


@pytest.mark.parametrize("seed", range(25))
def test_damaged_bytes(natives: tuple[bytes, ...], seed: int) -> None:
    pick = random.Random(seed)
    for raw in natives:
        damaged = bytearray(raw)
        headers = 64 + 56 * int.from_bytes(raw[56:58], "little")
        for _ in range(pick.choice((1, 2, 6))):
            at = pick.randrange(8, headers) & -8
            value = pick.choice([w for w in WRONG if type(w) is int]) & (1 << 64) - 1
            damaged[at : at + 8] = value.to_bytes(8, "little")
        survives(bytes(damaged))
        survives(raw[: pick.randrange(len(raw))])


def test_every_field_says_what_it_holds(natives: tuple[bytes, ...]) -> None:
    good = manifest_of(natives[0])
    for name in good:
        for wrong in (1.5, {"a": 1}, -1):
            with pytest.raises(ManifestError):
                decode(json.dumps(good | {name: wrong}).encode())


def test_nested_without_end() -> None:
    with pytest.raises(ManifestError, match="nested too deeply"):
        decode(b"[" * 100_000)


def test_exits_of_a_kind_there_is_not(natives: tuple[bytes, ...]) -> None:
    """A word of aarch64 stubs that no backend has an instruction for."""
    found = 0
    for raw in natives:
        fields = manifest_of(raw)
        for word in fields.get("exits", ()):
            word["kind"], found = 99, found + 1
        survives(with_manifest(raw, fields))
    assert found


def test_segments_over_segments_are_mapped_at_once(natives: tuple[bytes, ...]) -> None:
    """Two segments of 2^45 bytes over each other cost no more than small ones."""
    raw = bytearray(natives[0])
    for index in range(2):
        at = 64 + 56 * (index + 1)
        raw[at : at + 4] = (1).to_bytes(4, "little")
        raw[at + 8 : at + 48] = b"".join(v.to_bytes(8, "little") for v in (0, 0x400000, 0, 0, 1 << 45))
    survives(bytes(raw))


def test_originals_are_fine(natives: tuple[bytes, ...], tmp_path: Path) -> None:
    for raw in natives:
        assert read_native(raw)[0].sites
        verify(raw)
