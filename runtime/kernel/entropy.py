"""Where random bytes come from: the host, or under --deterministic a fixed sequence."""

from __future__ import annotations

import os
from typing import Protocol

SEED = 0x68656C63


class Entropy(Protocol):
    """A source of random bytes."""

    def randbytes(self, n: int, /) -> bytes: ...


class HostEntropy:
    """The host's own source."""

    randbytes = staticmethod(os.urandom)


def fixed_entropy() -> Entropy:
    """The same bytes in every run."""
    from random import Random  # noqa: PLC0415 - 1 ms of a start that only --deterministic needs

    return Random(SEED)
