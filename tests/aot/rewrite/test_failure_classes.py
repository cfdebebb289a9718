"""The ways earlier rewriters broke programs, each tried on ours.

Here what is not in test_equivalence (flags, registers, red zone, pc-relative neighbours) or test_golden.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aot.analyze.model import Analysis
from aot.image.model import Arch, FunctionRange, Image, Symbol
from aot.image.native import emit
from aot.manifest import Manifest, StubClass
from aot.personality.abi.gate import Gate
from aot.record import replace
from aot.rewrite.apply import apply
from aot.rewrite.assemble import assemble
from aot.rewrite.plan import plan
from aot.rewrite.verify import verify
from tests.aot.rewrite.lab import CODE, GATES, FakeBinder, FakeIdentity, analysis_of, image_of

ARCH = Arch.X86_64
LINUX: Gate = GATES["linux-x86_64"]
PLAIN = "mov eax, 1; mov edi, 2; xor esi, esi; syscall; ret"


def manifest_of(image: Image, analysis: Analysis | None = None) -> Manifest:
    planned = plan(image, analysis or analysis_of(image), FakeBinder(LINUX))
    return apply(planned, FakeIdentity())[0]


def test_a_jump_into_the_window_is_respected() -> None:
    image = image_of(ARCH, assemble(ARCH, PLAIN))
    analysis = analysis_of(image)
    (free,) = manifest_of(image, analysis).sites
    assert (free.tactic, free.window) == ("before", CODE + 5)
    targets = frozenset({free.window + 3})
    (site,) = manifest_of(image, replace(analysis, branch_targets=targets)).sites
    assert site.window == 0 or not any(site.window < t < site.window + 5 for t in targets)


def test_every_known_entry_is_a_target() -> None:
    raw = assemble(ARCH, PLAIN)
    inside = CODE + 10  # xor esi, esi
    for image in (
        replace(image_of(ARCH, raw), entry=inside),
        replace(image_of(ARCH, raw), functions=(FunctionRange(inside, 0, "pdata"),)),
        replace(image_of(ARCH, raw), symbols=(Symbol("label", inside, 0, True),)),
        replace(image_of(ARCH, raw), exports=(Symbol("label", inside, 0, True),)),
    ):
        (site,) = manifest_of(image).sites
        assert site.cls == StubClass.DYNAMIC.value or not site.window < inside < site.window + 5


def test_a_jump_to_the_old_trap_still_finds_it() -> None:
    image = image_of(ARCH, assemble(ARCH, "mov eax, 1; syscall; ret"))
    (site,) = manifest_of(image).sites
    assert site.tactic == "fold"
    assert bytes.fromhex(site.new) != image.read(CODE, 5)
    assert site.window + len(site.new) // 2 <= site.addr


def test_declared_data_is_not_overwritten() -> None:
    raw = assemble(ARCH, PLAIN)
    image = replace(image_of(ARCH, raw), data_in_code=((CODE + 7, CODE + 12),))
    (site,) = manifest_of(image).sites
    assert site.window == 0 or site.window >= CODE + 12


def test_a_window_stays_in_its_segment() -> None:
    image = image_of(ARCH, assemble(ARCH, "syscall"))
    (site,) = manifest_of(image).sites
    assert site.cls == StubClass.DYNAMIC.value
    assert "no room" in site.tactic


def test_one_site_without_room_does_not_fail_the_file() -> None:
    raw = assemble(ARCH, "mov eax, 1; syscall; jmp e; e: syscall; f: ret; nop; jmp f; mov eax, 60; syscall")
    sites = manifest_of(image_of(ARCH, raw)).sites
    assert [site.cls for site in sites] == ["bound", "dynamic", "bound"]


def test_a_landing_is_not_looked_for_in_the_next_function() -> None:
    # the sweep is out of step behind zeroes: the nop that it takes for padding behind a `ret` is live code
    first = assemble(ARCH, "jmp trap; trap: syscall; u: jne u; ret") + bytes(5)
    image = image_of(ARCH, first + assemble(ARCH, "mov rbx, rax; nop dword ptr [rax + rax]; ret"))
    image = replace(image, functions=tuple(FunctionRange(CODE + at, 0, "pdata") for at in (0, len(first))))
    (site,) = manifest_of(image).sites
    assert not site.landing


PIECES = (
    "syscall", "mov eax, 39; syscall", "mov rax, 60; syscall", "mov edi, eax", "xor esi, esi", "push rbx",
    "nop", "ret", "jmp l0", "je l1", "lea rsi, [rip + 0x100]", "l0:", "l1:", "int3",
    "int3; int3; int3; int3; int3",
    "call l0", "cmp rax, -4095", ".byte 0xf3, 0x0f, 0x1e, 0xfa", "ud2", "int 0x80",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=40))
def test_whatever_is_planned_verifies(pieces: list[str]) -> None:
    labels = [p for p in pieces if p.endswith(":")]
    lines = [p for i, p in enumerate(pieces) if p not in labels or p not in pieces[:i]]
    lines += [label for label in ("l0:", "l1:") if label not in labels]
    raw = assemble(ARCH, "\n".join([*lines, "ret"]))
    image = image_of(ARCH, raw)
    analysis = analysis_of(image)
    manifest, segments = apply(plan(image, analysis, FakeBinder(LINUX)), FakeIdentity())
    verify(emit(manifest, segments, arch=ARCH, pie=False, personality=1))
    windows = sorted((s.window, s.window + len(s.new) // 2) for s in manifest.sites if s.window)
    windows += sorted((s.landing, s.landing + 5) for s in manifest.sites if s.landing)
    taken = [at for start, end in windows for at in range(start, end)]
    assert len(taken) == len(set(taken))
    inside = {at for start, end in windows for at in range(start + 1, end)}
    assert not inside & analysis.branch_targets
