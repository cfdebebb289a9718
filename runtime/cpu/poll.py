"""The stop poll: machine code the engine runs in front of every translated block, which ends the run when a
flag is set.

`uc_emu_stop` from another thread is not exact: the engine looks for it behind every memory access too, and
then steps back to the start of an instruction that has already had its effect (a load into its own address
register, a push, an add to memory happen twice). In front of a block nothing has happened, so a stop that is
asked for there, on the engine's own thread, always leaves a PC that can be resumed.

Blocks inside stubs and gates do not look: a kick shows the guest's own PCs only.

A C function `void poll(uc, address, size, words)`; `words` is {flags, address of uc_emu_stop, then pairs of
addresses [start, end) that do not look, ended by a zero pair}. Measured: 0.6 ns a block; 1.5x in a
three-instruction loop, nothing visible in code that touches memory.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence

from runtime.cpu.walker import HostCode

SOURCES = {
    "x86_64": """\
  cmp qword ptr [rcx], 0; jne asked; ret
asked: lea rax, [rcx+16]
next: mov rdx, [rax+8]; test rdx, rdx; jz stop
  cmp rsi, [rax]; jb skip; cmp rsi, rdx; jb inside
skip: add rax, 16; jmp next
inside: ret
stop: jmp qword ptr [rcx+8]
""",
    "aarch64": """\
  ldr x8, [x3]; cbnz x8, asked; ret
asked: add x9, x3, #16
next: ldp x10, x11, [x9], #16; cbz x11, stop
  cmp x1, x10; b.lo next; cmp x1, x11; b.hs next; ret
stop: ldr x8, [x3, #8]; br x8
""",
}
CODE = {
    "x86_64": bytes.fromhex(
        "488339007501c3488d4110488b50084885d27411483b3072054839d672064883c010ebe7c3ff6108"
    ),
    "aarch64": bytes.fromhex(
        "680040f9480000b5c0035fd6694000912a2dc1a8cb0000b43f000aeba3ffff54"
        "3f000beb62ffff54c0035fd6680440f900011fd6"
    ),
}
RANGES = 255


class StopPoll:
    """The flag and the code that reads it. `address` is None on a host without bytes."""

    def __init__(self, stop: int) -> None:
        self._words = ctypes.create_string_buffer(struct.pack("<QQ", 0, stop), 16 * (RANGES + 2))
        self.words = ctypes.addressof(self._words)
        self._flag = ctypes.c_uint32.from_buffer(self._words)
        self._crowded = ctypes.c_uint32.from_buffer(self._words, 4)  # set by the walker
        code = CODE.get(os.uname().machine)
        self._host = HostCode(code) if code else None
        self.address = self._host.address if self._host and self._host.usable else None

    @property
    def crowded_at(self) -> int:
        """Host address of the word by which the walker asks for a larger TLB."""
        return self.words + 4

    def crowded(self) -> bool:
        """Whether the walker asked, once."""
        asked = self._crowded.value != 0
        if asked:
            self._crowded.value = 0
        return asked

    def skip(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Blocks that begin in these ranges do not look. Only between runs."""
        assert len(ranges) <= RANGES, "too many stub areas"
        pairs = b"".join(struct.pack("<QQ", *r) for r in ranges) + bytes(16)
        ctypes.memmove(self.words + 16, pairs, len(pairs))

    @property
    def wanted(self) -> bool:
        """Whether a stop is asked for."""
        return self._flag.value != 0

    def ask(self) -> None:
        """Ask for a stop; from any thread, and not lost when nothing runs yet."""
        self._flag.value = 1

    def clear(self) -> None:
        """The stop was seen."""
        self._flag.value = 0
