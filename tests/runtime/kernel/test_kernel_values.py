"""Clocks, park queues, the op table, signals."""

from __future__ import annotations

import pytest

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Clock, MaskHow, SigAction, Time
from aot.personality.abi.op import RESERVED, Op
from aot.personality.abi.signals import Signal
from aot.personality.linux.system import SYSTEM
from runtime.kernel import optable
from runtime.kernel.clock import EPOCH_NS, FixedClocks, HostClocks
from runtime.kernel.leave import Block, Killed
from runtime.kernel.optable import Interface, KernelOps, OpTableError, op
from runtime.kernel.park import ParkSpace
from runtime.kernel.signals import next_handled
from tests.runtime.kernel.kit import DATA, OPS, Kit


class FakeHost:
    def realtime_ns(self) -> int:
        return 11

    def monotonic_ns(self) -> int:
        return 22

    def boot_ns(self) -> int:
        return 33

    def cpu_ns(self) -> int:
        return 44

    def thread_ns(self) -> int:
        return 55


def test_host_clocks_read_the_host() -> None:
    clocks = HostClocks(FakeHost())
    assert [clocks.now_ns(c) for c in Clock] == [11, 22, 44, 55, 33]


def test_fixed_clocks_move_only_when_looked_at() -> None:
    clocks = FixedClocks(step_ns=10)
    assert clocks.now_ns(Clock.REALTIME) == EPOCH_NS + 10
    before = clocks.monotonic_ns()
    assert clocks.monotonic_ns() == before
    assert clocks.now_ns(Clock.MONOTONIC) == before + 10
    clocks.advance_to(before + 1000)
    clocks.advance_to(before)
    assert clocks.monotonic_ns() == before + 1000
    assert clocks.now_ns(Clock.PROCESS) == 30  # asleep it stands still


def test_waiters_wake_oldest_first_and_by_mask() -> None:
    park = ParkSpace()
    key, other = (1, 64), (2, 64)
    a, b, c = park.enqueue(key), park.enqueue(key, mask=2), park.enqueue(other)
    assert park.wake(key, 1) == 1 and a.woken and not b.woken
    assert park.wake(key, 9, mask=4) == 0
    assert park.wake(key, 9, mask=2) == 1 and b.woken and not c.woken
    assert park.drain(2) == 1 and c.woken and park.waiting() == 0


def test_requeued_waiters_wake_at_their_new_key() -> None:
    park = ParkSpace()
    tickets = [park.enqueue((1, 8)) for _ in range(3)]
    assert park.requeue((1, 8), (1, 16), 2) == 2
    assert park.wake((1, 8), 9) == 1
    assert park.wake((1, 16), 9) == 2
    assert all(t.woken for t in tickets)


def test_unmapping_wakes_only_the_range() -> None:
    park = ParkSpace()
    low, high = park.enqueue((1, 0x1000)), park.enqueue((1, 0x2000))
    assert park.drain(1, 0x1000, 0x2000) == 1
    assert low.woken and not high.woken


def test_before_personality_init_every_call_is_refused() -> None:
    from runtime.dispatch import Dispatcher

    kit, interface = Kit(SYSTEM), Interface()
    kit.dispatcher = Dispatcher(SYSTEM, kit.column, kit.arch, interface.ops)
    assert kit.call("getpid") == -38
    interface.personality_init(OPS)
    kit.dispatcher = Dispatcher(SYSTEM, kit.column, kit.arch, interface.ops)
    assert kit.call("getpid") == 1000
    with pytest.raises(OpTableError):
        interface.personality_init(OPS)


def test_the_table_is_ordered_and_its_reserved_slots_refuse() -> None:
    assert len(OPS.slots) == RESERVED
    assert list(OPS) == sorted(OPS)
    for code in range(max(Op) + 1, RESERVED):
        with pytest.raises(Errno) as caught:
            OPS.slots[code](None)
        assert caught.value.code is E.NOSYS


def test_an_op_is_bound_once() -> None:
    with pytest.raises(OpTableError):
        op(Op.READ)(lambda ctx: None)
    assert optable.OPS[Op.READ].__name__ == "read"
    assert isinstance(OPS, KernelOps)


def test_default_actions_kill_or_do_nothing() -> None:
    kit = Kit(SYSTEM)
    with pytest.raises(Killed) as killed:
        OPS[Op.KILL](kit.ctx, pid=1000, signal=Signal.TERM)
    assert killed.value.signal == Signal.TERM
    OPS[Op.KILL](kit.ctx, pid=1000, signal=Signal.CHLD)
    OPS[Op.KILL](kit.ctx, pid=1000, signal=0)
    OPS[Op.SIGACTION](kit.ctx, signal=Signal.TERM, action=SigAction(handler=1))
    OPS[Op.KILL](kit.ctx, pid=1000, signal=Signal.TERM)
    assert kit.ctx.pending == 0


def test_a_blocked_signal_waits_for_the_mask() -> None:
    kit = Kit(SYSTEM)
    bit = 1 << (Signal.USR1 - 1)
    OPS[Op.SIGPROCMASK](kit.ctx, how=MaskHow.BLOCK, mask=bit)
    OPS[Op.TKILL](kit.ctx, tid=1000, signal=Signal.USR1, pid=None)
    assert OPS[Op.SIGPENDING](kit.ctx) == bit
    assert not kit.ctx.alert
    OPS[Op.SIGPROCMASK](kit.ctx, how=MaskHow.UNBLOCK, mask=bit)
    assert kit.ctx.alert
    with pytest.raises(Killed):
        next_handled(kit.ctx)


def test_kill_and_stop_cannot_be_blocked_or_handled() -> None:
    kit = Kit(SYSTEM)
    OPS[Op.SIGPROCMASK](kit.ctx, how=MaskHow.SET, mask=(1 << 64) - 1)
    assert not kit.ctx.sigmask >> (Signal.KILL - 1) & 1
    with pytest.raises(Errno):
        OPS[Op.SIGACTION](kit.ctx, signal=Signal.STOP, action=SigAction(handler=1))
    with pytest.raises(Killed):
        OPS[Op.KILL](kit.ctx, pid=1000, signal=Signal.KILL)


def test_park_checks_the_value_waits_and_is_woken() -> None:
    kit = Kit(SYSTEM)
    arguments = {"address": DATA, "size": 4, "mask": 1, "timeout": None, "clock": 1, "absolute": False}
    with pytest.raises(Errno) as caught:
        OPS[Op.PARK](kit.ctx, expected=1, **arguments)
    assert caught.value.code is E.AGAIN
    with pytest.raises(Block) as blocked:
        OPS[Op.PARK](kit.ctx, expected=0, **arguments)
    assert blocked.value.ready is not None and not blocked.value.ready()
    assert OPS[Op.UNPARK](kit.ctx, address=DATA, count=1, mask=1) == 1
    assert blocked.value.ready()
    OPS[Op.PARK](kit.ctx, expected=0, **arguments)
    assert kit.ctx.wait is None


def test_park_times_out_when_the_clock_says_so() -> None:
    kit = Kit(SYSTEM)
    arguments = {
        "address": DATA, "expected": 0, "size": 4, "mask": 1, "timeout": Time(1, 0), "clock": 1,
        "absolute": False,
    }  # fmt: skip
    with pytest.raises(Block) as blocked:
        OPS[Op.PARK](kit.ctx, **arguments)
    assert blocked.value.deadline_ns is not None
    kit.process.kernel.clocks.advance_to(blocked.value.deadline_ns)
    with pytest.raises(Errno) as caught:
        OPS[Op.PARK](kit.ctx, **arguments)
    assert caught.value.code is E.TIMEDOUT
    assert kit.process.kernel.park.waiting() == 0


def test_sleeping_blocks_until_the_deadline() -> None:
    kit = Kit(SYSTEM)
    with pytest.raises(Block) as blocked:
        OPS[Op.NANOSLEEP](kit.ctx, clock=Clock.MONOTONIC, time=Time(2, 5), absolute=False)
    deadline = blocked.value.deadline_ns
    assert deadline is not None
    kit.process.kernel.clocks.advance_to(deadline)
    OPS[Op.NANOSLEEP](kit.ctx, clock=Clock.MONOTONIC, time=Time(2, 5), absolute=False)
    assert kit.ctx.wait is None


def test_requeue_moves_waiters_to_where_the_lock_is() -> None:
    kit = Kit(SYSTEM)
    park = kit.process.kernel.park
    tickets = [park.enqueue((kit.mem.ident, DATA)) for _ in range(3)]
    futex = {"FUTEX_REQUEUE": 3, "FUTEX_CMP_REQUEUE": 4}
    assert kit.call("futex", DATA, futex["FUTEX_CMP_REQUEUE"], 1, 9, DATA + 4, 77) == -11
    assert kit.call("futex", DATA, futex["FUTEX_CMP_REQUEUE"], 1, 9, DATA + 4, 0) == 3
    assert [t.woken for t in tickets] == [True, False, False]
    assert kit.call("futex", DATA, 1, 9) == 0
    assert kit.call("futex", DATA + 4, futex["FUTEX_REQUEUE"], 1, 0, DATA, 0) == 1
    assert kit.call("futex", DATA + 4, 1 | 128, 9) == 1
    assert kit.call("futex", DATA + 1, 1, 9) in (0, -22)
