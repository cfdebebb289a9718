"""What stands beside a running machine: its clock page, the end of its time, the terminal's modes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aot.manifest import PAGE
from aot.personality.abi.neutral import Clock
from runtime.cpu.watchdog import Watchdog

if TYPE_CHECKING:
    from runtime.expiry import Expiry
    from runtime.machine import Machine
    from runtime.ttymodes import TerminalModes


def expiry_of(machine: Machine) -> Expiry | None:
    """Ends the run when its time is over, where there is a limit."""
    limits, scheduler = machine.options.limits, machine.scheduler
    if limits is None or (limits.time is None and limits.cpu is None):
        return None
    from runtime.expiry import Expiry  # noqa: PLC0415 - with --limit time= or cpu= alone

    def over(words: str) -> None:
        scheduler.over = words
        scheduler.kick()
        if scheduler.bell is not None:
            os.eventfd_write(scheduler.bell, 1)

    expiry = Expiry(limits, over)
    expiry.start()
    return expiry


def ticker_of(machine: Machine) -> Watchdog | None:
    """Keeps the system's clock page current while the guest runs; a deterministic run's stands still."""
    page = machine.system.clock_page
    if page is None or machine.options.deterministic:
        return None
    window, clocks = machine.space.window(page.address, PAGE), machine.process.kernel.clocks

    def tick() -> None:
        for address, data in page.words(clocks.now_ns(Clock.REALTIME), clocks.monotonic_ns()):
            at = address - page.address
            window[at : at + len(data)] = data

    ticker = Watchdog(tick, page.period_s)
    ticker.start()
    return ticker


def terminal_modes() -> TerminalModes | None:
    """The terminal's modes now, where a standard stream is one."""
    if not any(os.isatty(fd) for fd in range(3)):
        return None
    from runtime.ttymodes import TerminalModes  # noqa: PLC0415 - for runs on a terminal alone

    return TerminalModes()
