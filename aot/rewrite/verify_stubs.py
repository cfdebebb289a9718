"""Disassembles every stub back and compares it with what the manifest says of its site or import."""

from __future__ import annotations

from aot.errors import VerifyError
from aot.image.model import Arch
from aot.manifest import GateKind, ImportSite, Manifest, Site, StubClass
from aot.rewrite.disassembly import Checker, expect, number_text
from aot.rewrite.memory import Memory
from aot.rewrite.verify_aarch64 import check_aarch64, constant_of
from aot.rewrite.verify_x86_64 import check_x86_64


def check_sites(manifest: Manifest, memory: Memory, original: Memory) -> None:
    """Every site is as the manifest says. Raises VerifyError for the first that is not."""
    checker = Checker(manifest, memory, original)
    inline, first = 0, len(manifest.sites)
    for index, site in enumerate(manifest.sites):
        try:
            _check_site(checker, index, site, inline, first)
        except VerifyError as error:
            raise VerifyError(f"site {index} at {site.addr:#x}: {error}") from None
        inline += site.cls == StubClass.INLINE.value
        first += len(site.cases)


def _check_site(checker: Checker, index: int, site: Site, ordinal: int, first: int) -> None:
    trap = checker.one(site.addr, checker.original)
    if trap.mnemonic not in ("syscall", "svc", "int", "sysenter"):
        raise VerifyError(f"the source has no trap here but `{trap}`")
    if site.cls == StubClass.DYNAMIC.value:
        return
    if site.cls == StubClass.INLINE.value and len(site.words) not in (1, 2):
        raise VerifyError("an inline site does not say what it answers from")
    if checker.memory.read(site.window, len(site.new) // 2).hex() != site.new:
        raise VerifyError("the window does not hold the new bytes")
    if checker.arch is Arch.AARCH64:
        check_aarch64(checker, index, site, ordinal, first)
    else:
        check_x86_64(checker, index, site, ordinal, first)


def check_imports(manifest: Manifest, memory: Memory) -> None:
    """Every import slot leads to a stub with the index of its name."""
    checker = Checker(manifest, memory, memory)
    first: dict[tuple[str, str], int] = {}
    for index, item in enumerate(manifest.imports):
        held = int.from_bytes(memory.read(item.slot, 8), "little")
        at = first.setdefault((item.library, item.name), index)
        if item.data:
            if held:
                raise VerifyError(f"the slot of the object {item.name} is {held:#x}, not 0")
            continue
        if item.call is None and not (held or item.stub):
            continue  # a weak import that nobody has is null
        if held != item.stub or not item.stub:
            raise VerifyError(f"the slot of {item.name} at {item.slot:#x} is {held:#x}, not its stub")
        _check_import(checker, item, at)


def _check_import(checker: Checker, item: ImportSite, index: int) -> None:
    found = checker.text(item.stub, item.stub_size)
    if checker.arch is Arch.X86_64:
        slot = checker.manifest.area + 8 * GateKind.IMPORT
        expect(found, [f"mov r11d, {number_text(index)}", f"jmp qword ptr [{slot:#x}]"])
        return
    if constant_of(found[:-2], index) != "16":
        raise VerifyError(f"the stub of {item.name} does not load x16")
    expect(found[-2:], [f"udf #{number_text(GateKind.IMPORT)}", "ret"])
