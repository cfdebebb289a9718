"""FreeBSD's own argument kinds: its structs to and from neutral values."""

from __future__ import annotations

from aot.personality.abi.kinds import OutStruct
from aot.personality.bsd import kinds as shared
from aot.personality.freebsd import layouts as la
from aot.personality.freebsd.flags import SIGNALS

UTIME_NOW, UTIME_OMIT = -1, -2
SIGNAL_KINDS = shared.SignalKinds(SIGNALS, la.SIGSET.size, la.SIGACTION)
TIMES_IN_OPT = shared.file_times(UTIME_NOW, UTIME_OMIT)
STAT_OUT = OutStruct(la.STAT)
