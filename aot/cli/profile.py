"""`profile FILE`: everything a program can ask its system for, as text, JSON or an OCI seccomp profile."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aot.cli.choices import arch_option, nt_build_option, personality_option
from aot.cli.files import READABLE, check_output, write_whole
from aot.cli.text import show

if TYPE_CHECKING:
    from aot.analyze.callset.model import CallSet

MISSED = 1  # status of a comparison that found calls outside the set


@click.command(short_help="Write the calls a program can make; as a seccomp profile, too.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "oci"]),
    default="text",
    show_default=True,
    help="A table, everything known, or a seccomp profile (Linux programs).",
)
@click.option("-o", "output", metavar="OUT", type=click.Path(path_type=Path), help="Write to OUT.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Directory whose linker and libraries a dynamic Linux program loads, for example /.",
)
@click.option(
    "--also",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A library it opens by name, or a program it executes; repeatable.",
)
@click.option("--allow", metavar="CALL[,...]", default="", help="oci: calls to allow besides.")
@click.option(
    "--errno", metavar="NAME", default="EPERM", show_default=True, help="oci: answer to every other."
)
@click.option(
    "--unknown",
    type=click.Choice(["deny", "log", "fail"]),
    default="deny",
    show_default=True,
    help="oci, when the set is not closed: deny what is not in it, let the kernel allow and log it, or fail.",
)
@click.option(
    "--compare",
    "recorded",
    metavar="RECORDED",
    type=click.Path(path_type=Path),
    help="Print the set beside a trace or a recorded policy instead.",
)
@personality_option
@nt_build_option
@arch_option
def command(
    *,
    file: Path,
    form: str,
    output: Path | None,
    root: Path | None,
    also: tuple[Path, ...],
    allow: str,
    errno: str,
    unknown: str,
    recorded: Path | None,
    personality: str | None,
    nt_build: str | None,
    arch: str | None,
) -> int:
    """Write every call that FILE can ask its system for, with who asks.

    The set over-approximates: it holds the calls of all functions that the entry point, addresses in data, and
    imports used by the others can lead to, in the program, and with --root in its linker and libraries. A site
    whose number cannot be decided is named, on standard error too: then the set is not closed.

    An OCI profile is for `docker run --security-opt seccomp=OUT`, podman and runc. It holds what the program
    asks for. What the container runtime itself still has to do under it (execve at least; runc also futex,
    write, close, fcntl and others) is added with --allow. A seccomp filter stays over execve: name what
    the program executes with --also. --compare ends with status 1 when something was seen outside the set.

    \b
    Examples:
      helctic-aot profile ./server
      helctic-aot profile --root / --format oci --allow execve -o server.json /usr/bin/server
      helctic-aot run --trace=calls.txt ./server; helctic-aot profile ./server --compare calls.txt
    """
    from aot.cli.profiling.question import call_set_of

    if output is not None:
        check_output(output, file, *also)
    found = call_set_of(file, personality=personality, nt_build=nt_build, arch=arch, root=root, also=also)
    if recorded is not None:
        from aot.cli.profiling.compared import compare, seen_in

        compared = compare(found, seen_in(recorded, found.arch))
        _write(compared.lines(), output)
        return MISSED if compared.missed else 0
    if form == "oci":
        _write([_oci(found, errno, allow, unknown)], output)
    elif form == "json":
        from aot.cli.profiling.text import as_json

        _write([as_json(found)], output)
    else:
        from aot.cli.profiling.text import lines

        _write(lines(found), output)
    return 0


def _write(lines: Iterable[str], output: Path | None) -> None:
    if output is None:
        show(lines)
    else:
        write_whole(output, "".join(f"{line}\n" for line in lines).encode(), READABLE)


def _oci(found: CallSet, errno: str, allow: str, unknown: str) -> str:
    """The profile's text; what keeps it from being complete goes to standard error."""
    from aot.cli.profiling.oci import error_named, oci, wanted
    from aot.cli.profiling.text import doubts, summary
    from aot.errors import ProfileError

    profile = oci(found, error_named(errno), wanted(allow, found), log=unknown == "log" and not found.closed)
    if not found.closed and unknown == "fail":
        raise ProfileError(f"{summary(found)}; --unknown says what to do")
    if not found.closed:
        sys.stderr.writelines(f"{line}\n" for line in (summary(found), *doubts(found)))
    return json.dumps(profile, indent=2)
