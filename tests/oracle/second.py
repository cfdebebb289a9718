"""Second oracles: what else than our own analysis says that an address objdump prints is no instruction."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from aot.image.model import Arch
from tests.oracle.objdump import Listing, missing

FRAME = re.compile(r"FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)")
FUNCTION = re.compile(r"^ *\d+: ([0-9a-f]+) +(\w+) FUNC ", re.M)
TERMINATORS = ("ret", "b", "br", "brk", "udf")
NEAR = 512  # bytes around the address
REACH = 0x1000  # bytes before it in which its function begins


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


def unmentioned(path: Path, listing: Listing, address: int) -> bool:
    """Code behind a return that no branch of the file enters, no word holds and no adrp with its add loads (arm64)."""
    lines = listing.around(address, REACH)
    start = max((a + 4 for a, name, _ in lines if name == "ret" and a < address), default=address)
    if listing.arch is not Arch.AARCH64 or start == address:
        return False
    stretch = range(start, address + 1)
    raw = path.read_bytes()
    words = any(at.to_bytes(8, "little") in raw for at in stretch[::4])
    return not words and not any(target in stretch for target in (*listing.branch_targets, *listing.loaded))


ORACLES = {"outside_frames": outside_frames, "after_return": after_return, "unmentioned": unmentioned}
