"""`verify OUT [--against IN]`: is a translated file what its manifest says."""

from __future__ import annotations

from pathlib import Path

import click

from aot.cli.prepare import read_file
from aot.cli.text import show
from aot.errors import AotError, ImageError, VerifyError


@click.command(short_help="Check a translated file against its manifest and its source.")
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--against",
    "source",
    metavar="IN",
    type=click.Path(path_type=Path),
    help="Also compare with the executable it was made from.",
)
def command(output: Path, source: Path | None) -> None:
    """Check that the native ELF OUT holds what its manifest says.

    Every stub is disassembled again, every patched window is compared with the bytes the manifest names, and
    a second ELF reader must agree. With --against, only the planned ranges may differ from IN.

    \b
    Examples:
      helctic-aot verify hello.elf
      helctic-aot verify hello.elf --against hello.exe
    """
    from aot.rewrite.verify import verify

    raw = read_file(output)
    original = None if source is None else read_file(source)
    try:
        report = verify(raw, original)
    except ImageError as error:
        raise ImageError(f"{source}: {error}") from None
    except AotError as error:
        raise VerifyError(f"{output}: {error}") from None
    classes = ", ".join(f"{count} {name}" for name, count in sorted(report.classes.items())) or "none"
    said = [f"{output}: verified; sites: {classes}; {report.changed_bytes} bytes of the image changed"]
    if source is not None:
        same = report.compared_bytes - report.changed_bytes
        said.append(f"  the other {same} loaded bytes are those of {source}")
    show(said)
