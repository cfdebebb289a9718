"""Damaged copies of real files: the translator says one line or translates, whatever the bytes."""

from __future__ import annotations

import random
import resource
import struct
import time
from pathlib import Path
from typing import Any

from aot.cli.batching.pool import Pool, Task
from aot.errors import AotError, NotProgram
from aot.image.formats import read_image
from aot.personality.abi.personality import Personality
from aot.record import dataclass
from aot.rewrite.verify import verify
from aot.translate import identity_of, translate_file, translate_library

MEMORY = 4 << 30  # bytes of address space
LARGEST = 3 << 20  # bytes of a file that is damaged
BATCH = 20  # copies made by one process
BATCH_S = 900.0
HEAD = 4096  # bytes most damage is done to: headers
SLOW_S = 60.0  # CPU of one mutation that counts as a hang
EXTREME = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    1 << 32,
    1 << 47,
    (1 << 63) - 1,
    (1 << 64) - 1,
)


@dataclass(frozen=True, slots=True)
class Damage:
    """What came of many damaged copies."""

    tried: int
    refused: int
    wrong: tuple[str, ...]  # a line for each that crashed, hung or said more than a line


def batter_all(paths: list[Path], files: int, each: int, jobs: int) -> Damage:
    """`each` mutations of `files` files chosen among `paths`, always the same of the same paths."""
    small = [path for path in paths if path.stat().st_size < LARGEST]
    chosen = random.Random(len(small)).sample(small, min(files, len(small)))
    tasks = [
        Task(f"{path}, seeds from {seed}", (str(path), seed, min(BATCH, each - seed)))
        for path in chosen
        for seed in range(0, each, BATCH)
    ]
    tried = refused = 0
    wrong: list[str] = []
    for task, answer in Pool(batter, jobs, BATCH_S).run(iter(tasks)):
        tried += answer.get("count", 0)
        refused += answer.get("refused", 0)
        wrong += [
            f"{task.arguments[0]} damaged with seed {seed}: {what}" for seed, what in answer.get("wrong", ())
        ]
        if answer["outcome"] == "failed":
            wrong.append(f"{task.path}: {answer['reason']}")
    return Damage(tried, refused, tuple(wrong))


def mutated(raw: bytes, seed: int) -> bytes:
    """`raw` with damage that only depends on `seed`."""
    chance = random.Random(seed)
    out = bytearray(raw)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        room = min(len(out), HEAD) if chance.random() < 0.7 else len(out)
        if room < 16:
            break
        at = chance.randrange(room - 8)
        match chance.randrange(7):
            case 0:
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                out[at] = chance.randrange(256)
            case 2:
                at &= ~7
                out[at : at + 8] = struct.pack("<Q", chance.choice(EXTREME))
            case 3:
                at &= ~3
                out[at : at + 4] = struct.pack("<I", chance.choice(EXTREME) & 0xFFFF_FFFF)
            case 4:
                del out[chance.randrange(len(out)) :]
            case 5:
                size = min(1 << chance.randrange(12), len(out) - at)
                out[at : at + size] = bytes(size)
            case 6:
                source = chance.randrange(len(out))
                part = out[source : source + (1 << chance.randrange(8))]
                out[at : at + len(part)] = part
    return bytes(out)


def attempt(raw: bytes) -> str:
    """What translating `raw` says; a program, or a library where it is one. AotError is the only exception let in."""
    try:
        try:
            translated = translate_file(raw)
        except NotProgram:
            if not raw.startswith(b"\x7fELF"):
                raise
            translate_library(raw, Personality(identity_of(read_image(raw, analysis=True)).personality))
            return ""
    except AotError as error:
        return str(error)
    verify(translated, raw)
    return ""


def batter(path: str, first: int, count: int) -> dict[str, Any]:
    """Try `count` mutations of the file at `path`; runs in a process of its own. What went wrong, by seed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    raw = Path(path).read_bytes()
    wrong: list[tuple[int, str]] = []
    refused = 0
    for seed in range(first, first + count):
        begin = time.process_time()
        try:
            said = attempt(mutated(raw, seed))
        except Exception as error:  # noqa: BLE001 - what is looked for
            said = ""
            wrong.append((seed, f"{type(error).__name__}: {error} {_where(error)}"))
        refused += bool(said)
        if "\n" in said:
            wrong.append((seed, f"more than a line: {said!r}"))
        if time.process_time() - begin > SLOW_S:
            wrong.append((seed, f"{time.process_time() - begin:.0f} s"))
    return {"outcome": "", "wrong": wrong, "refused": refused, "count": count}


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    last = ""
    while trace is not None:
        last = f"({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return last
