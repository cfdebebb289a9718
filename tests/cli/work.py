"""Workers for batches: what they do is in the file they are given."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from aot.cli.batching.model import Choice
from aot.cli.batching.worker import translate_one

ASKED = b"\x7fELF do:"  # the head makes it a candidate


def obey(source: str, temporary: str, choice: Choice) -> dict[str, Any]:
    """Crash, hang, leave or raise as the file says; translate what says nothing."""
    raw = Path(source).read_bytes()
    match raw.removeprefix(ASKED):
        case b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"hang":
            time.sleep(600)
        case b"leave":
            sys.exit(3)
        case b"half":
            Path(temporary).write_bytes(b"half an output")
            os.kill(os.getpid(), signal.SIGKILL)
    return translate_one(source, temporary, choice)
