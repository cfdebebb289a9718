"""Workers for batches: what they do is in the file they are given."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator
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


def noted(source: str, temporary: str, choice: Choice) -> dict[str, Any]:
    """Translate, and note it in the state directory of the output."""
    with (Path(temporary).parents[1] / "notes").open("a") as notes:
        notes.write("x")
    return obey(source, temporary, choice)


def greedy(source: str, temporary: str, choice: Choice) -> dict[str, Any]:
    """Take memory for ever where the file says so."""
    kept = []
    while Path(source).read_bytes() == ASKED + b"greedy":
        kept.append(bytes(16 << 20))
    return translate_one(source, temporary, choice)


def sleep(seconds: float) -> dict[str, Any]:
    """Do nothing for long."""
    time.sleep(seconds)
    return {"outcome": "slept"}


def count(end: int) -> Generator[dict[str, Any], None, dict[str, Any]]:
    """Tell numbers."""
    for number in range(end):
        yield {"found": number}
    return {"outcome": "counted"}


def vanish(source: str, temporary: str, choice: Choice) -> dict[str, Any]:
    """Translate, but the first file of a folder, which is not there any more."""
    if Path(source).name == "a":
        Path(source).unlink()
    return translate_one(source, temporary, choice)
