"""Second oracles: what else than our own analysis says that an address objdump prints is no instruction."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.oracle.objdump import Listing, missing

FRAME = re.compile(r"FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)")
FUNCTION = re.compile(r"^ *\d+: ([0-9a-f]+) +(\w+) FUNC ", re.M)
TERMINATORS = ("ret", "b", "br", "brk", "udf")
NEAR = 512  # bytes around the address


def _readelf(option: str, path: Path) -> str:
    if shutil.which("readelf") is None:
        missing("readelf", "apt-get install binutils")
    command = ["readelf", "-W", option, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300).stdout


def outside_frames(path: Path, listing: Listing, address: int) -> bool:
    """In no unwind range or function symbol, nothing branches near it, its surroundings do not decode."""
    dump = _readelf("--debug-dump=frames", path)
    frames = [(int(low, 16), int(high, 16)) for low, high in FRAME.findall(dump)]
    symbols = FUNCTION.findall(_readelf("-s", path))
    functions = [(int(start, 16), int(start, 16) + int(size, 0)) for start, size in symbols]
    if not frames or any(low <= address < high for low, high in (*frames, *functions)):
        return False
    if any("(bad)" in f"{name}{operands}" for _, name, operands in listing.around(address, NEAR)):
        return not _proper_targets(listing, frames) & set(range(address - 64, address + 1))
    return False


def _proper_targets(listing: Listing, frames: list[tuple[int, int]]) -> set[int]:
    """Branch targets of instructions that lie inside unwind ranges."""
    inside: list[tuple[int, str, str]] = []
    for low, high in frames:
        inside += listing.around((low + high) // 2, (high - low + 1) // 2)
    return Listing(listing.arch, inside).branch_targets


def after_return(_path: Path, listing: Listing, address: int) -> bool:
    """The instruction before never falls through and no branch of the file goes to it."""
    _, name, _ = listing.before(address)
    return name in TERMINATORS and address not in listing.branch_targets


ORACLES = {"outside_frames": outside_frames, "after_return": after_return}
