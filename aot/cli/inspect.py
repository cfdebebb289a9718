"""`inspect FILE`: sites, numbers, imports, what would be patched and how."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aot.cli.choices import arch_option, nt_build_option, personality_option
from aot.cli.text import show
from aot.errors import IdentifyError


@click.command(short_help="Show sites, numbers and imports, and what is (or would be) patched.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with everything known.")
@click.option(
    "--proofs", is_flag=True, help="Show what proves each number: instructions, in the order they run."
)
@personality_option
@nt_build_option
@arch_option
def command(
    file: Path, as_json: bool, proofs: bool, personality: str | None, nt_build: str | None, arch: str | None
) -> None:
    """Show what FILE asks its system for.

    For a foreign executable: its personality and the evidence for it, the calls it can make (`profile --root` adds
    those of its libraries), every site with its number, the tactic that would patch it, how many call paths
    (sites times callers) have a known number, and every import with the row that serves it. For a translated file:
    its sites and imports, read from its manifest.

    \b
    Examples:
      helctic-aot inspect hello.exe
      helctic-aot inspect --proofs hello
      helctic-aot inspect hello.elf --json | jq '.manifest.sites[] | select(.cls == "dynamic")'
    """
    from aot.cli.inspection import inspect_file

    found = inspect_file(file, personality, nt_build, arch)
    if proofs and found.translated:
        raise IdentifyError(f"{file}: --proofs is for files that are not translated yet")
    if as_json:
        show([json.dumps(found.as_json(), indent=2)])
    else:
        show(found.lines(proofs=proofs))
