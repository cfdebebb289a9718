"""Whatever surrounds a trap, the patched program ends in the state the original ends in."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aot.image.model import Arch, Segment
from aot.manifest import Manifest
from aot.rewrite.assemble import assemble
from tests.aot.rewrite.engine import Crossing, Run, run, start_registers
from tests.aot.rewrite.lab import CODE, rewritten

ARCH = Arch.X86_64
DESTROYED = {"rcx", "r11", "rip"}  # by `syscall` itself
NEIGHBOURS = (
    "mov rdi, rbx", "xor edi, edi", "push rbx", "pop rbp", "add rbx, rdi", "adc r12, r13", "cmp rax, -4095",
    "lea rsi, [rip + 0x2100]", "mov qword ptr [rip + 0x2140], rdx", "mov rdx, qword ptr [rip + 0x2160]",
    "mov byte ptr [rsp - 100], dil", "mov qword ptr [rsp - 8], r12", "nop", "cmc", "sbb r14, r15",
    "mov dword ptr [rip + 0x2180], 7", "movabs r10, 0x123456789abcdef", "setb r9b", "xchg r8, r9",
    "cmp byte ptr [rip + 0x2108], 0",
)  # fmt: skip
LOADS = ("mov eax, 20", "mov rax, 20", "mov eax, edi", "xor eax, eax", "lea eax, [rdi + 1]")
ENDS = ("ret", "jmp end", "jb end", "jae end", "je end", "test rax, rax")
PAD = "\n".join(["nop"] * 12)


def some(most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(NEIGHBOURS), max_size=most)


@settings(max_examples=400, deadline=None)
@given(
    gate=st.sampled_from(["linux-x86_64", "freebsd-x86_64"]),
    before=some(3), load=st.sampled_from(LOADS), between=some(3), after=some(3), end=st.sampled_from(ENDS),
    target=st.sampled_from(["", "jmp trap\nnop\ntrap:", "jmp trap\ntrap:"]), carry=st.integers(0, 1),
)  # fmt: skip
def test_same_state(
    gate: str,
    before: list[str],
    load: str,
    between: list[str],
    after: list[str],
    end: str,
    target: str,
    carry: int,
) -> None:
    lines = [*before, load, *between, target, "syscall", *after, end, PAD, "end:", PAD]
    code = assemble(ARCH, "\n".join(line for line in lines if line))
    assume(not (end == "ret" and "push rbx" in lines))  # the return address would be rbx
    image, manifest, segments = rewritten(ARCH, code, gate)
    style_carry = gate.startswith("freebsd")
    before_patching = (*image.segments, *segments[len(image.segments) :])
    original = finish(manifest, before_patching, (manifest.sites[0].addr,), style_carry, carry)
    patched = finish(manifest, segments, (), style_carry, carry)
    assert len(original.crossings) == len(patched.crossings) == 1
    assert state(original) == state(patched)
    (old,), (new,) = original.crossings, patched.crossings
    number = {"rax"} if manifest.sites[0].folded else set()
    same = old.regs.keys() - DESTROYED - number
    assert {n: old.regs[n] for n in same} == {n: new.regs[n] for n in same}


def finish(
    manifest: Manifest, segments: tuple[Segment, ...], traps: tuple[int, ...], style_carry: bool, carry: int
) -> Run:
    """Run to the end; the call answers 77, or fails with 2."""

    def serve(crossing: Crossing) -> None:
        crossing.out = {"rax": 2 if carry else 77}

    stop = segments[0].end - 1
    stack = start_registers(ARCH)["rsp"]
    words = {stack + 8 * i: stop for i in range(10)}  # wherever `ret` looks
    regs = start_registers(ARCH)
    return run(
        ARCH, manifest, segments, start=CODE, stop=stop, regs=regs, words=words, traps=traps,
        carry=carry if style_carry else None, serve=serve,
    )  # fmt: skip


def state(done: Run) -> tuple[dict[str, int], bytes, bytes]:
    stack = start_registers(ARCH)["rsp"]
    regs = {name: value for name, value in done.regs.items() if name not in DESTROYED}
    return regs, done.memory(stack - 256, 512), done.memory(CODE + 0x2000, 0x1000)
