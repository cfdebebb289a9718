"""The entry point: commands loaded on first use; failures become lines and statuses here and only here."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import click

from aot import __version__
from aot.errors import AotError

PROGRAM = "helctic-aot"

# Name of each command and of the module that holds it; only the module asked for is imported.
COMMANDS: tuple[str, ...] = ("translate", "run", "inspect", "verify", "calls", "header")

BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as a shell shows it
PIPE_CLOSED = 141  # 128 + SIGPIPE


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of a first session."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"aot.cli.{cmd_name}").command
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """Translate programs of other operating systems ahead of time and run them.

    \b
    helctic-aot translate hello.exe hello.elf    Windows, Linux or FreeBSD in, native ELF out
    helctic-aot run hello.elf arg1 arg2          run it (or run hello.exe: translated first)
    helctic-aot inspect hello.exe                what would be patched, and how
    """


def serve(arguments: list[str]) -> int:
    """Run one command line and answer its exit status."""
    try:
        with cli.make_context(PROGRAM, arguments) as context:
            status = cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return BAD_INPUT
    except AotError as error:
        print(f"{PROGRAM}: error: {one_line(error)}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # The reader has gone; what is still buffered must not fail again at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    return status if isinstance(status, int) else 0


def one_line(error: AotError) -> str:
    """The message with line breaks and other control characters shown, so that it stays one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(error))


def main() -> NoReturn:
    """Entry point of the console script."""
    sys.exit(serve(sys.argv[1:]))
