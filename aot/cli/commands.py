"""The command line's grammar: one group of commands, each imported when it is asked for."""

from __future__ import annotations

import importlib

import click

from aot import __version__
from aot.cli.main import BAD_INPUT, COMMANDS, PROGRAM


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
    helctic-aot translate hello.exe hello.elf    Windows, macOS, Linux, BSD in; native ELF out
    helctic-aot run hello.elf arg1 arg2          run it (or run hello.exe: translated first)
    helctic-aot inspect hello.exe                what would be patched, and how
    """


def invoke(arguments: list[str]) -> int:
    """Parse and run one command line; wrong usage is shown and is status 2."""
    try:
        with cli.make_context(PROGRAM, arguments) as context:
            status = cli.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return BAD_INPUT
    return status if isinstance(status, int) else 0
