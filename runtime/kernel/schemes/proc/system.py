"""What /proc says of the machine the guest sees, and of the kernel it believes to run on."""

from __future__ import annotations

import os
from collections.abc import Callable

from aot.image.model import Arch
from aot.personality.abi.neutral import Clock
from runtime.kernel.context import Kernel, Process
from runtime.kernel.ops_system import NODE, RAM
from runtime.kernel.schemes.proc.nodes import Fixed

RELEASE = b"6.1.0"
HZ = 100
Owner = Callable[[], Process]
_X86_FLAGS = ("fpu tsc cx8 cmov mmx fxsr sse sse2 syscall nx lm rep_good nopl cpuid pni ssse3 cx16 sse4_1 sse4_2 "
              "popcnt lahf_lm")  # fmt: skip
_ARM_FEATURES = "fp asimd aes pmull sha1 sha2 crc32 atomics"
_FILE_SYSTEMS = b"".join(
    b"nodev\t%s\n" % n for n in (b"sysfs", b"tmpfs", b"proc", b"devtmpfs", b"devpts", b"hostfs")
)
_MEMORY = (
    ("MemTotal", RAM), ("MemFree", RAM // 2), ("MemAvailable", RAM // 4 * 3), ("Buffers", 0), ("Cached", RAM // 4),
    ("SwapCached", 0), ("Active", RAM // 4), ("Inactive", RAM // 4), ("SwapTotal", 0), ("SwapFree", 0),
    ("Dirty", 0), ("Writeback", 0), ("AnonPages", RAM // 4), ("Mapped", 0), ("Shmem", 0), ("Slab", 0),
    ("PageTables", 0), ("CommitLimit", RAM // 2), ("Committed_AS", 0), ("VmallocTotal", 1 << 45),
    ("VmallocUsed", 0), ("AnonHugePages", 0), ("Hugepagesize", 2 << 20),
)  # fmt: skip
_SYSCTL = (
    ("kernel/ostype", b"Linux"), ("kernel/osrelease", RELEASE), ("kernel/version", b"#1 SMP helctic-aot"),
    ("kernel/hostname", NODE.encode()), ("kernel/domainname", b"(none)"), ("kernel/pid_max", b"4194304"),
    ("kernel/threads-max", b"1024"), ("kernel/cap_last_cap", b"40"), ("kernel/overflowuid", b"65534"),
    ("kernel/overflowgid", b"65534"), ("kernel/ngroups_max", b"65536"), ("kernel/randomize_va_space", b"0"),
    ("kernel/shmmax", b"18446744073692774399"), ("kernel/shmall", b"18446744073692774399"),
    ("kernel/shmmni", b"4096"), ("kernel/sem", b"32000\t1024000000\t500\t32000"), ("kernel/msgmax", b"8192"),
    ("kernel/msgmnb", b"16384"), ("kernel/msgmni", b"32000"), ("kernel/core_pattern", b"core"),
    ("kernel/core_uses_pid", b"0"), ("kernel/panic", b"0"), ("kernel/printk", b"4\t4\t1\t7"),
    ("kernel/perf_event_paranoid", b"4"), ("kernel/sched_child_runs_first", b"0"), ("kernel/tainted", b"0"),
    ("kernel/sched_rr_timeslice_ms", b"100"), ("kernel/yama/ptrace_scope", b"1"),
    ("kernel/random/entropy_avail", b"256"), ("kernel/random/poolsize", b"256"),
    ("vm/overcommit_memory", b"0"), ("vm/overcommit_ratio", b"50"), ("vm/max_map_count", b"65530"),
    ("vm/swappiness", b"60"), ("vm/mmap_min_addr", b"65536"), ("vm/nr_hugepages", b"0"),
    ("vm/vfs_cache_pressure", b"100"), ("vm/min_free_kbytes", b"67584"), ("vm/page-cluster", b"3"),
    ("fs/file-max", b"1048576"), ("fs/nr_open", b"1048576"), ("fs/pipe-max-size", b"1048576"),
    ("fs/aio-max-nr", b"65536"), ("fs/aio-nr", b"0"), ("fs/lease-break-time", b"45"), ("fs/leases-enable", b"0"),
    ("fs/protected_symlinks", b"0"), ("fs/protected_hardlinks", b"0"), ("fs/suid_dumpable", b"0"),
    ("fs/overflowuid", b"65534"), ("fs/overflowgid", b"65534"), ("fs/mqueue/msg_max", b"10"),
    ("fs/mqueue/msgsize_max", b"8192"), ("fs/mqueue/queues_max", b"256"),
    ("fs/inotify/max_user_watches", b"65536"), ("fs/inotify/max_user_instances", b"128"),
    ("fs/inotify/max_queued_events", b"16384"), ("net/core/somaxconn", b"4096"),
    ("net/core/rmem_max", b"212992"), ("net/core/wmem_max", b"212992"), ("net/core/rmem_default", b"212992"),
    ("net/core/wmem_default", b"212992"), ("net/ipv4/ip_local_port_range", b"32768\t60999"),
    ("net/ipv4/tcp_rmem", b"4096\t131072\t6291456"), ("net/ipv4/tcp_wmem", b"4096\t16384\t4194304"),
    ("net/ipv4/tcp_fin_timeout", b"60"), ("net/ipv4/ip_forward", b"0"), ("net/ipv6/conf/all/disable_ipv6", b"0"),
)  # fmt: skip
_NET_UDP = (
    b"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
)
_NET = (
    ("dev", b"Inter-|   Receive                                                |  Transmit\n"
            b" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
            b"colls carrier compressed\n    lo:       0       0    0    0    0     0          0         0        "
            b"0       0    0    0    0     0       0          0\n"),
    ("tcp", _NET_UDP), ("udp", _NET_UDP), ("raw", _NET_UDP),
    ("unix", b"Num       RefCount Protocol Flags    Type St Inode Path\n"),
    ("route", b"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"),
    ("if_inet6", b"00000000000000000000000000000001 01 80 10 80       lo\n"), ("arp", b"IP address       HW type     "
     b"Flags       HW address            Mask     Device\n"), ("netlink", b"sk               Eth Pid\n"),
)  # fmt: skip


def processors(kernel: Kernel) -> int:
    """How many processors the guest sees."""
    return 1 if kernel.deterministic else len(os.sched_getaffinity(0))


def _cpuinfo(owner: Owner) -> bytes:
    process = owner()
    x86 = not process.contexts or process.contexts[0].arch is Arch.X86_64
    blocks = []
    count = processors(process.kernel)
    for n in range(count):
        if x86:
            rows = (
                ("processor", n), ("vendor_id", "GenuineIntel"), ("cpu family", 6), ("model", 15),
                ("model name", "helctic-aot virtual processor"), ("stepping", 1), ("cpu MHz", "1000.000"),
                ("cache size", "4096 KB"), ("physical id", 0), ("siblings", count), ("core id", n),
                ("cpu cores", count), ("apicid", n), ("fpu", "yes"), ("fpu_exception", "yes"),
                ("cpuid level", 13), ("wp", "yes"), ("flags", _X86_FLAGS), ("bogomips", "2000.00"),
                ("clflush size", 64), ("cache_alignment", 64),
                ("address sizes", "40 bits physical, 48 bits virtual"),
            )  # fmt: skip
            text = "".join(
                f"{name}\t: {value}\n" if len(name) > 7 else f"{name}\t\t: {value}\n" for name, value in rows
            )
            blocks.append(text + "power management:\n\n")
        else:
            blocks.append(
                f"processor\t: {n}\nBogoMIPS\t: 100.00\nFeatures\t: {_ARM_FEATURES}\nCPU implementer\t: 0x00\n"
                "CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0x051\nCPU revision\t: 0\n\n"
            )
    return "".join(blocks).encode()


def _stat(owner: Owner) -> bytes:
    kernel = owner().kernel
    ticks = kernel.clocks.now_ns(Clock.BOOT) * HZ // 1_000_000_000
    started = (kernel.clocks.now_ns(Clock.REALTIME) - kernel.clocks.now_ns(Clock.BOOT)) // 1_000_000_000
    count = processors(kernel)
    lines = [f"cpu  {ticks * count // 2} 0 0 {ticks * count // 2} 0 0 0 0 0 0\n"]
    lines += [f"cpu{n} {ticks // 2} 0 0 {ticks // 2} 0 0 0 0 0 0\n" for n in range(count)]
    lines.append(f"intr 0\nctxt 0\nbtime {started}\nprocesses {len(kernel.processes)}\nprocs_running 1\n")
    return "".join(lines).encode() + b"procs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n"


def _uptime(owner: Owner) -> bytes:
    seconds = owner().kernel.clocks.now_ns(Clock.BOOT) / 1e9
    return b"%.2f %.2f\n" % (seconds, seconds)


def _load(owner: Owner) -> bytes:
    kernel = owner().kernel
    contexts = sum(len(p.contexts) for p in kernel.processes.values())
    return b"0.00 0.00 0.00 1/%d %d\n" % (contexts, max(kernel.processes, default=0))


def _uuid(owner: Owner) -> bytes:
    raw = bytearray(owner().kernel.random.randbytes(16))
    raw[6], raw[8] = raw[6] & 0x0F | 0x40, raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}\n".encode()


def fill_system(root: Fixed, owner: Owner) -> None:
    """Add everything that is about no process."""
    root.add("meminfo", "".join(f"{n + ':':<16}{v // 1024:>8} kB\n" for n, v in _MEMORY).encode())
    for name, text in (("cpuinfo", _cpuinfo), ("stat", _stat), ("uptime", _uptime), ("loadavg", _load)):
        root.add(name, _of(text, owner))
    root.add("filesystems", _FILE_SYSTEMS)
    root.add("version", b"Linux version %s (helctic-aot) #1 SMP helctic-aot\n" % RELEASE)
    root.add("cmdline", b"helctic-aot\n")
    root.add("devices", b"Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n")
    root.add("swaps", b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
    root.add("partitions", b"major minor  #blocks  name\n\n")
    root.add("diskstats", b"")
    root.add("modules", b"")
    root.add(
        "vmstat", b"nr_free_pages %d\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\n" % (RAM // 8192)
    )
    boot_id = _Once(lambda: _uuid(owner))
    root.add("sys/kernel/random/boot_id", boot_id)
    root.add("sys/kernel/random/uuid", _of(_uuid, owner))
    root.add("sys/fs/file-nr", b"1024\t0\t1048576\n")
    for path, value in _SYSCTL:
        root.add("sys/" + path, value + b"\n")


def fill_net(directory: Fixed) -> None:
    """Add the tables of the network, which name nobody else's connections."""
    for name, text in _NET:
        directory.add(name, text)


def _of(text: Callable[[Owner], bytes], owner: Owner) -> Callable[[], bytes]:
    return lambda: text(owner)


class _Once:
    """A text that stays what it was when it was first read."""

    def __init__(self, text: Callable[[], bytes]) -> None:
        self.text, self.made = text, b""

    def __call__(self) -> bytes:
        self.made = self.made or self.text()
        return self.made
