"""What tables and headers spell alike: names of flags, of several systems."""

from __future__ import annotations

from collections.abc import Container
from types import ModuleType

from aot.personality.abi.flags import FlagMap, FlagSet
from aot.personality.abi.kinds import Bits, Pick
from aot.personality.bsd import kinds as shared
from aot.personality.bsd.terminal import CC, CFLAG, IFLAG, LFLAG

BSD_TERMINALS = {
    "IGNBRK BRKINT IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IXON IXOFF IXANY IMAXBEL": IFLAG,
    "CS6 CS7 CSTOPB CREAD PARENB PARODD HUPCL CLOCAL": CFLAG,
    "ECHOKE ECHOE ECHOK ECHO ECHONL ECHOPRT ECHOCTL ISIG ICANON IEXTEN TOSTOP NOFLSH": LFLAG,
    "VEOF VEOL VEOL2 VERASE VWERASE VKILL VREPRINT VINTR VQUIT VSUSP VSTART VSTOP VLNEXT VDISCARD "
    "VMIN VTIME": tuple((ours, 0) for ours in CC),
    "SA_ONSTACK SA_RESTART SA_RESETHAND SA_NOCLDSTOP SA_NODEFER SA_NOCLDWAIT SA_SIGINFO": shared.SA,
    "SS_ONSTACK SS_DISABLE": shared.SS,
}
"""Names in the order of the rows, of what 4.4BSD's terminals and signals have in common."""


def flag_words(flags: ModuleType, column: str = "", absent: Container[str] = ()) -> dict[str, int]:
    """Every flag and choice of a table by its own name, but for what headers do not have."""
    out: dict[str, int] = {}
    for value in vars(flags).values():
        kind = value.map if isinstance(value, Bits) else value
        if isinstance(kind, FlagSet):
            kind = kind.of(column)
        if isinstance(kind, FlagMap):
            out |= {name: bits for name, bits, _ in (*kind.bits, *kind.ignored)}
            out |= {name: bits for choice in kind.choices for name, bits, _ in choice.values}
        elif isinstance(kind, Pick):
            out |= {name: number for name, number, _ in kind.values}
    return {name: bits for name, bits in out.items() if name not in absent}
