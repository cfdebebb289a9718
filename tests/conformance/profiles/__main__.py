"""Prints the table of call sets: `python -m tests.conformance.profiles`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from aot.cli.profiling.text import one_a_site
from tests.conformance.profiles.cases import CASES, ROOT, Case, static, straced, traced


def line(case: Case, work: Path) -> str:
    """One row of the table."""
    found, seen = static(case), traced(case, work)
    if case.native:
        seen |= straced(case, work)
    share = len(seen & found.names) / len(found.names)
    missed = " ".join(sorted(seen - found.names)) or "none"
    cells = (
        case.name,
        found.whole,
        len(found.names),
        len(seen),
        missed,
        f"{share:.2f}",
        len(one_a_site(found)),
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Run every case."""
    print("| program | whole files | call set | seen | seen, not in the set | precision | open sites |")
    print("|---|---|---|---|---|---|---|")
    for case in CASES:
        with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="profile-") as folder:
            print(line(case, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
