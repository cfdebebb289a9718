"""Which calls guest code can answer itself, and when: the words of the kernel's data page that hold the answer.

An inline stub makes the tests in order; where one fails the call goes to the kernel like any bound call. A test reads
arguments and what the kernel keeps current, so that a call which passes all of them is one whose handler would answer
the same and do nothing else.
"""

from __future__ import annotations

from aot.record import dataclass


@dataclass(frozen=True, slots=True)
class OneOf:
    """The low 32 bits of an argument are one of these values."""

    argument: int  # its position
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Zero:
    """A data word is 0."""

    word: str  # the name of a DataWord


@dataclass(frozen=True, slots=True)
class Unwaited:
    """Nobody waits at an address like the one in an argument, which is a multiple of four.

    What is alike is the lowest byte of addresses: the kernel keeps a table of 256 bytes.
    """

    argument: int


Test = OneOf | Zero | Unwaited


@dataclass(frozen=True, slots=True)
class Inline:
    """How one call is answered: its result and second result as names of data words, and when."""

    word: str
    second: str = ""
    when: tuple[Test, ...] = ()
