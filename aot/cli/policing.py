"""What `run --policy` and `--record-policy` set up, and what they leave behind when the run is over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from aot.cli.files import READABLE, check_output, write_whole
from aot.cli.prepare import read_file

if TYPE_CHECKING:
    from runtime.policy.guard import Guard


@contextlib.contextmanager
def guarding(
    raw: bytes, program: str, policy: Path | None, record: Path | None, log: TextIO
) -> Iterator[Guard | None]:
    """The guard of a run of the native ELF `raw`; what it recorded is written when the run is over.

    Raises ProfileError for a policy that cannot be enforced, FileError for a file that cannot be written.
    """
    if policy is None and record is None:
        yield None
        return
    from aot.image.native_reader import read_native
    from runtime.policy.guard import Guard
    from runtime.policy.read import read_policy
    from runtime.policy.record import Recorder

    if record is not None:
        check_output(record, Path(program))
    rules = None
    if policy is not None:
        rules = read_policy(read_file(policy), str(policy), read_native(raw)[0].arch)
    recorder = None if record is None else Recorder()
    yield Guard(rules, recorder, log.write)
    if record is not None and recorder is not None:
        write_whole(record, recorder.text(program).encode(errors="surrogateescape"), READABLE)
