"""The entry point: failures become lines and statuses here and only here.

Starting up is most of what a short run costs, and the option parser would be a fifth of it. So `run FILE
ARGS` and `run --argv0 NAME FILE ARGS` (what a launcher says), which have nothing to parse, go straight on;
every other line goes to commands.py.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from aot.errors import AotError

PROGRAM = "helctic-aot"

# Name of each command and of the module that holds it; only the module asked for is imported.
COMMANDS: tuple[str, ...] = (
    "translate", "run", "inspect", "profile", "verify", "compare", "batch", "calls", "header",
)  # fmt: skip

BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as a shell shows it
PIPE_CLOSED = 141  # 128 + SIGPIPE


def serve(arguments: list[str]) -> int:
    """Run one command line and answer its exit status."""
    try:
        status = dispatch(arguments)
        if sys.stdout is not None:  # None: the caller closed it
            sys.stdout.flush()
    except AotError as error:
        print(f"{PROGRAM}: error: {one_line(error)}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # The reader has gone; what is still buffered must not fail again at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def dispatch(arguments: list[str]) -> int:
    """Serve a plain run directly, leave every other line to the parser."""
    plain = plain_run(arguments)
    if plain is not None:
        from aot.cli.execute import execute

        return execute(*plain)
    gc.enable()
    from aot.cli.commands import invoke

    return invoke(arguments)


def plain_run(arguments: list[str]) -> tuple[str, list[str]] | None:
    """(FILE, the guest's argv) of a run without options but --argv0, else None; options end at FILE."""
    match arguments:
        case ["run", "--argv0", name, file, *rest] if not file.startswith("-"):
            return file, [name, *rest]
        case ["run", file, *rest] if not file.startswith("-"):
            return file, [file, *rest]
    return None


def one_line(error: AotError) -> str:
    """The message with line breaks and other control characters shown, so that it stays one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(error))


def main() -> NoReturn:
    """Entry point of the console script."""
    gc.disable()  # nothing that the start of a run makes is garbage; `execute.collect` turns it on again
    status = serve(sys.argv[1:])
    # Everything is written and closed; taking the interpreter down would cost a fifth of a start.
    if sys.stderr is not None:
        sys.stderr.flush()
    os._exit(status)
