"""The x86-64 stubs: what runs instead of a `syscall`, and behind an import slot.

Only rcx and r11 are used, which `syscall` itself destroys. No store but to the site's counter, no stack,
no flag.
"""

from __future__ import annotations

from aot.image.model import Arch
from aot.manifest import GateKind, StubClass
from aot.personality.abi.gate import ErrorStyle, Second
from aot.rewrite import conditions
from aot.rewrite.assemble import Template, template
from aot.rewrite.call import Call

_ENTER = """
    lea rcx, [rip + {resume:rel32}]
    mov r11d, {index:imm32}
    jmp qword ptr [rip + {slot:rel32}]
"""
# mov leaves the flags alone, xor would not: zeroes are loaded.
_INLINE = """
    mov rcx, qword ptr [rip + {traced:rel32}]
    jrcxz %s
    bound:
    %s
    %s
    fast:
    mov r11, qword ptr [rip + {counter:rel32}]
    lea r11, [r11 + 1]
    mov qword ptr [rip + {counter:rel32}], r11
    mov rax, qword ptr [rip + {word:rel32}]
    %s
    lea rcx, [rip + {resume:rel32}]
    jmp {resume:rel32}
"""
_IMPORT = "mov r11d, {index:imm32}; jmp qword ptr [rip + {slot:rel32}]"
_RETURN = "jmp qword ptr [rip + {slot:rel32}]"
_JUMP = "jmp {target:rel32}"


def gate_kind(call: Call) -> GateKind:
    """The gate that the stub of `call` enters."""
    carry = call.style is ErrorStyle.CARRY
    if call.cls is StubClass.TABLE:
        return GateKind.TABLE_CARRY if carry else GateKind.TABLE
    return GateKind.BOUND_CARRY if carry else GateKind.BOUND


def body(call: Call) -> Template:
    """The stub of a site, without the neighbours a tactic moves into it."""
    if call.cls is StubClass.INLINE:
        tests, left = conditions.x86_64(call.when, call.gate), _left_behind(call)
        values = "test0" if tests else "fast", _ENTER, "\n".join(tests), "\n".join(left)
        return template(Arch.X86_64, _INLINE % values)
    return template(Arch.X86_64, _ENTER)


def answer_offset(call: Call) -> int:
    """Offset in `body` of what answers an inline call, behind its tests."""
    counter = next(field.offset for field in body(call).fields if field.name == "counter")
    return counter - 3  # 4c 8b 1d disp32


def gate_offset(call: Call) -> int:
    """Offset in `body` of the jump into the gate."""
    (slot,) = (field.offset for field in body(call).fields if field.name == "slot")
    return slot - 2  # ff 25 disp32


def import_stub() -> Template:
    """Behind an import slot: the gate returns to the caller."""
    return template(Arch.X86_64, _IMPORT)


def return_stub() -> Template:
    """Where a guest callee that the kernel called returns to."""
    return template(Arch.X86_64, _RETURN)


def jump() -> Template:
    """The five bytes that replace a window, and that lead back from moved neighbours."""
    return template(Arch.X86_64, _JUMP)


def _left_behind(call: Call) -> list[str]:
    """What this system's kernel does to other registers and to carry, without touching a flag."""
    gate = call.gate
    lines = [f"mov {_low(name)}, 0" for name in gate.zeroed]
    if call.second is not None:
        lines.append(f"mov {gate.second}, qword ptr [rip + {{second:rel32}}]")
    elif gate.second and gate.second_policy in (Second.ZERO, Second.CLEARED):
        lines.append(f"mov {_low(gate.second)}, 0")
    if call.style is ErrorStyle.CARRY:
        lines.append("clc")
    return lines


def _low(name: str) -> str:
    """The 32-bit name of a register: writing it clears the upper half."""
    return f"{name}d" if name[1].isdigit() else f"e{name[1:]}"
