"""`translate IN OUT`: a foreign executable in, a native ELF out."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from aot.cli.choices import arch_option, nt_build_option, personality_option
from aot.cli.files import EXECUTABLE, check_output, write_whole


@click.command(short_help="Translate a foreign executable into a native ELF.")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--with-libs",
    is_flag=True,
    help="Translate the libraries of a dynamic program too, into the directory OUT.libs.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("/"),
    show_default=True,
    help="Where --with-libs finds the program's linker and libraries.",
)
@personality_option
@nt_build_option
@arch_option
def command(
    *,
    source: Path,
    output: Path,
    with_libs: bool,
    root: Path,
    personality: str | None,
    nt_build: str | None,
    arch: str | None,
) -> None:
    """Translate the executable IN and write the native ELF OUT.

    IN is a 64-bit ELF, PE or Mach-O program for x86-64 or AArch64. OUT is written whole or not at all, and the
    same input always gives the same bytes.

    A dynamic Linux program runs with the linker and libraries that `run --root` shows it. They are translated
    when it first loads them and kept in the user's cache; with --with-libs that is done here, for everything the
    linker will load, and `run OUT` finds it in OUT.libs. What the program opens by name later is not known here.

    \b
    Examples:
      helctic-aot translate hello.exe hello.elf
      helctic-aot translate --personality freebsd unmarked out.elf
      helctic-aot translate --nt-build wine direct.exe direct.elf
      helctic-aot translate --arch aarch64 universal out.elf
      helctic-aot translate --with-libs --root ./debian-arm64 sqlite3 sqlite3.elf
    """
    check_output(output, source)
    from aot.translate import translate_file

    gc.disable()  # next to nothing is garbage before the process ends

    raw = translate_file(source, personality, nt_build, arch=arch)
    if with_libs:
        from aot.cli.closing import write_libraries

        write_libraries(source, output, root)
    write_whole(output, raw, EXECUTABLE)
