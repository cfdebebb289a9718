"""What a Windows process finds when it starts: TEB, PEB, parameters, module list, shared data, TLS."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

from aot.personality.abi.layout import align_up
from aot.personality.abi.start import StartFacts, StartSpace, StartState
from aot.personality.windows import layouts as la
from aot.personality.windows.modules import MODULE_SIZE, MODULES, headers
from aot.personality.windows.paths import from_guest
from aot.personality.windows.text import environment_block, from_host, join, wide

EPOCH = 116_444_736_000_000_000  # 1970 in 100 ns since 1601
TICK_MULTIPLIER = 0x0FA0_0000  # 15.625 ms ticks, 24-bit fraction
BUILD, MAJOR, MINOR = 19041, 10, 0
HEAP = 0x1_0000  # size of the page range whose address is the process heap's handle
QPC_FREQUENCY = 10_000_000
ROOT = "C:\\Windows"
DLL_PROCESS_ATTACH = 1
RETURNED = "thread_returned"  # the function of ours that a thread's entry returns to
HANDLE_OF_FD = 4  # handle of descriptor n is 4 * (n + 1)
PROCESSOR_FEATURES = {"x86_64": (2, 3, 6, 8, 9, 10, 12, 13, 14), "aarch64": (3, 9, 18, 19, 30, 31, 34)}
MACHINE = {"x86_64": 9, "aarch64": 12}
CONSOLE, GUI = 3, 2


class Arena:
    """Bump allocation of process data in one mapping; strings are written where they land."""

    def __init__(self, space: StartSpace, size: int, name: str) -> None:
        self._space = space
        self._at = space.map(align_up(size, 0x1000), name=name)

    def take(self, size: int, align: int = 16) -> int:
        """Address of `size` zero bytes."""
        at = align_up(self._at, align)
        self._at = at + size
        return at

    def put(self, data: bytes, align: int = 16) -> int:
        """Address of a copy of `data`."""
        at = self.take(len(data), align)
        self._space.poke(at, data)
        return at

    def string(self, where: int, text: str, room: int = 0) -> None:
        """A UNICODE_STRING at `where`, its characters here; `room` bytes at least."""
        raw = wide(text)
        size = max(len(raw) + 2, room)
        self._space.poke(where, struct.pack("<HH4xQ", len(raw), size, self.put(raw.ljust(size, b"\0"))))


def ksystem_time(value: int) -> bytes:
    """A KSYSTEM_TIME: low, high, high again."""
    return struct.pack("<III", value & 0xFFFF_FFFF, value >> 32 & 0xFFFF_FFFF, value >> 32 & 0xFFFF_FFFF)


def shared_data_times(realtime_ns: int, monotonic_ns: int) -> tuple[tuple[int, bytes], ...]:
    """(address, bytes) of the clocks in KUSER_SHARED_DATA; to be written again as time passes."""
    ticks = monotonic_ns // 15_625_000
    return (
        (la.SHARED_DATA + la.SHARED["InterruptTime"], ksystem_time(monotonic_ns // 100)),
        (la.SHARED_DATA + la.SHARED["SystemTime"], ksystem_time(realtime_ns // 100 + EPOCH)),
        (la.SHARED_DATA + la.SHARED["TickCountQuad"], ksystem_time(ticks)),
    )


def refresh(poke: Callable[[int, bytes], None], realtime_ns: int, monotonic_ns: int) -> None:
    """Bring the shared page's clocks up to date."""
    for address, data in shared_data_times(realtime_ns, monotonic_ns):
        poke(address, data)


def _shared_data(space: StartSpace, facts: StartFacts) -> None:
    space.map(0x1000, at=la.SHARED_DATA, prot=4, name="[shared data]")
    fields = la.SHARED

    def put(name: str, code: str, *values: int) -> None:
        space.poke(la.SHARED_DATA + fields[name], struct.pack("<" + code, *values))

    put("TickCountMultiplier", "I", TICK_MULTIPLIER)
    space.poke(la.SHARED_DATA + fields["NtSystemRoot"], wide(ROOT))
    put("NtBuildNumber", "I", BUILD)
    put("NtProductType", "I", 1)
    put("ProductTypeIsValid", "B", 1)
    put("NativeProcessorArchitecture", "H", MACHINE[facts.arch])
    put("NtMajorVersion", "I", MAJOR)
    put("NtMinorVersion", "I", MINOR)
    put("QpcFrequency", "Q", QPC_FREQUENCY)
    put("ActiveProcessorCount", "I", 1)
    for feature in PROCESSOR_FEATURES[facts.arch]:
        space.poke(la.SHARED_DATA + fields["ProcessorFeatures"] + feature, b"\1")
    refresh(space.poke, facts.realtime_ns, facts.monotonic_ns)


def _parameters(space: StartSpace, facts: StartFacts) -> int:
    environment = environment_block(facts.env)
    arguments = tuple(from_host(a) for a in facts.argv)
    command_line = join(arguments)
    image = from_guest(facts.exec_path)
    size = la.PARAMETERS_SIZE + len(environment) + 2 * len(command_line) + 8 * len(image) + 0x2000
    arena = Arena(space, size, "[parameters]")
    at = arena.take(la.PARAMETERS_SIZE)
    offset = la.PARAMETERS
    space.poke(at, struct.pack("<IIII", la.PARAMETERS_SIZE, la.PARAMETERS_SIZE, 1, 0))  # 1: normalized
    handles = (HANDLE_OF_FD * (fd + 1) for fd in range(3))
    space.poke(at + offset["hStdInput"], struct.pack("<QQQ", *handles))
    cwd = from_guest(facts.cwd)
    arena.string(at + offset["CurrentDirectory"], cwd if cwd.endswith("\\") else cwd + "\\", 0x208)
    arena.string(at + offset["DllPath"], f"{ROOT}\\system32")
    arena.string(at + offset["ImagePathName"], image)
    arena.string(at + offset["CommandLine"], command_line)
    arena.string(at + offset["WindowTitle"], image)
    arena.string(at + offset["Desktop"], "")
    arena.string(at + offset["ShellInfo"], "")
    space.poke(at + offset["Environment"], struct.pack("<Q", arena.put(environment)))
    space.poke(at + offset["EnvironmentSize"], struct.pack("<Q", len(environment)))
    return at


def _links(space: StartSpace, head: int, nodes: Iterable[int]) -> None:
    """Write a circular LIST_ENTRY chain through `head` and `nodes`."""
    ring = [head, *nodes]
    for i, node in enumerate(ring):
        space.poke(node, struct.pack("<QQ", ring[(i + 1) % len(ring)], ring[i - 1]))


def _loader_data(space: StartSpace, facts: StartFacts, bases: dict[str, int]) -> int:
    program = from_guest(facts.exec_path)
    entries = [(facts.image_base, facts.entry, facts.image_end - facts.image_base, program)]
    entries += [(base, 0, MODULE_SIZE, f"{ROOT}\\system32\\{name}") for name, base in bases.items()]
    room = la.LDR_DATA_SIZE + sum(la.LDR_ENTRY_SIZE + 64 + 6 * len(e[3]) for e in entries)
    arena = Arena(space, room + 0x100, "[ldr]")
    data = arena.take(la.LDR_DATA_SIZE)
    space.poke(data, struct.pack("<IB", la.LDR_DATA_SIZE, 1))
    nodes = []
    for base, entry, size, path in entries:
        at = arena.take(la.LDR_ENTRY_SIZE)
        nodes.append(at)
        offset = la.LDR_ENTRY
        space.poke(at + offset["DllBase"], struct.pack("<QQI", base, entry, size))
        arena.string(at + offset["FullDllName"], path)
        arena.string(at + offset["BaseDllName"], path.rpartition("\\")[2])
        space.poke(at + offset["Flags"], struct.pack("<IHH", 0x4000, 0xFFFF, 0xFFFF))
    lists = ("InLoadOrder", "InMemoryOrder", "InInitializationOrder")
    for i, name in enumerate(lists):
        chained = nodes if i < 2 else nodes[1:]
        head = data + la.LDR_DATA[f"{name}ModuleList"]
        _links(space, head, [n + la.LDR_ENTRY[f"{name}Links"] for n in chained])
    for node in nodes[:1]:  # the program itself is in no initialization order
        at = node + la.LDR_ENTRY["InInitializationOrderLinks"]
        space.poke(at, struct.pack("<QQ", at, at))
    return data


def map_modules(space: StartSpace) -> dict[str, int]:
    """Pages that stand for the system's libraries: file name -> base, in load order."""
    first = space.map(MODULE_SIZE * len(MODULES), prot=4, name="[libraries]")
    bases = {name: first + MODULE_SIZE * i for i, name in enumerate(MODULES)}
    for name, base in bases.items():
        space.poke(base, headers(name))
    return bases


def _static_tls(space: StartSpace, facts: StartFacts, teb: int) -> None:
    """The TLS vector of the first thread: module 0 is the program."""
    vector = space.map(0x1000, name="[tls vector]")
    space.poke(teb + la.TEB["ThreadLocalStoragePointer"], struct.pack("<Q", vector))
    if facts.tls is None:
        return
    template, filled, size, align = facts.tls
    block = align_up(space.map(align_up(size + align + 16, 0x1000), name="[tls]"), max(align, 16))
    if filled:
        space.poke(block, space.peek(template, filled))
    space.poke(vector, struct.pack("<Q", block))
    if facts.tls_index_slot:
        space.poke(facts.tls_index_slot, bytes(4))


def _peb(space: StartSpace, facts: StartFacts, parameters: int, ldr: int) -> int:
    at = space.map(la.PEB_SIZE, name="[peb]")
    heap = space.map(HEAP, name="[heap]")

    def put(name: str, code: str, *values: int) -> None:
        space.poke(at + la.PEB[name], struct.pack("<" + code, *values))

    put("ImageBaseAddress", "Q", facts.image_base)
    put("Ldr", "Q", ldr)
    put("ProcessParameters", "Q", parameters)
    put("ProcessHeap", "Q", heap)
    put("FastPebLock", "Q", at + 0x800)
    put("NumberOfProcessors", "I", 1)
    put("NumberOfHeaps", "II", 1, 16)
    put("ProcessHeaps", "Q", at + 0x900)
    space.poke(at + 0x900, struct.pack("<Q", heap))
    put("OSMajorVersion", "II", MAJOR, MINOR)
    put("OSBuildNumber", "H", BUILD)
    put("OSPlatformId", "I", 2)
    put("ImageSubSystem", "III", facts.subsystem or CONSOLE, MAJOR, MINOR)
    put("SessionId", "I", 1)
    return at


def _teb(space: StartSpace, facts: StartFacts, peb: int) -> int:
    at = space.map(la.TEB_SIZE, name="[teb]")

    def put(name: str, code: str, *values: int) -> None:
        space.poke(at + la.TEB[name], struct.pack("<" + code, *values))

    limit = facts.stack_top - facts.stack_size
    put("StackBase", "QQ", facts.stack_top, limit)
    put("DeallocationStack", "Q", limit)
    put("Self", "Q", at)
    put("ClientId", "QQ", facts.pid, facts.tid)
    put("ProcessEnvironmentBlock", "Q", peb)
    put("CurrentLocale", "I", 0x409)
    put("StaticUnicodeString", "HH4xQ", 0, 522, at + la.TEB["StaticUnicodeBuffer"])
    return at


def start(space: StartSpace, facts: StartFacts) -> StartState:
    """Lay the process out; the program's entry gets the PEB and returns to where a thread ends."""
    _shared_data(space, facts)
    bases = map_modules(space)
    peb = _peb(space, facts, _parameters(space, facts), _loader_data(space, facts, bases))
    teb = _teb(space, facts, peb)
    _static_tls(space, facts, teb)
    before = tuple((f, (facts.image_base, DLL_PROCESS_ATTACH, 0)) for f in facts.tls_callbacks)
    data = {"teb": teb, "peb": peb, "image_base": facts.image_base, "image_end": facts.image_end}
    top = (facts.stack_top & -16) - 0x60
    back = facts.resolve("ntdll", RETURNED) or facts.return_stub
    if facts.arch == "aarch64":
        regs = {"x0": peb, "x18": teb, "x30": back, "sp": top, "pc": facts.entry}
        return StartState(regs, {}, before, data)
    space.poke(top - 8, struct.pack("<Q", back))
    regs = {"rcx": peb, "rdx": facts.entry, "rsp": top - 8, "rip": facts.entry}
    return StartState(regs, {"gs": teb}, before, data)
