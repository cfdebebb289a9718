"""The windows tables against Wine's own files in Debian's packages: ntdll.dll, ntdll.so, the headers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from aot.analyze.model import Known
from aot.analyze.sites import analyze
from aot.image.formats import load_image
from aot.personality.windows import layouts as la
from aot.personality.windows.gate import GATES
from aot.personality.windows.numbers import COLUMNS, SERVICES, nt
from corpus.foreign import ForeignError, deb
from corpus.probe import probe
from tests.aot.personality.windows.lab import UNDECLARED

POINTER = 8
R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_RELATIVE = 1, 6, 8
HEADERS = (
    "stdarg.h",
    "ntstatus.h",
    "#define WIN32_NO_STATUS",
    "windef.h",
    "winbase.h",
    "winternl.h",
    "ddk/wdm.h",
)
STRUCTS = {"TEB": "TEB", "LDR_ENTRY": "LDR_DATA_TABLE_ENTRY", "SHARED": "KSHARED_USER_DATA"}


def package(name: str, *only: str) -> Path:
    try:
        return deb(name, "amd64", *only)
    except ForeignError as error:
        pytest.skip(str(error))


def wine() -> Path:
    return package("libwine", "*/ntdll.dll", "*/ntdll.so")


@cache
def stubs() -> dict[str, int]:
    """Service -> number, as the site finder reads them out of the stubs of ntdll.dll."""
    (dll,) = wine().rglob("x86_64-windows/ntdll.dll")
    image = load_image(dll, analysis=True)
    names: dict[int, list[str]] = {}
    for symbol in image.exports:
        names.setdefault(symbol.address, []).append(symbol.name)
    out = {}
    for site in analyze(image, GATES[image.arch.value]).sites:
        for name in names.get(site.function, ()):
            assert isinstance(site.number, Known), name
            if name.startswith("Nt"):
                out[name] = site.number.value
    return out


@cache
def served() -> dict[str, int]:
    """Service -> place in the table of pointers through which ntdll.so serves it."""
    (library,) = wine().rglob("x86_64-unix/ntdll.so")
    with library.open("rb") as f:
        elf = ELFFile(f)
        symbols, relocations = (elf.get_section_by_name(name) for name in (".dynsym", ".rela.dyn"))
        assert isinstance(symbols, SymbolTableSection)
        assert isinstance(relocations, RelocationSection)
        by_address = {s["st_value"]: s.name for s in symbols.iter_symbols() if s.name.startswith("Nt")}
        slots = {}
        for entry in relocations.iter_relocations():
            if entry["r_info_type"] == R_X86_64_RELATIVE:
                slots[entry["r_offset"]] = by_address.get(entry["r_addend"], "")
            elif entry["r_info_type"] in (R_X86_64_64, R_X86_64_GLOB_DAT):
                slots[entry["r_offset"]] = symbols.get_symbol(entry["r_info_sym"]).name
    runs: list[list[int]] = [[]]
    for at in sorted(slots):
        if runs[-1] and at != runs[-1][-1] + POINTER:
            runs.append([])
        runs[-1].append(at)
    table = max(runs, key=lambda run: sum(slots[at].startswith("Nt") for at in run))
    return {slots[at]: i for i, at in enumerate(table) if slots[at].startswith("Nt")}


def test_numbers_of_a_real_ntdll_are_the_places_of_its_services() -> None:
    """Nothing marks where the table in ntdll.so begins, so all numbers may differ from it by one constant."""
    common = stubs().keys() & served().keys()
    assert len(common) > 200
    assert len({served()[name] - stubs()[name] for name in common}) == 1
    assert sorted(stubs().values()) == list(range(len(stubs())))


def test_wine_column_has_the_services_of_a_real_ntdll() -> None:
    """Releases up to 10 number the services by their names; later ones have the numbers of the column."""
    column = {name: n for name in SERVICES if (n := nt(name)["wine"]) is not None}
    assert stubs().keys() <= column.keys()
    if sorted(stubs()) != sorted(stubs(), key=stubs().__getitem__):
        assert {name: column[name] for name in stubs()} == stubs()


@pytest.mark.parametrize("arch", COLUMNS["wine"])
@pytest.mark.parametrize("struct", STRUCTS)
def test_undeclared_offsets_equal_wines_headers(struct: str, arch: str) -> None:
    fields = sorted(UNDECLARED[struct])
    headers = next(
        package("libwine-dev", "*/wine/windows/*.h", "*/wine/windows/*.rh").rglob("winternl.h")
    ).parent
    expressions = [f"__builtin_offsetof({STRUCTS[struct]}, {field})" for field in fields]
    # Wine's headers also describe the 64-bit layouts to programs of other systems: mingw-w64's stay out
    found = probe(f"linux-{arch}", HEADERS, expressions, ("-isystem", str(headers)))
    assert dict(zip(fields, found, strict=True)) == {f: getattr(la, struct)[f] for f in fields}
