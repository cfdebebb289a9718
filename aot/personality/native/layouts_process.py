"""Native struct layouts of processes and timers: every field 64 bits wide."""

from __future__ import annotations

from aot.personality.abi.kinds import InStruct, OutData
from aot.personality.abi.layout import S64, U64, F, Layout
from aot.personality.abi.neutral_process import Capabilities, ClockState, Notice, Place, Schedule, TimerEvent


def _words(name: str, *fields: str) -> Layout:
    return Layout(f"helctic_{name}", 8 * len(fields), tuple(F(n, S64, n) for n in fields))


IDS = _words("ids", "real", "effective", "saved")
SPENT = _words("spent", "own", "children", "now")
CHILD = _words("child", "pid", "uid", "code", "status")
SCHEDULE = _words(
    "schedule", "policy", "priority", "nice", "mask", "reset_on_fork", "runtime", "deadline", "period", "io"
)
EVENT = _words("timer_event", "notice", "signal", "value", "tid")
CAPS = Layout("helctic_caps", 24, tuple(F(n, U64, n) for n in Capabilities._fields))
PLACE = Layout("helctic_place", 16, (F("address", U64, "address"), F("expected", U64, "expected")))
CLOCK_STATE = Layout("helctic_clock_state", 72, (
    *(F(n, S64, n) for n in ("modes", "status", "maxerror", "esterror", "constant", "tolerance", "tick")),
    F("sec", S64, "time.sec"), F("nsec", S64, "time.nsec"),
))  # fmt: skip


def make_event(notice: int, signal: int, value: int, tid: int) -> TimerEvent:
    """A TimerEvent from its words."""
    return TimerEvent(Notice(notice), signal, value, tid)


def make_clock_state(modes: int, **_: int) -> ClockState:
    """What is asked for."""
    return ClockState(modes=modes)


def make_schedule(reset_on_fork: int, **words: int) -> Schedule:
    """A Schedule from its words."""
    return Schedule(reset_on_fork=bool(reset_on_fork), **words)


def make_place(address: int, expected: int) -> Place:
    """A Place from its words."""
    return Place(address, expected)


IN_EVENT = InStruct(EVENT, make_event, optional=True)
IN_SCHEDULE = InStruct(SCHEDULE, make_schedule)
IN_CAPS = InStruct(CAPS, Capabilities)
OUT_MASK = OutData("size")
STRUCTS = (IDS, SPENT, CHILD, SCHEDULE, EVENT, CAPS, PLACE, CLOCK_STATE)
"""What the C header spells out."""
