from __future__ import annotations

import pytest

from aot.image.model import Arch
from aot.personality.abi.op import Op
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from runtime.dispatch import HANDLERS_KEPT, UNKNOWN_KEPT, Dispatcher
from runtime.kernel.leave import Unserved
from runtime.kernel.optable import Interface, OpTableError, standard_ops
from tests.runtime.kernel.kit import Kit

LINUX = system_of(Personality.LINUX)
NOSYS = (1 << 64) - 38
GETPID = 39


def test_every_call_is_enosys_before_the_table_is_installed() -> None:
    kit, interface = Kit(LINUX), Interface()
    dispatcher = Dispatcher(LINUX, "x86_64", Arch.X86_64, interface.ops)
    assert dispatcher.personality_syscall(kit.ctx, GETPID, ()) == (NOSYS, 0)
    interface.personality_init(standard_ops())
    dispatcher = Dispatcher(LINUX, "x86_64", Arch.X86_64, interface.ops)
    assert dispatcher.personality_syscall(kit.ctx, GETPID, ()) == (1000, 0)
    with pytest.raises(OpTableError):
        interface.personality_init(standard_ops())


def test_reserved_slots_answer_enosys() -> None:
    ops = standard_ops()
    assert len(ops.slots) > max(Op)
    native = system_of(Personality.NATIVE)
    kit = Kit(native)
    assert kit.dispatcher.personality_syscall(kit.ctx, max(Op) + 1, ())[0] >= (1 << 64) - 4095


def test_the_number_register_counts_by_its_low_half() -> None:
    kit = Kit(LINUX)
    assert kit.dispatcher.personality_syscall(kit.ctx, 1 << 32 | GETPID, ()) == (1000, 0)


def test_made_up_numbers_are_answered_and_not_all_remembered() -> None:
    kit = Kit(LINUX)
    for number in range(1 << 20, (1 << 20) + UNKNOWN_KEPT + 10):
        assert kit.dispatcher.by_number(number)(kit.ctx) == 0
    assert kit.ctx.regs[0] == NOSYS
    assert len(kit.dispatcher.unknown) == UNKNOWN_KEPT


def test_spellings_of_a_number_are_not_all_remembered() -> None:
    kit = Kit(LINUX)
    for high in range(HANDLERS_KEPT + 10):
        handler = kit.dispatcher.by_number(high << 32 | GETPID)
    assert handler(kit.ctx) == 0
    assert kit.ctx.regs[0] == 1000
    assert len(kit.dispatcher._handlers) == HANDLERS_KEPT


def test_indirect_numbers_nobody_serves_are_answered() -> None:
    kit = Kit(system_of(Personality.FREEBSD))
    for number in range(1 << 20, (1 << 20) + 50):
        assert kit.call("syscall", number) == 78  # ENOSYS


def test_an_import_nobody_serves_names_library_and_function() -> None:
    kit = Kit(LINUX)
    with pytest.raises(Unserved, match=r"libfoo\.so!bar"):
        kit.dispatcher.by_import("libfoo.so", "bar")(kit.ctx)


def test_an_indirect_call_takes_its_number_where_the_system_has_it() -> None:
    netbsd = system_of(Personality.NETBSD)
    amd64, arm64 = Kit(netbsd), Kit(netbsd, "aarch64")
    close, ebadf = 6, 9
    # amd64: the number is the first argument and the others move up; numbers wrap around at 512
    assert amd64.dispatcher.personality_syscall(amd64.ctx, 198, (512 + close, 77)) == (ebadf, 1)
    # arm64: the number is in x17 and the arguments stay
    arm64.ctx.regs[17] = close
    assert arm64.dispatcher.personality_syscall(arm64.ctx, 0, (77,)) == (ebadf, 1)
    assert arm64.dispatcher.personality_syscall(arm64.ctx, close, (77,)) == (ebadf, 1)
