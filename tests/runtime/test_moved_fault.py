"""A fault of an instruction that a tactic moved is told at the guest's own address, in both modes alike."""

from __future__ import annotations

import io
import re

import pytest

from aot.image.model import Arch
from aot.image.native import emit
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from aot.rewrite.apply import apply
from aot.rewrite.assemble import assemble
from aot.rewrite.binder import SystemBinder
from aot.rewrite.plan import plan
from runtime.machine import RunOptions, run
from tests.aot.rewrite.lab import CODE, FakeIdentity, analysis_of, image_of

BEFORE = "mov eax, 1; xor edi, edi; mov rsi, qword ptr [rdi]; syscall; ud2"
AFTER = "xor ebx, ebx; jmp e; nop; e: mov eax, 39; jmp f; f: syscall; mov rbx, qword ptr [rbx]; ud2"


@pytest.mark.parametrize(("code", "tactic", "at"), [(BEFORE, "before", 7), (AFTER, "after", 14)])
def test_the_pc_is_the_guests(code: str, tactic: str, at: int) -> None:
    raw = assemble(Arch.X86_64, code)
    image = image_of(Arch.X86_64, raw)
    binder = SystemBinder(system_of(Personality.LINUX), "x86_64", "x86_64")
    manifest, segments = apply(plan(image, analysis_of(image), binder), FakeIdentity(column="x86_64"))
    assert [site.tactic for site in manifest.sites] == [tactic]
    native = emit(manifest, segments, arch=Arch.X86_64, pie=False, personality=1)
    told = []
    for dispatch in ("aot", "dynamic"):
        errors = io.StringIO()
        status = run(native, RunOptions(["x"], dispatch=dispatch, deterministic=True, errors=errors))
        told.append((status, re.sub(r"(rcx|r11) \w+", "", errors.getvalue())))  # `syscall` destroys these
        assert f"pc {CODE + at:#x}" in errors.getvalue()
    assert told[0] == told[1]
