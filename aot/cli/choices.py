"""Options that several commands share, and their values."""

from __future__ import annotations

import click

from aot.personality.abi.personality import Personality

NAMES = tuple(p.name.lower() for p in Personality)
ARCHES = ("x86_64", "aarch64")
NT_BUILDS = ("19041", "wine")

personality_option = click.option(
    "--personality",
    type=click.Choice(NAMES, case_sensitive=False),
    help="Use this personality instead of the one the file's evidence names.",
)
arch_option = click.option(
    "--arch",
    type=click.Choice(ARCHES),
    help="Which slice of a universal Mach-O file; needed when it has both.",
)
nt_build_option = click.option(
    "--nt-build",
    type=click.Choice(NT_BUILDS),
    help="Numbers of Windows system calls: a build of Windows 10, or wine's.  [default: 19041]",
)
