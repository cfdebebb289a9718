"""Kicks are never lost, and contexts that share an engine keep all of their state."""

from __future__ import annotations

import threading
import time
from typing import Any

from aot.manifest import GateKind
from runtime.cpu.api import Fault, Kick
from runtime.cpu.watchdog import Watchdog
from tests.runtime.cpu.rig import A64, CODE, DATA, GATES, X86, Rig, Thread

SPIN = {X86: "l: inc rax; jmp l", A64: "l: add x0, x0, #1; b l"}
BASES = {X86: ("fs", "gs"), A64: ("tpidr_el0", "tpidrro_el0")}


def test_a_kick_ends_a_loop_that_never_crosses(rig: Rig) -> None:
    rig.load(SPIN[rig.arch])
    thread = rig.thread()
    for _ in range(20):
        timer = threading.Timer(0.002, rig.cpu.kick)
        timer.start()
        before = thread.regs[0]
        assert isinstance(rig.cpu.resume(thread), Kick)
        assert CODE <= thread.regs[-1] < CODE + 16
        assert thread.regs[0] >= before
        timer.join()


def test_every_kick_is_answered_however_it_falls(rig: Rig) -> None:
    """Kicks come at all moments around the start of a run; each ends exactly one resume."""
    rig.load(SPIN[rig.arch])
    thread = rig.thread()
    rounds, seen = 300, 0
    go, done = threading.Semaphore(0), threading.Event()

    def kicker() -> None:
        for i in range(rounds):
            go.acquire()
            if i % 3:
                time.sleep(i % 7 * 0.00003)
            rig.cpu.kick()
        done.set()

    helper = threading.Thread(target=kicker)
    helper.start()
    for _ in range(rounds):
        go.release()
        assert isinstance(rig.cpu.resume(thread), Kick)
        seen += 1
    helper.join()
    assert seen == rounds and done.is_set()


def test_a_kick_never_shows_a_pc_in_stubs_or_gates(rig: Rig) -> None:
    """The guest does nothing but cross; the watchdog kicks all the time."""
    at = CODE
    calls = 0

    def serve(ctx: Any) -> int:
        nonlocal calls
        calls += 1
        return 0

    rig.cpu.doors.sites.append(serve)
    rig.cpu.doors.imports.append(serve)
    for kind in (GateKind.BOUND, GateKind.BOUND_CARRY, GateKind.IMPORT):
        at = rig.put(rig.crossing(kind, 0, at), at)
    rig.load({X86: f"jmp {CODE}", A64: f"b #{CODE}"}[rig.arch], at)
    thread = rig.thread()
    dog = Watchdog(rig.cpu.kick, 0.0005)
    dog.start()
    for _ in range(100):
        assert isinstance(rig.cpu.resume(thread), Kick)
        assert not GATES <= thread.regs[-1] < GATES + 0x1000
        assert not CODE + 0x2000 <= thread.regs[-1] < CODE + 0x4000
    dog.stop()
    assert calls > 100


def _fill(rig: Rig, thread: Thread, seed: int) -> None:
    for i in range(16):
        rig.cpu.set_simd(thread, i, seed << 100 | i << 64 | seed)
    for which in BASES[rig.arch]:
        rig.cpu.set_base(thread, which, DATA + seed * 64)
    rig.cpu.set_flags(thread, (0x40 | 2) if rig.arch is X86 else 1 << 30)


def _check(rig: Rig, thread: Thread, seed: int) -> None:
    for i in range(16):
        assert rig.cpu.get_simd(thread, i) == seed << 100 | i << 64 | seed
    for which in BASES[rig.arch]:
        assert rig.cpu.get_base(thread, which) == DATA + seed * 64


def test_three_contexts_under_preemption(rig: Rig) -> None:
    """Each makes 10,000 calls; registers, vectors and TLS bases stay its own."""
    body = rig.crossing(GateKind.BOUND, 0, CODE + 64)
    if rig.arch is X86:
        at = rig.load("mov rdi, rbx; mov qword ptr fs:[riz*1], rbx; jmp 0x400040")
        at = rig.put(body, CODE + 64)
        rig.load(
            "mov rsi, qword ptr fs:[riz*1]; cmp rsi, rbx; jne bad; inc rbx; cmp rbx, r15;"
            f"jb {CODE}; ud2; bad: int3",
            at,
        )
    else:
        rig.load(f"mov x0, x19; mrs x9, tpidr_el0; str x19, [x9]; b #{CODE + 64}")
        at = rig.put(body, CODE + 64)
        rig.load(
            f"mrs x9, tpidr_el0; ldr x1, [x9]; cmp x1, x19; b.ne bad; add x19, x19, #1; cmp x19, x20;"
            f"b.lo #{CODE}; .word 0; bad: brk #1",
            at,
        )
    counter, limit, argument = (3, 15, 7) if rig.arch is X86 else (19, 20, 0)
    calls = {"a": 0, "b": 0, "c": 0}

    def serve(ctx: Any) -> int:
        assert ctx.regs[argument] == ctx.regs[counter] == calls[ctx.name]
        calls[ctx.name] += 1
        if calls[ctx.name] % 97 == 0:  # the timer alone may come too late on a busy machine
            rig.cpu.kick()
        return 0

    rig.cpu.doors.sites.append(serve)
    threads = []
    for seed, name in enumerate(calls, 1):
        thread = rig.thread(name=name)
        thread.regs[limit] = 10_000
        _fill(rig, thread, seed)
        threads.append((seed, thread))
    dog = Watchdog(rig.cpu.kick, 0.001)
    dog.start()
    running, switches = list(threads), 0
    while running:
        seed, thread = running.pop(0)
        end = rig.cpu.resume(thread)
        _check(rig, thread, seed)
        if isinstance(end, Kick):
            switches += 1
            running.append((seed, thread))
        else:
            assert isinstance(end, Fault) and end.kind.name == "ILLEGAL", end
    dog.stop()
    assert calls == {"a": 10_000, "b": 10_000, "c": 10_000}
    assert switches > 300


def test_flags_survive_a_switch(rig: Rig) -> None:
    rig.program([])
    a, b = rig.thread(), rig.thread()
    value = 0x8D5 | 2 if rig.arch is X86 else 0xF << 28
    rig.cpu.set_flags(a, value)
    rig.cpu.resume(b)
    assert rig.cpu.get_flags(b) != value
    assert rig.cpu.get_flags(a) == value
    rig.cpu.resume(a)
    assert rig.cpu.get_flags(a) == value


def test_a_store_exclusive_fails_across_a_switch(a64: Rig) -> None:
    """Otherwise a value that another context changed and changed back would be stored over."""
    a64.load(f"ldr x1, l; ldxr x2, [x1]; svc #7; stxr w3, x2, [x1]; .word 0; l: .quad {DATA}")
    a64.cpu.doors.trap = lambda ctx, pc, immediate: a64.cpu.kick() or 0
    a, b = a64.thread(), a64.thread()
    assert isinstance(a64.cpu.resume(a), Kick)
    assert isinstance(a64.cpu.resume(a), Fault)
    assert a.regs[3] == 0  # no switch: it succeeds
    a.regs[-1] = CODE
    assert isinstance(a64.cpu.resume(a), Kick)
    a64.cpu.resume(b)
    a64.cpu.resume(a)
    assert a.regs[3] == 1


def test_a_new_context_starts_clean(rig: Rig) -> None:
    rig.program([])
    a, b = rig.thread(), rig.thread()
    _fill(rig, a, 5)
    rig.cpu.resume(a)
    assert rig.cpu.get_simd(b, 3) == 0
    assert rig.cpu.get_base(b, BASES[rig.arch][0]) == 0
    assert b.regs[7] == 0
