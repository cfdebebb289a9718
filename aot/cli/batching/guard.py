"""A guarded translation inside the worker of a cluster.

Workers of Dask are daemons, which may not have processes of multiprocessing. Each of their threads therefore has a
companion, an interpreter of its own that runs a Pool of one; it ends when its worker does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path

from aot.cli.batching.engine import Answer, Task
from aot.cli.batching.model import Choice, Limits
from aot.cli.batching.pool import Pool
from aot.errors import SetupError

PACKAGE = Path(__file__).parents[2]
_companions = threading.local()


@cache
def digest() -> str:
    """What the translator is, the same on every machine that has the same files."""
    seen = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        seen.update(f"{path.relative_to(PACKAGE)}\0".encode())
        seen.update(path.read_bytes())
    return seen.hexdigest()


def guarded(
    raw: bytes, choice: tuple[str | None, ...], limits: tuple[float, int], wanted: str
) -> tuple[Answer, bytes]:
    """Translate the file `raw` in a process of its own: the answer, and the translation where there is one.

    Raises SetupError when the translator here is not the one with the digest `wanted`.
    """
    if digest() != wanted:
        raise SetupError(f"the worker on {socket.gethostname()} has another version of helctic-aot")
    try:
        with tempfile.TemporaryDirectory(prefix="helctic-aot-") as folder:
            source, made = Path(folder, "source"), Path(folder, "made")
            source.write_bytes(raw)
            answer = _ask((str(source), str(made), Choice(*choice)), Limits(*limits))
            return answer, made.read_bytes() if answer["outcome"] == "translated" else b""
    except OSError as error:  # it has no room
        return {"outcome": "failed", "reason": f"the worker on {socket.gethostname()}: {error}"}, b""


def _ask(arguments: tuple[str, str, Choice], limits: Limits) -> Answer:
    """Have this thread's companion translate a file."""
    door: Connection | None = getattr(_companions, "door", None)
    if door is None:
        door = _companions.door = _companion()
    try:
        door.send((arguments, limits))
        answer: Answer = door.recv()
    except (EOFError, OSError):
        door.close()
        _companions.door = None
        return {"outcome": "failed", "reason": "the process that guards the translator has ended"}
    return answer


def _companion() -> Connection:
    ours, theirs = socket.socketpair()
    with theirs:
        paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the worker; we end with it
        )
    return Connection(ours.detach())


def _serve(door: Connection) -> None:
    from aot.cli.batching.worker import translate_one

    with contextlib.suppress(EOFError):  # the worker has ended
        while True:
            arguments, limits = door.recv()
            [(_, answer)] = Pool(translate_one, 1, *limits).run([Task("", arguments)])
            door.send(answer)


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))
