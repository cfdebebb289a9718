"""`make survey`: every file through the translator and two disassemblers; programs run; copies damaged; SURVEY.md.

    python -m tests.survey                     everything, and write SURVEY.md
    python -m tests.survey go testdata         some groups of files, without the page
    python -m tests.survey --keep --accept     take results of an earlier translator; write differences.toml anew

Exit status 1 when a file fails, a difference is not in differences.toml, a run differs, or a damaged copy crashes.
"""

from __future__ import annotations

import sys

import click

from tests.survey.differences import accept, unexplained
from tests.survey.mutations import batter_all
from tests.survey.page import write
from tests.survey.runs import run_all
from tests.survey.sources import GROUPS, gather
from tests.survey.survey import survey

DAMAGED = (50, 60)  # files, copies of each


def tell(text: str) -> None:
    """Progress and problems, as they come."""
    print(text, flush=True)


@click.command()
@click.argument("groups", nargs=-1, type=click.Choice(list(GROUPS)))
@click.option("--jobs", default=2, show_default=True)
@click.option("--keep", is_flag=True, help="Take what an earlier version of the translator gave.")
@click.option("--accept", "accepted", is_flag=True, help="Write differences.toml anew.")
def main(groups: tuple[str, ...], jobs: int, keep: bool, accepted: bool) -> None:
    """Survey GROUPS, or everything."""
    rows = survey(gather(groups or tuple(GROUPS)), jobs, keep, tell)
    if accepted:
        accept(rows)
    wrong = [f"{r.source.name}: {r.facts['reason']}" for r in rows if r.facts["outcome"] == "failed"]
    wrong += unexplained(rows)
    if not groups:
        results = run_all(jobs, keep, tell)
        wrong += [f"{' '.join(r.command)}: {'; '.join(r.differs)}" for r in results if not r.good]
        damaged = batter_all([row.source.path for row in rows if "sites" in row.facts], *DAMAGED, jobs)
        wrong += damaged.wrong
        write(rows, results, (damaged.tried, damaged.refused))
    for line in wrong:
        tell(line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
