"""What /proc/<pid> says of a process's memory, and the memory itself."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import FileType, Open, Stat, Whence, major, minor
from runtime.kernel.context import Process
from runtime.kernel.node import File, Node, total
from runtime.kernel.regions import LOCKED, Region
from runtime.kernel.residence import bytes_there
from runtime.kernel.schemes.proc.nodes import Facts

PAGE = 4096
_SMAPS = ("Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Pss_Dirty", "Shared_Clean", "Shared_Dirty",
          "Private_Clean", "Private_Dirty", "Referenced", "Anonymous", "KSM", "LazyFree", "AnonHugePages",
          "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb", "Swap", "SwapPss",
          "Locked")  # fmt: skip


def _line(r: Region) -> str:
    """One mapping. From: fs/proc/task_mmu.c show_map_vma."""
    rights = "".join(c if r.prot & bit else "-" for c, bit in (("r", 4), ("w", 2), ("x", 1)))
    dev, ino = r.file.ident if r.file is not None else (0, 0)
    line = f"{r.start:08x}-{r.end:08x} {rights}{'s' if r.shared else 'p'} {r.offset if r.file else 0:08x} "
    line += f"{major(dev):02x}:{minor(dev):02x} {ino} "
    return f"{line:<73}{r.name}\n" if r.name else line + "\n"


def maps(process: Process) -> bytes:
    """Every mapping, a line each."""
    return "".join(map(_line, _regions(process))).encode()


def _regions(process: Process) -> list[Region]:
    return [] if process.status is not None else list(process.mem.shown())


def there_of(process: Process, region: Region) -> int:
    """Bytes of a mapping in memory; in a deterministic run those that could be, which stubs do not change."""
    if process.kernel.deterministic:
        return region.size if region.extent is not None and region.prot else 0
    return bytes_there(process.mem, region)


def smaps(process: Process) -> bytes:
    """Every mapping with its sizes: what is mapped and has frames counts as private and dirty."""
    out = []
    for r in _regions(process):
        size = (r.end - r.start) // 1024
        there = there_of(process, r) // 1024
        values = {"Size": size, "KernelPageSize": 4, "MMUPageSize": 4, "Rss": there, "Pss": there,
                  "Pss_Dirty": there, "Private_Dirty": there, "Referenced": there,
                  "Anonymous": there if r.file is None else 0, "Locked": there if r.traits & LOCKED else 0}  # fmt: skip
        out.append(_line(r))
        out += [f"{name + ':':<16}{values.get(name, 0):>8} kB\n" for name in _SMAPS]
        flags = "".join(f"{f} " for f, bit in (("rd", 4), ("wr", 2), ("ex", 1)) if r.prot & bit)
        out.append(f"THPeligible:           0\nVmFlags: {flags}{'sh ' if r.shared else ''}mr mw me \n")
    return "".join(out).encode()


def rollup(process: Process) -> bytes:
    """The sums of smaps."""
    regions = _regions(process)
    if not regions:
        return b""
    there = sum(there_of(process, r) for r in regions) // 1024
    head = f"{regions[0].start:08x}-{regions[-1].end:08x} ---p 00000000 00:00 0 "
    rows = [
        f"{name + ':':<16}{there if name in ('Rss', 'Pss', 'Private_Dirty') else 0:>8} kB\n"
        for name in _SMAPS[3:]
    ]
    return (f"{head:<73}[rollup]\n" + "".join(rows)).encode()


def auxv(process: Process) -> bytes:
    """The auxiliary vector, where the start put it: behind the arguments and the environment."""
    at: int = process.data.get("stack_start", 0)
    if not at or process.status is not None:
        return b""
    mem = process.mem
    count = int.from_bytes(mem.peek(at, 8), "little")
    at += 8 * (count + 2)
    while any(mem.peek(at, 8)):
        at += 8
    at += 8
    found = b""
    while len(found) < PAGE and (not found or any(found[-16:-8])):
        found += mem.peek(at + len(found), 16)
    return found


class MemoryFile(File):
    """/proc/<pid>/mem: whatever is mapped may be read and written, as a debugger may."""

    seekable = True

    def __init__(self, node: Node, flags: Open, process: Process) -> None:
        super().__init__(node, flags)
        self.process, self.at = process, 0

    def read(self, buf: Buffers) -> int:
        count = self.read_at(buf, self.at)
        self.at += count
        return count

    def write(self, buf: Buffers) -> int:
        count = self.write_at(buf, self.at)
        self.at += count
        return count

    def _reach(self, offset: int, size: int) -> int:
        """How much is mapped without a gap from `offset` on. Raises IO when nothing is."""
        if self.process.status is not None or not size:
            return 0
        layout, end = self.process.mem.layout, offset
        while end < offset + size and (region := layout.at(end)) is not None:
            end = region.end
        if end == offset:
            raise Errno(E.IO)
        return min(end, offset + size) - offset

    def read_at(self, buf: Buffers, offset: int) -> int:
        size = self._reach(offset, total(buf))
        at = offset
        for piece in buf:
            part = min(len(piece), offset + size - at)
            if part <= 0:
                break
            piece[:part] = self.process.mem.peek(at, part)
            at += part
        return size

    def write_at(self, buf: Buffers, offset: int) -> int:
        data = b"".join(bytes(piece) for piece in buf)
        size = self._reach(offset, len(data))
        self.process.mem.poke(offset, data[:size])
        return size

    def seek(self, offset: int, whence: Whence) -> int:
        base = {Whence.SET: 0, Whence.CUR: self.at}.get(whence)
        if base is None:
            raise Errno(E.INVAL)
        self.at = (base + offset) & 0xFFFF_FFFF_FFFF_FFFF
        return self.at


class MemoryNode(Node):
    """The memory of a process as a file: for processes of the same user."""

    def __init__(self, facts: Facts, process: Process) -> None:
        self.facts, self.process = facts, process

    def stat(self) -> Stat:
        return self.facts.stat(FileType.REGULAR)

    def open(self, flags: Open) -> File:
        if flags & Open.DIRECTORY:
            raise Errno(E.NOTDIR)
        return MemoryFile(self, flags, self.process)
