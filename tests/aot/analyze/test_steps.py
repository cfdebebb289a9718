"""What the analysis says an instruction does to registers, the stack and SP is what an emulator does."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import pytest
import unicorn as uc
from unicorn import arm64_const as a64
from unicorn import x86_const as x86

from aot.analyze.blocks import Code
from aot.analyze.decode import Decoder, Flow
from aot.analyze.stack import depth_at
from aot.analyze.steps import step
from aot.analyze.values import LOADS, M64, Const, From, Lost, Place, Stack, Step, apply, number
from aot.image.model import Arch
from tests.aot.analyze.lab import BASE, assemble, image
from tests.aot.rewrite.windows.harvest import pieces

MEMORY, SIZE, SP = 0x500000, 0x10000, 0x508000
SLOTS = range(-24, 48, 4)
STATES = 3
NAMES = {
    Arch.X86_64: "rax rcx rdx rbx rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rsp".split(),
    Arch.AARCH64: [*(f"x{n}" for n in range(31)), "sp"],
}
# Implicit writes, parts of registers, the other address size: forms that compilers hardly make.
X86_64 = """
cbw; cwde; cdqe; cwd; cdq; cqo; xlatb; lahf; sahf; cpuid; rdtsc; rdtscp; bswap eax; bswap rax
lodsb; lodsw; lodsd; lodsq; stosb; movsb; movsq; scasb; cmpsb; rep stosb; rep movsb; repne scasb; rep lodsb
mul cl; mul cx; mul ecx; mul rcx; imul cl; imul rcx; imul eax, ecx; imul rax, rcx, 5; div cl; div ecx; idiv ecx
xchg al, cl; xchg eax, ecx; xchg rax, rcx; xchg rcx, rax; xchg [rsp], rax; xadd rcx, rax; xadd cl, al; xadd [rsp], eax
cmpxchg cl, dl; cmpxchg ecx, edx; cmpxchg rcx, rdx; cmpxchg [rsp], ecx; cmpxchg8b [rsp]; cmpxchg16b [rsp]
mov al, 5; mov ah, 5; mov ax, 5; mov al, cl; mov ah, cl; mov ax, cx; mov eax, ecx; mov rax, rcx; mov sil, 7; mov si, 7
mov r8b, 7; mov r8w, 7; mov r8d, 7; mov spl, 8; mov eax, -1; mov rax, -1; movabs rax, 0x123456789abc; mov ax, ds
movsx eax, al; movsx rax, ax; movsx ax, cl; movzx eax, ah; movzx ax, cl; movsxd rax, ecx; .byte 0x63, 0xc1
.byte 0x66, 0x63, 0xc1; movsxd rax, dword ptr [rsp]; lea eax, [rcx + 3]; lea ax, [rcx + 3]; lea rax, [ecx + 3]
lea rax, [r8d + 3]; lea rax, [rsp + 8]; lea eax, [rsp + 8]; lea rax, [rcx + rdx + 1]; lea rax, [rcx * 2]
shl rax, 0; shl eax, 0; shl eax, cl; shr al, 1; sar rax, 3; rol ax, 4; shld eax, ecx, 3; shlx eax, ecx, edx
sete al; setne ah; sete [rsp + 1]; cmove eax, ecx; cmovne rax, rcx; cmove ax, cx; cmove rax, [rsp]; cmovb ecx, eax
add al, 1; add ah, 1; add ax, 1; add eax, -1; add rax, -1; sub eax, 5; sub rax, rax; sub al, al; xor ax, ax; xor ah, ah
xor ah, al; and eax, -8; and rax, -8; and al, 3; or eax, -1; or rax, -1; or ax, -1; or al, -1; xor rax, -1; xor eax, -1
and rax, 0x7fffffff; or rax, 0x7f; not eax; neg rax; inc al; inc ax; inc eax; inc rax; dec eax; adc eax, 0; sbb eax, eax
bsf eax, ecx; bsr rax, rcx; tzcnt eax, ecx; popcnt eax, ecx; bts eax, 3; btc rax, rcx; crc32 eax, cl; movbe eax, [rsp]
movd eax, xmm0; movq rax, xmm0; movq [rsp], xmm0; movd [rsp + 4], xmm0; pmovmskb eax, xmm0; movmskps eax, xmm0
pextrw eax, xmm0, 1; pextrq rax, xmm0, 1; cvttsd2si eax, xmm0; cvtsd2si rax, xmm0; pcmpestri xmm0, xmm1, 12
pcmpistri xmm0, xmm1, 12; fnstsw ax; fnstcw [rsp]; fstp qword ptr [rsp + 4]; fstp tbyte ptr [rsp]; movups [rsp + 4], xmm0
push rax; push 5; push -1; push qword ptr [rsp + 8]; push rsp; push ax; pop rax; pop ax; pop rsp; pop qword ptr [rsp + 8]
pop qword ptr [rcx]; pushfq; popfq; leave; enter 16, 0; mov rsp, rbp; mov rbp, rsp; lea rbp, [rsp + 8]; xchg rax, rsp
xchg rsp, rcx; add rsp, 8; sub rsp, 24; add rsp, -8; sub rsp, -128; sub rsp, -4096; add esp, 8; and rsp, -16; and esp, -16; lea rsp, [rsp + 16]; lea rsp, [rsp + rax]
inc rsp; cmove rsp, rax; lea esp, [rsp + 8]; mov esp, eax; xadd rsp, rax; xor esp, esp
mov [rsp], rax; mov [rsp + 8], eax; mov [rsp + 4], rax; mov [rsp + 1], al; mov [rsp + 2], ax; mov byte ptr [rsp], 7
mov dword ptr [rsp + 4], 5; mov qword ptr [rsp + 8], -1; inc dword ptr [rsp]; add qword ptr [rsp + 4], 3
mov rax, [rsp]; mov eax, [rsp + 4]; mov al, [rsp]; mov ax, [rsp]; mov rax, fs:[rcx]; mov rax, fs:[rsp]; mov eax, fs:[8]
mov rax, gs:[rsp + 8]; mov eax, [ecx]; mov eax, [r8d]; mov fs:[rsp], rax; mov [rcx], rax; mov rax, [rcx + 8]
rdfsbase rax; rdgsbase ecx; xgetbv; stc; nop; test eax, eax; cmp eax, 5; bt eax, 3
"""
AARCH64 = """
movk x0, 5; movk x0, 5, lsl 16; movk w0, 5; movk w0, 5, lsl 16; movz w0, 5, lsl 16; movn w0, 5; movn x0, 5, lsl 16
mov w0, w1; mov x0, x1; mov x0, xzr; mov w0, wzr; mov x0, 0xff00ff00ff00ff00; mov w0, -2; mov x0, sp; mov w0, wsp
bfi x0, x1, 4, 8; bfxil w0, w1, 4, 8; ubfx x0, x1, 4, 8; sbfx w0, w1, 4, 8; uxtb w0, w1; sxtb x0, w1; sxth w0, w1
sxtw x0, w1; lsl x0, x1, 3; lsr w0, w1, 3; ror x0, x1, 3; extr x0, x1, x2, 4; rev w0, w1; rbit x0, x1; clz w0, w1
add x0, x1, 5; add w0, w1, 5; add x0, x1, 5, lsl 12; sub x0, x1, 5; sub w0, w1, 5, lsl 12; adds w0, w1, 5; add x0, x1, x2
add x0, sp, 8; add x0, sp, x1; add x0, sp, w1, uxtw; sub x0, sp, x1; add w0, wsp, 8; sub x0, sp, 8; add x0, sp, 1, lsl 12
and w0, w1, 0xff; and x0, x1, 0xff; orr w0, wzr, 7; orr x0, x1, 7; orr x0, xzr, x1; eor w0, w1, w2; bic x0, x1, x2
csel x0, x1, x2, eq; csel w0, w1, wzr, ne; csinc w0, w1, w2, eq; cset w0, eq; csetm x0, ne; csneg x0, x1, x2, lt
mul x0, x1, x2; madd w0, w1, w2, w3; udiv x0, x1, x2; umulh x0, x1, x2; smull x0, w1, w2; mrs x0, nzcv; msr nzcv, x0
ldr x0, [sp]; ldr w0, [sp, 8]; ldr x0, [sp], 16; ldr x0, [sp, 16]!; ldr x0, [x1], 8; ldr x0, [x1, 8]!; ldr x0, [x1, x2]
ldrb w0, [sp]; ldrh w0, [sp]; ldrsb x0, [sp]; ldrsw x0, [sp]; ldrsw x0, [x1, 4]; ldur x0, [sp, 4]; ldr q0, [x1], 16
ldp x0, x1, [sp]; ldp w0, w1, [sp]; ldp x0, x1, [sp], 16; ldp x0, x1, [sp, 16]!; ldp x0, x1, [x2], 16; ldpsw x0, x1, [sp]
ldp q0, q1, [x2], 32; ld1 {v0.16b}, [x2], 16; ld1 {v0.16b}, [sp], 16; ld1 {v0.16b}, [x2], x3; ld1 {v0.16b}, [sp], x3
str x0, [sp]; str w0, [sp, 4]; str x0, [sp, 8]; str x0, [sp], 16; str x0, [sp, -16]!; str x0, [x1], 8; strb w0, [sp, 1]
strh w0, [sp, 2]; stur x0, [sp, 4]; stp x0, x1, [sp]; stp w0, w1, [sp, 4]; stp x0, x1, [sp, -16]!; stp x0, x1, [x2], 16
stp xzr, xzr, [sp]; str wzr, [sp, 4]; str q0, [sp]; stp q0, q1, [sp]; str d0, [sp, 4]; str s0, [sp, 4]; stp s0, s1, [sp]
str b0, [sp, 3]; str h0, [sp, 6]; st1 {v0.16b}, [sp]; st1 {v0.16b}, [x2], 16; st1 {v0.16b}, [sp], 16; st1 {v0.16b}, [x2], x3
ldxr x0, [sp]; stxr w0, x1, [sp]; ldaxr w0, [sp]; stlxr w0, w1, [sp]; ldxp x0, x1, [sp]; stxp w0, x1, x2, [sp]
ldar x0, [sp]; stlr x0, [sp]; 0xf82003e1; 0xf82083e1; 0xc8a07fe1; 0x48207fe2
0xb82033e1; 0xf82003ff; umov w0, v0.b[1]; mov x0, v0.d[1]; fmov x0, d0; fcvtzs w0, d0; smov x0, v0.b[1]
add sp, sp, 16; sub sp, sp, 1, lsl 12; mov sp, x0; and sp, x0, 0xfffffffffffffff0; add sp, x0, 16; sub sp, sp, x0
mov x29, sp; add x29, sp, 16; mov sp, x29; 0xd503233f; 0xd503237f; 0xd50323bf; 0xd50320ff; 0xd503211f; 0xdac10020; 0xdac143e0; nop
cmp x0, x1; cmn w0, w1; tst x0, x1; ccmp x0, x1, 0, eq; cmp sp, x0; 0x1ac24820; adr x0, 16; adrp x0, 0x400000
"""
FORMS = {Arch.X86_64: X86_64, Arch.AARCH64: AARCH64}


class Emulator:
    """One instruction at BASE, with random registers and memory."""

    def __init__(self, arch: Arch) -> None:
        self.arch, self.names = arch, NAMES[arch]
        if arch is Arch.X86_64:
            self.uc = uc.Uc(uc.UC_ARCH_X86, uc.UC_MODE_64)
            self._registers = [getattr(x86, f"UC_X86_REG_{name.upper()}") for name in self.names]
        else:
            self.uc = uc.Uc(uc.UC_ARCH_ARM64, uc.UC_MODE_ARM)
            self.uc.ctl_set_cpu_model(a64.UC_CPU_ARM64_MAX)
            self._registers = [getattr(a64, f"UC_ARM64_REG_{name.upper()}") for name in self.names]
        self.uc.mem_map(BASE, 0x1000)
        self.uc.mem_map(MEMORY, SIZE)
        self.before: dict[str, int] = {}
        self.after: dict[str, int] = {}
        self.was = self.memory = b""

    def run(self, code: bytes, rng: random.Random) -> bool:
        """Whether it ran without a fault."""
        for name, register in zip(self.names, self._registers, strict=True):
            pointer = SP if name in ("rsp", "sp") else MEMORY + SIZE // 4 + rng.randrange(SIZE // 64) * 16
            value = rng.choice((pointer, pointer, rng.randrange(64), rng.getrandbits(64)))
            self.before[name] = pointer if name in ("rsp", "sp", "rbp", "x29") else value
            self.uc.reg_write(register, self.before[name])
        if self.arch is Arch.X86_64:
            self.uc.reg_write(x86.UC_X86_REG_EFLAGS, rng.choice((0x202, 0x243, 0xA97)))
            self.uc.reg_write(x86.UC_X86_REG_FS_BASE, 0x800)
        else:
            self.uc.reg_write(a64.UC_ARM64_REG_NZCV, rng.getrandbits(4) << 28)
        self.was = rng.randbytes(SIZE)
        self.uc.mem_write(MEMORY, self.was)
        self.uc.mem_write(BASE, code + bytes(16))
        self.uc.ctl_remove_cache(BASE, BASE + 32)
        try:
            self.uc.emu_start(BASE, BASE + len(code), count=1)
        except uc.UcError:
            return False
        for name, register in zip(self.names, self._registers, strict=True):
            self.after[name] = self.uc.reg_read(register)
        self.memory = bytes(self.uc.mem_read(MEMORY, SIZE))
        return True

    def holds(self, place: Place, *, after: bool = False) -> int:
        """The register, or the eight bytes of the stack slot."""
        if isinstance(place, str):
            return 0 if place == "xzr" else (self.after if after else self.before)[place]
        at = SP + place - MEMORY
        return int.from_bytes((self.memory if after else self.was)[at : at + 8], "little")


def outcomes(seen: Emulator, place: Place, said: Step) -> set[int]:
    """What the place may hold afterwards, if the analysis is right."""
    if said is None:
        return {seen.holds(place)}
    if isinstance(said, Const):
        return {said.value}
    if isinstance(said, Stack):
        return {SP + said.slot}
    assert isinstance(said, From)
    values = set()
    for source in said.places:
        value = seen.holds(source)
        if said.op in LOADS:
            at = (value + said.operand & M64) - MEMORY
            if not 0 <= at <= SIZE - 8:
                return {seen.holds(place, after=True)}
            value = int.from_bytes(seen.was[at : at + LOADS[said.op]], "little")
            values.add(apply("sext32", value, 0) if said.op == "load4s" else value)
        else:
            values.add(apply(said.op, value, said.operand))
    return values


def wrong(arch: Arch, seen: Emulator, decoder: Decoder, raw: bytes) -> str:
    """What the analysis says of one instruction that is not so; "" when all is."""
    program = image(arch, raw + (b"\x90" if arch is Arch.X86_64 else b"\x1f\x20\x03\xd5") * 16)
    code = Code(program, decoder, program.segments[0], BASE, BASE + len(raw) + 4)
    code.descend(BASE)
    insn = code.reached.get(BASE)
    if insn is None or insn[1] != len(raw) or decoder.flow(insn) is not Flow.NEXT:
        return ""
    text = f"{raw.hex()} {insn[2]} {insn[3]}: "
    rng = random.Random(raw)
    for _ in range(STATES):
        if not seen.run(raw, rng):
            continue
        depth = depth_at(code, BASE + len(raw))
        sp = seen.names[-1]
        if depth is not None and seen.before[sp] + depth != seen.after[sp]:
            return f"{text}SP {seen.after[sp] - SP:+#x}, not {depth:+#x}"
        for place, width in (
            *((name, 8) for name in seen.names),
            *((slot, w) for slot in SLOTS for w in (4, 8)),
        ):
            said = step(code, insn, place, width)
            if isinstance(said, Lost):
                continue
            mask = (1 << 8 * width) - 1
            holds, may = seen.holds(place, after=True) & mask, {v & mask for v in outcomes(seen, place, said)}
            if holds not in may:
                return f"{text}{place} is {holds:#x}, not {[hex(v) for v in may]} ({said})"
    return ""


def by_hand(arch: Arch) -> Iterator[bytes]:
    for text in re.split(r"[;\n]", FORMS[arch]):
        if text.strip():
            word = number(text.strip())
            yield word.to_bytes(4, "little") if word is not None else assemble(arch, text, BASE)


def harvested(arch: Arch) -> Iterator[bytes]:
    """One instruction of each form, of those that programs of this machine have."""
    decoder, known = Decoder(arch), set[tuple[str, str]]()
    for run in pieces(arch, 0):
        for piece in run:
            *_, mnemonic, operands = decoder.sweep(piece.code, BASE)[0]
            form = (mnemonic, re.sub(r"0x[0-9a-f]+|(?<=[ #-])\d+", "n", operands))
            if form not in known:
                known.add(form)
                yield piece.code


MATERIAL: dict[str, Callable[[Arch], Iterator[bytes]]] = {"by hand": by_hand, "harvested": harvested}


@pytest.mark.parametrize("material", MATERIAL)
@pytest.mark.parametrize("arch", Arch, ids=lambda arch: arch.value)
def test_an_emulator_does_as_the_analysis_says(arch: Arch, material: str) -> None:
    seen, decoder = Emulator(arch), Decoder(arch)
    found = [text for raw in MATERIAL[material](arch) if (text := wrong(arch, seen, decoder, raw))]
    assert not found, f"{len(found)} differ:\n" + "\n".join(found)


def test_a_wrong_step_is_caught() -> None:
    seen, code = Emulator(Arch.X86_64), assemble(Arch.X86_64, "cwde")
    assert seen.run(code, random.Random(0))
    assert seen.holds("rax", after=True) not in outcomes(seen, "rax", From(("rax",), "sext32"))


@pytest.mark.parametrize(
    ("text", "register"),
    [
        ("mulx rcx, rdx, rax", "rcx"), ("mulx rcx, rdx, rax", "rdx"), ("pext eax, ecx, edx", "rax"),
        ("andn eax, ecx, edx", "rax"), ("rorx eax, ecx, 3", "rax"), ("vmovd eax, xmm0", "rax"),
        ("vmovq rax, xmm0", "rax"), ("vpmovmskb eax, ymm0", "rax"), ("vpextrq rax, xmm0, 1", "rax"),
        ("vpcmpistri xmm0, xmm1, 3", "rcx"), ("vcvttsd2si eax, xmm0", "rax"), ("rdrand eax", "rax"),
        ("rdseed rax", "rax"), ("in eax, dx", "rax"), ("insb", "rdi"), ("rdmsr", "rax"), ("rdmsr", "rdx"),
        ("rdpmc", "rax"), ("xgetbv", "rax"), ("xgetbv", "rdx"), ("lsl eax, ecx", "rax"), ("lar eax, ecx", "rax"),
        ("smsw eax", "rax"), ("str eax", "rax"), ("sldt eax", "rax"), ("rdpkru", "rax"), (".byte 0xc5, 0xfb, 0x93, 0xc1", "rax"),
        ("rdtscp", "rcx"), (".byte 0xf3, 0x0f, 0xc7, 0xf8", "rax"), ("fnstsw ax", "rax"), ("bextr eax, ecx, edx", "rax"),
    ],
)  # fmt: skip
def test_written_by_what_the_emulator_has_not(text: str, register: str) -> None:
    assert register in Decoder(Arch.X86_64).writes(assemble(Arch.X86_64, text))
