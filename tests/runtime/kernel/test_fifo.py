"""Named pipes in memory: an end waits for the other, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from aot.personality.abi.neutral import CWD, Open
from aot.personality.abi.op import Op
from aot.personality.linux.system import SYSTEM
from runtime.kernel.leave import Block
from tests.runtime.kernel.kit import OPS, Kit

FIFO = 0o010644


def test_a_reader_waits_until_somebody_writes() -> None:
    reader = Kit(SYSTEM).ctx
    OPS[Op.MKNODAT](reader, dirfd=CWD, path=b"/pipe", mode=FIFO, dev=0)
    opening: dict[str, Any] = {"dirfd": CWD, "path": b"/pipe", "mode": 0}
    for _ in range(2):  # and when it looks again
        with pytest.raises(Block) as waits:
            OPS[Op.OPENAT](reader, flags=Open.READ, **opening)
        assert waits.value.ready is not None and not waits.value.ready()
        assert not waits.value.fds  # the host says of a pipe without writers that it came to its end
    waiting, reader.wait = reader.wait, None
    writer = OPS[Op.OPENAT](reader, flags=Open.WRITE, **opening)
    assert waits.value.ready()
    reader.wait = waiting
    assert OPS[Op.OPENAT](reader, flags=Open.READ, **opening) == writer + 1
