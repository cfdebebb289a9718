"""Where the translator and the two disassemblers do not agree on a trap, and who decides."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from aot.image.model import Arch
from aot.record import dataclass
from tests.oracle.objdump import Listing, disassemble
from tests.oracle.second import ORACLES
from tests.survey.survey import Row

LIST = Path(__file__).parent / "differences.toml"


@dataclass(frozen=True, slots=True)
class Difference:
    """One address that is a site for some and not for others."""

    address: int
    ours: bool
    by: tuple[str, ...]  # disassemblers that print a trap there
    reason: str  # ours, why it is no site


@dataclass(frozen=True, slots=True)
class Known:
    """Differences of one file that differences.toml lists: reason and second oracle by address."""

    reasons: dict[int, str]
    confirmed: dict[int, str]


def differences(row: Row) -> list[Difference]:
    """Addresses on which not everybody who could read the file agrees."""
    printed = {o: {a for a, _ in said["traps"]} for o, said in row.printed.items() if "traps" in said}
    ours = set(row.facts.get("sites", ()))
    why = dict(map(tuple, row.facts.get("refused", ())))
    everywhere = ours.union(*printed.values())
    agreed = ours.intersection(*printed.values()) if printed else ours
    return [
        Difference(
            a, a in ours, tuple(o for o, traps in printed.items() if a in traps), why.get(a, "no byte match")
        )
        for a in sorted(everywhere - agreed)
    ]


def confirmation(row: Row, difference: Difference, asked: str = "") -> str:
    """Which second oracle takes our side: the other disassembler, or what the file's own structure says; "" for none."""
    read = [oracle for oracle, said in row.printed.items() if "traps" in said]
    for oracle in read:
        if (oracle in difference.by) is difference.ours and asked in ("", oracle):
            return oracle
    if difference.ours or asked in read:
        return ""
    listing = _listing(row.source.path, Arch(row.facts["arch"]))
    for name in [asked] if asked else list(ORACLES):
        if ORACLES[name](row.source.path, listing, difference.address):
            return name
    return ""


@lru_cache(maxsize=1)
def _listing(path: Path, arch: Arch) -> Listing:
    return disassemble(path, arch)


def listed() -> dict[str, Known]:
    """What differences.toml holds, by the file's sha256."""
    out: dict[str, Known] = {}
    for file in tomllib.loads(LIST.read_text()).get("file", ()):
        known = out[file["sha256"]] = Known({}, {})
        for entry in file["difference"]:
            for address in entry["addresses"]:
                known.reasons[address] = entry["reason"]
                known.confirmed[address] = entry["confirmed"]
    return out


def unexplained(rows: Iterable[Row], strict: bool = True) -> Iterator[str]:
    """A line for every difference that is not listed or not confirmed.

    Unless `strict`, builds of files that are not listed need no entry: the second oracle alone decides.
    """
    known = listed()
    for row in rows:
        entry = known.get(row.content)
        for difference in differences(row):
            oracle = entry.confirmed.get(difference.address, "") if entry else ""
            if not oracle and (strict or entry):
                yield f"{row.source.name}: {difference.address:#x} is not in {LIST.name}: {difference}"
            elif not confirmation(row, difference, oracle):
                yield f"{row.source.name}: {difference.address:#x} is not confirmed: {difference}"


REASONS = {
    "after_return": "filler or dead code behind a return, to which nothing branches",
    "unmentioned": "a function to which nothing leads: no branch, no pointer",
    "outside_frames": "data in code: in no unwind range and no function, among bytes that are no instructions",
}
HEAD = """# Addresses on which the translator and a disassembler do not agree, with the reason and who confirms it:
# the other disassembler (gnu, llvm), or a second oracle of tests/oracle/second.py, which is run every time.
# `python -m tests.survey --accept` writes this file; what nobody confirms it leaves out, and the survey fails.
"""


def accept(rows: Iterable[Row]) -> None:
    """Write differences.toml anew: everything that differs and is confirmed."""
    parts = [HEAD]
    for row in rows:
        grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
        for difference in differences(row):
            oracle = confirmation(row, difference)
            if oracle:
                grouped[_reason(difference, oracle), oracle].append(difference.address)
        if grouped:
            parts.append(
                f'[[file]]\nname = "{row.source.group}: {row.source.name}"\nsha256 = "{row.content}"\n'
            )
        for (reason, oracle), addresses in grouped.items():
            numbers = ", ".join(map(hex, addresses))
            parts.append(
                f'[[file.difference]]\naddresses = [{numbers}]\nreason = "{reason}"\nconfirmed = "{oracle}"\n'
            )
    LIST.write_text("\n".join(parts))


def _reason(difference: Difference, oracle: str) -> str:
    if difference.ours:
        return "code that a linear sweep does not meet in step"
    return REASONS.get(
        oracle, difference.reason.partition(" in ")[0].partition(" at 0x")[0].replace('"', "'")
    )
