"""A PC inside a stub is shown as an address of the guest's own code, and found again from it."""

from __future__ import annotations

import pytest

from aot.image.model import Arch
from aot.manifest import DataWord, Site
from aot.pcmap import PcMap, Shown
from tests.aot.rewrite.lab import CODE, rewritten


def only(code: str, gate: str, bias: int, inline: dict[int, DataWord] | None = None) -> tuple[Site, PcMap]:
    arch = Arch(gate.partition("-")[2])
    _, manifest, _ = rewritten(arch, code, gate, inline=inline)
    (site,) = manifest.sites
    return site, PcMap(manifest, bias)


@pytest.mark.parametrize("bias", [0, 0x7000_0000_0000])
def test_fold(bias: int) -> None:
    site, pcs = only("mov eax, 1; syscall; ret", "linux-x86_64", bias)
    for at in (site.stub, site.gate):
        assert pcs.shown(at + bias) == Shown(CODE + bias)
    assert pcs.machine(site.addr + bias) == CODE + bias
    assert pcs.machine(site.resume + bias) == site.resume + bias
    assert pcs.shown(CODE + bias) == Shown(CODE + bias)
    assert pcs.site_at(site.stub + site.stub_size + bias) is None


def test_before() -> None:
    site, pcs = only("mov eax, 1; xor edi, edi; push rbx; syscall; ret", "linux-x86_64", 0)
    assert [pcs.shown(machine) for machine, _ in site.moved] == [Shown(CODE + 5), Shown(CODE + 7)]
    assert pcs.shown(site.gate) == Shown(site.addr)
    assert pcs.machine(site.addr) == site.again
    assert pcs.machine(CODE + 5) == CODE + 5  # the jump is there
    assert pcs.machine(CODE + 7) == site.moved[1][0]


def test_after() -> None:
    site, pcs = only("jmp e; nop; e: syscall; mov rdx, rax; ret", "linux-x86_64", 0)
    assert pcs.shown(site.cont) == Shown(site.resume)
    assert pcs.machine(site.resume) == site.cont
    assert pcs.machine(site.addr) == site.addr


def test_short() -> None:
    code = "jmp e; e: syscall; f: ret; g: test eax, eax; jne f; je g; ret; nop; nop; nop; nop; nop"
    site, pcs = only(code, "linux-x86_64", 0)
    assert site.tactic == "short"
    assert pcs.shown(site.landing) == pcs.shown(site.stub) == Shown(site.addr)


def test_lent() -> None:
    """The long jump of one site stands where another site's moved instruction was."""
    code = """test rdx, rdx; je plain; mov eax, 19; mov edx, 2; syscall; jmp done
              plain: xor eax, eax; syscall; done: test rax, rax; je done; ret"""
    _, manifest, _ = rewritten(Arch.X86_64, code, "linux-x86_64")
    (lender, needy), pcs = manifest.sites, PcMap(manifest)
    assert (lender.tactic, needy.tactic, needy.landing) == ("before", "lent", lender.window + 5)
    assert lender.moved[1][1] == needy.landing
    assert pcs.shown(needy.landing) == pcs.shown(needy.stub) == Shown(needy.addr)
    assert pcs.machine(needy.landing) == lender.moved[1][0]  # the guest's own instruction there
    assert pcs.machine(lender.addr) == lender.again
    assert pcs.machine(needy.addr) == needy.addr


def test_aarch64_names_the_number() -> None:
    site, pcs = only("mov x8, #64; svc #0; ret", "linux-aarch64", 0)
    assert pcs.shown(site.gate) == Shown(site.addr, 64)
    assert pcs.shown(site.gate + 4) is None
    assert pcs.machine(site.addr) == site.addr


@pytest.mark.parametrize(
    ("gate", "code"),
    [("linux-x86_64", "mov eax, 39; syscall; ret"), ("linux-aarch64", "mov x8, #39; svc #0; ret")],
)
def test_an_inline_stub_half_done_runs_on(gate: str, code: str) -> None:
    site, pcs = only(code, gate, 0, {39: DataWord.PID})
    assert pcs.shown(site.stub) is not None
    end = site.stub + site.stub_size - 5
    assert pcs.shown(end if gate.endswith("x86_64") else site.stub + 16) is None
