"""The launcher's checked-in bytes are its source, and do what it says on both architectures."""

from __future__ import annotations

from pathlib import Path

import keystone
import pytest
import unicorn
from unicorn import arm64_const as arm
from unicorn import x86_const as x86

from aot.image.launcher import code
from aot.image.model import Arch

SOURCE = Path(code.__file__).parent
CODE_AT, STACK_AT, STACK_SIZE = 0x10000, 0x7000_0000, 0x100000
SELF = b"/home/me/prog.elf"
SYSCALLS = {
    Arch.X86_64: {89: "readlink", 59: "execve", 1: "write", 60: "exit"},
    Arch.AARCH64: {78: "readlink", 221: "execve", 64: "write", 93: "exit"},
}


@pytest.mark.parametrize("arch", list(Arch), ids=lambda a: a.value)
def test_bytes_are_the_assembled_source(arch: Arch) -> None:
    machine = {
        Arch.X86_64: (keystone.KS_ARCH_X86, keystone.KS_MODE_64),
        Arch.AARCH64: (keystone.KS_ARCH_ARM64, keystone.KS_MODE_LITTLE_ENDIAN),
    }[arch]
    encoded, _ = keystone.Ks(*machine).asm((SOURCE / f"{arch.value}.s").read_text())
    assert bytes(encoded) == code.CODE[arch]
    assert len(code.CODE[arch]) <= code.LIMIT


class Machine:
    """Runs the launcher and records its system calls; execve succeeds for the paths in `exists`."""

    def __init__(self, arch: Arch, argv: list[bytes], env: list[bytes], exists: set[bytes]) -> None:
        self.arch, self.exists = arch, exists
        self.tried: list[bytes] = []
        self.argv: list[bytes] = []
        self.env: list[bytes] = []
        self.printed = b""
        self.status: int | None = None
        x64 = arch is Arch.X86_64
        self.engine = unicorn.Uc(
            unicorn.UC_ARCH_X86 if x64 else unicorn.UC_ARCH_ARM64,
            unicorn.UC_MODE_64 if x64 else unicorn.UC_MODE_ARM,
        )
        self.engine.mem_map(CODE_AT, 0x4000)
        self.engine.mem_write(CODE_AT, code.CODE[arch])
        self.engine.mem_map(STACK_AT, STACK_SIZE)
        sp = self._stack(argv, env)
        if x64:
            self.engine.reg_write(x86.UC_X86_REG_RSP, sp)
            self.engine.hook_add(
                unicorn.UC_HOOK_INSN, lambda *_: self._call(), None, 1, 0, x86.UC_X86_INS_SYSCALL
            )
        else:
            self.engine.reg_write(arm.UC_ARM64_REG_SP, sp)
            self.engine.hook_add(unicorn.UC_HOOK_INTR, lambda *_: self._call())
        self.engine.emu_start(CODE_AT, 0, timeout=10_000_000)

    def _stack(self, argv: list[bytes], env: list[bytes]) -> int:
        top = STACK_AT + STACK_SIZE - 0x2000
        words: list[int] = [len(argv)]
        place = top
        for group in (argv, env):
            for text in group:
                place -= len(text) + 1
                self.engine.mem_write(place, text + b"\0")
                words.append(place)
            words.append(0)
        sp = (place - 8 * len(words)) & ~15
        self.engine.mem_write(sp, b"".join(w.to_bytes(8, "little") for w in words))
        return sp

    def _text(self, address: int) -> bytes:
        return bytes(self.engine.mem_read(address, 4400)).split(b"\0")[0]

    def _vector(self, address: int) -> list[bytes]:
        found: list[bytes] = []
        while pointer := int.from_bytes(self.engine.mem_read(address, 8), "little"):
            found.append(self._text(pointer))
            address += 8
        return found

    def _call(self) -> None:
        if self.arch is Arch.X86_64:
            names = (x86.UC_X86_REG_RAX, x86.UC_X86_REG_RDI, x86.UC_X86_REG_RSI, x86.UC_X86_REG_RDX)
        else:
            names = (arm.UC_ARM64_REG_X8, arm.UC_ARM64_REG_X0, arm.UC_ARM64_REG_X1, arm.UC_ARM64_REG_X2)
        number, a, b, c = (self.engine.reg_read(name) for name in names)
        result = self._serve(SYSCALLS[self.arch][number], a, b, c)
        register = x86.UC_X86_REG_RAX if self.arch is Arch.X86_64 else arm.UC_ARM64_REG_X0
        self.engine.reg_write(register, result & (1 << 64) - 1)
        if self.arch is Arch.X86_64:  # what the instruction itself destroys
            self.engine.reg_write(x86.UC_X86_REG_RCX, 0xDEAD)
            self.engine.reg_write(x86.UC_X86_REG_R11, 0xDEAD)

    def _serve(self, name: str, a: int, b: int, c: int) -> int:
        if name == "readlink":
            path, place = (a, b) if self.arch is Arch.X86_64 else (b, c)
            assert self._text(path) == b"/proc/self/exe"
            self.engine.mem_write(place, SELF)
            return len(SELF)
        if name == "write":
            assert a == 2
            self.printed += bytes(self.engine.mem_read(b, c))
            return c
        if name == "exit":
            self.status = a
            self.engine.emu_stop()
            return 0
        self.tried.append(self._text(a))
        if self.tried[-1] not in self.exists:
            return -2
        self.argv, self.env = self._vector(b), self._vector(c)
        self.engine.emu_stop()
        return 0


@pytest.fixture(params=list(Arch), ids=lambda a: a.value)
def arch(request: pytest.FixtureRequest) -> Arch:
    found: Arch = request.param
    return found


def test_path_is_searched_in_order(arch: Arch) -> None:
    env = [b"HOME=/", b"PATH=/a::/usr/bin:/z", b"PATHS=/no"]
    run = Machine(arch, [b"./prog", b"one", b"", b"-v"], env, {b"/usr/bin/helctic-aot"})
    assert run.tried == [b"/a/helctic-aot", b"/usr/bin/helctic-aot"]
    assert run.argv == [b"helctic-aot", b"run", b"--argv0", b"./prog", SELF, b"one", b"", b"-v"]
    assert run.env == env
    assert (run.status, run.printed) == (None, b"")


def test_variable_comes_first(arch: Arch) -> None:
    env = [b"PATH=/usr/bin", b"HELCTIC_AOTS=/no", b"HELCTIC_AOT=/opt/aot"]
    run = Machine(arch, [b"p"], env, {b"/opt/aot", b"/usr/bin/helctic-aot"})
    assert run.tried == [b"/opt/aot"]
    assert run.argv == [b"helctic-aot", b"run", b"--argv0", b"p", SELF]


@pytest.mark.parametrize(
    ("env", "tried"),
    [
        ([], []),
        ([b"PATH="], []),
        ([b"PATH=:"], []),
        ([b"PATH=/a:/b"], [b"/a/helctic-aot", b"/b/helctic-aot"]),
        ([b"PATH=/a", b"HELCTIC_AOT=/gone"], [b"/gone"]),
        ([b"PATH=/" + b"x" * 5000 + b":/b"], [b"/" + b"x" * 4399, b"/b/helctic-aot"]),
    ],
    ids=["none", "empty", "colon", "absent", "variable", "long"],
)
def test_not_found_is_one_line_and_127(arch: Arch, env: list[bytes], tried: list[bytes]) -> None:
    run = Machine(arch, [b"p", b"x"], env, set())
    assert run.tried == tried
    assert run.printed == b"helctic-aot not found: set PATH or HELCTIC_AOT\n"
    assert run.status == 127


def test_longest_variable_fits_the_buffer(arch: Arch) -> None:
    env = [b"PATH=" + b"/d" * 65000 + b":/b"]
    run = Machine(arch, [b"p", b"arg"], env, {b"/b/helctic-aot"})
    assert run.argv == [b"helctic-aot", b"run", b"--argv0", b"p", SELF, b"arg"]
