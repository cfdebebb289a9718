"""`run FILE [ARGS...]`: run a native ELF, or a foreign executable that is translated first."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from aot.cli.choices import arch_option, nt_build_option, personality_option
from aot.errors import FileError, SetupError

if TYPE_CHECKING:
    from runtime.kernel.limits import Limits

STDERR = "-"  # value of a bare --trace


class RunCommand(click.Command):
    """Options end at FILE: everything behind it, options included, belongs to the guest."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give a bare `--trace` its value, so that it never swallows FILE."""
        return super().parse_args(ctx, self._explicit_trace(args))

    def _explicit_trace(self, args: list[str]) -> list[str]:
        takes = {
            name for p in self.params if isinstance(p, click.Option) and not p.is_flag for name in p.opts
        }
        out = list(args)
        at = 0
        while at < len(out) and out[at].startswith("-") and out[at] != "--":
            if out[at] == "--trace":
                out[at] = f"--trace={STDERR}"
            at += 2 if out[at] in takes else 1
        return out


@click.command(
    cls=RunCommand,
    short_help="Run a translated or a foreign executable.",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("file", metavar="FILE", type=click.Path())
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--dispatch",
    type=click.Choice(["aot", "dynamic"]),
    default="aot",
    show_default=True,
    help="Serve calls through the patches, or trap and look each one up.",
)
@click.option("--trace", metavar="[=FILE]", help="Write a line per call to FILE (bare: standard error).")
@click.option("--deterministic", is_flag=True, help="Fix clock, random, ids, addresses and switching points.")
@click.option("--root", type=click.Path(path_type=Path), help="Host directory the guest sees as /.")
@click.option(
    "--mount",
    "mounts",
    multiple=True,
    metavar="GUEST=HOST[:ro]",
    help="Show the host directory HOST at GUEST; repeatable.",
)
@click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="Set a variable; repeatable.")
@click.option("--cwd", metavar="GUEST", help="Guest directory to start in.")
@click.option(
    "--net",
    type=click.Choice(["none", "loopback", "host"]),
    default="loopback",
    show_default=True,
    help="Internet sockets: none, inside the run alone, or the host's.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=VALUE[,...]",
    help="Bound the whole run: memory=SIZE, time=SECONDS, cpu=SECONDS, files=N, processes=N.",
)
@click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Allow only what FILE does: a policy (TOML, JSON) or an OCI seccomp profile.",
)
@click.option(
    "--policy-log", metavar="FILE", help="Write what the policy refuses to FILE, not to standard error."
)
@click.option(
    "--record-policy",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a policy that allows what the run does.",
)
@click.option("--stats", is_flag=True, help="Print what was served how, to standard error, at the end.")
@click.option("--argv0", metavar="NAME", help="What the guest sees as argv[0].  [default: FILE]")
@personality_option
@nt_build_option
@arch_option
def command(
    *,
    file: str,
    arguments: tuple[str, ...],
    dispatch: str,
    trace: str | None,
    deterministic: bool,
    root: Path | None,
    mounts: tuple[str, ...],
    env: tuple[str, ...],
    cwd: str | None,
    net: str,
    limits: tuple[str, ...],
    policy: Path | None,
    policy_log: str | None,
    record_policy: Path | None,
    stats: bool,
    argv0: str | None,
    personality: str | None,
    nt_build: str | None,
    arch: str | None,
) -> int:
    """Run FILE with ARGS and exit with its status.

    FILE is the output of `translate`, or any executable `translate` accepts; the latter is translated in
    memory first and the result kept in the user's cache directory. Options end at FILE: what follows it goes
    to the guest as it stands.

    The guest sees the current directory, a private /tmp, the usual devices, and (to read) what $GOROOT and
    $TZDIR name; --root and --mount show it more. Its sockets reach each other and nothing of the host, unless
    --net host says so. A guest killed by a fault ends with 128 plus the signal's number, as in a shell; one
    that reaches a limit of time, or touches more memory than its limit, with 137.

    --record-policy writes the calls a run makes, with the paths and addresses they are about. --policy allows
    that much and no more: another call fails with the error the policy names, in the guest's own form, and is
    logged with its arguments and where it was made. An OCI profile is enforced with its conditions on arguments.

    \b
    Examples:
      helctic-aot run hello.elf arg1 --flag-of-the-guest
      helctic-aot run hello.exe
      helctic-aot run --trace=calls.txt --deterministic hello.elf
      helctic-aot run --limit memory=256M,time=10 hello.elf
      helctic-aot run --record-policy app.toml ./app && helctic-aot run --policy app.toml ./app
      helctic-aot run --mount /data=./input:ro busybox.elf ls -la /data
    """
    from aot.cli.policing import guarding
    from aot.cli.prepare import libraries_of, native_bytes, translate_bytes
    from aot.cli.shown import shown
    from runtime.machine import RunOptions
    from runtime.machine import run as run_machine

    raw, told = native_bytes(Path(file), personality, nt_build, arch), environment(env)
    with (
        text_file(trace, "--trace") as stream,
        text_file(policy_log, "--policy-log") as log,
        guarding(raw, file, policy, record_policy, log or sys.stderr) as guard,
    ):
        options = RunOptions(
            argv=[file if argv0 is None else argv0, *arguments],
            env=told,
            dispatch=dispatch,
            trace=stream,
            deterministic=deterministic,
            root=None if root is None else str(root),
            mounts=[*shown(told, None if root is None else str(root)), *map(mount, mounts)],
            cwd=cwd,
            net=net,
            limits=bounds(limits),
            guard=guard,
            stats=sys.stderr if stats else None,
            errors=sys.stderr,
            forward=True,
            translate=translate_bytes,
            overlay=libraries_of(file),
            file=file,
        )
        return run_machine(raw, options)


@contextlib.contextmanager
def text_file(name: str | None, option: str) -> Iterator[TextIO | None]:
    """The stream that the lines of an option go to: none, standard error, or a file."""
    if name is None or name == STDERR:
        yield None if name is None else sys.stderr
        return
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(Path(name).open("w", encoding="utf-8", errors="backslashreplace"))
        except OSError as error:
            raise FileError(f"{option}: {name}: {error.strerror}") from None
        try:
            yield stream
            stream.flush()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            stack.pop_all()  # closing would only fail again
            raise FileError(f"{option}: {name}: {error.strerror}") from None


def bounds(texts: tuple[str, ...]) -> Limits | None:
    """The limits of --limit. Raises SetupError."""
    if not texts:
        return None
    from runtime.kernel.limits import Limits

    return Limits.parse(texts)


def environment(changes: tuple[str, ...]) -> dict[str, str]:
    """The environment of this process with the --env settings applied."""
    names = dict(os.environ)
    for change in changes:
        name, equals, value = change.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{change!r} is not NAME=VALUE", param_hint="--env")
        names[name] = value
    return names


def mount(text: str) -> tuple[str, str, bool]:
    """(guest path, host path, read-only) of one --mount value."""
    guest, equals, host = text.partition("=")
    read_only = host.endswith(":ro")
    host = host.removesuffix(":ro")
    if not equals or not guest.startswith("/") or not host:
        raise click.BadParameter(f"{text!r} is not /GUEST=HOST[:ro]", param_hint="--mount")
    if not Path(host).exists():
        raise SetupError(f"--mount: {host}: No such file or directory")
    return guest, host, read_only
