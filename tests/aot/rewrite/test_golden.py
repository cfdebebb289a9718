"""Assembly in, patched disassembly out: one pair of files in tests/golden/rewrite per tactic and stub.

`HELCTIC_ACCEPT=1 pytest tests/aot/rewrite/test_golden.py` writes the .exp files: review the diff.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from aot.analyze.decode import Decoder
from aot.image.model import Arch, Import, ImportKind, Segment
from aot.image.native import emit
from aot.manifest import DataWord, ImportSite, Manifest, Site
from aot.rewrite.verify import verify
from tests.aot.rewrite.lab import rewritten

FOLDER = Path(__file__).parents[2] / "golden" / "rewrite"
ACCEPT = bool(os.environ.get("HELCTIC_ACCEPT"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.in")), ids=lambda p: p.stem)
def test_golden(path: Path) -> None:
    text = path.read_text()
    arch = Arch(path.stem.partition("-")[0])
    options = dict(re.findall(r"^# (\w+): (.*)$", text, re.M))
    inline = {
        int(number): DataWord[word] for number, word in re.findall(r"(\d+)=(\w+)", options.get("inline", ""))
    }
    imports = tuple(
        Import("lib", name, 8 * index, ImportKind.GOT)
        for index, name in enumerate(options.get("import", "").split())
    )
    code = re.sub(r"^#.*$", "", text, flags=re.M)
    passed = tuple(int(number) for number in options.get("passed", "").split())
    image, manifest, segments = rewritten(
        arch, code, options["gate"], inline=inline, imports=imports, passed=passed
    )
    verify(emit(manifest, segments, arch=arch, pie=image.pie, personality=manifest.personality))
    got = "\n".join(describe(arch, manifest, segments)) + "\n"
    expected = path.with_suffix(".exp")
    if ACCEPT:
        expected.write_text(got)
    assert got == expected.read_text()


def describe(arch: Arch, manifest: Manifest, segments: tuple[Segment, ...]) -> list[str]:
    """The patched code, and for each site and import what the manifest says and the stub."""
    lines = listing(arch, segments[0].data, segments[0].address)
    stubs = segments[-1]
    for index, site in enumerate(manifest.sites):
        lines += ["", *describe_site(index, site)]
        at = site.stub - stubs.address
        lines += listing(arch, stubs.data[at : at + site.stub_size], site.stub) if site.stub else []
    for index, item in enumerate(manifest.imports):
        at = item.stub - stubs.address
        lines += ["", describe_import(index, item)]
        lines += listing(arch, stubs.data[at : at + item.stub_size], item.stub)
    return lines


def describe_site(index: int, site: Site) -> list[str]:
    head = f"site {index} at {site.addr:#x}: {site.cls}, {site.tactic}"
    if not site.window:
        return [head]
    facts = [f"number {site.number}", f"gate {site.kind} at {site.gate:#x}", f"again {site.again:#x}"]
    facts.append(f"resume {site.resume:#x}")
    if site.cont:
        facts.append(f"cont {site.cont:#x}")
    facts += [f"case {case.number} at {case.entry:#x}" for case in site.cases]
    facts += [f"table at {site.table:#x}"] if site.table else []
    facts += [f"moved {guest:#x} to {machine:#x}" for machine, guest in site.moved]
    return [head, "  " + ", ".join(facts), f"  {site.window:#x}: {site.old} -> {site.new}"]


def describe_import(index: int, item: ImportSite) -> str:
    return f"import {index} {item.library}!{item.name}: {item.call}, slot {item.slot:#x}"


def listing(arch: Arch, code: bytes, address: int) -> list[str]:
    lines = []
    for at, size, mnemonic, operands in Decoder(arch).sweep(code, address):
        raw = code[at - address : at - address + size].hex()
        lines.append(f"{at:#x}  {raw:<20} {mnemonic} {operands}".rstrip())
    return lines


def test_every_expectation_has_its_input() -> None:
    assert {p.stem for p in FOLDER.glob("*.exp")} == {p.stem for p in FOLDER.glob("*.in")}
