"""Offsets and modes that no file can have are the guest's error."""

from __future__ import annotations

from pathlib import Path

import pytest

from aot.personality.linux.system import SYSTEM
from tests.runtime.kernel.kit import DATA, Kit

FAR = (0, 1, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, (1 << 64) - 4096)


@pytest.mark.parametrize("tree", ["memory", "host"])
def test_far_offsets(tree: str, tmp_path: Path) -> None:
    kit = Kit(SYSTEM, root=tmp_path if tree == "host" else None)
    fds = [kit.call("open", kit.text(name), 0o102, 0o666) for name in (b"/a", b"/b")]
    assert min(fds) > 2
    for near in FAR:
        for far in FAR:
            kit.mem.store_u64(DATA, near)
            kit.mem.store_u64(DATA + 8, far)
            for name, *words in (
                ("lseek", near, far & 7),
                ("pread64", DATA + 64, 8, near),
                ("pwrite64", DATA + 64, 0, near),
                ("preadv", DATA + 256, 1, far),
                ("sync_file_range", near, far, 0),
            ):
                kit.call(name, fds[0], *words)
            kit.call("sendfile", fds[1], fds[0], DATA, far)
            kit.call("copy_file_range", fds[0], DATA, fds[1], DATA + 8, 16, 0)
            if near + far >= 1 << 63:
                assert kit.call("fallocate", fds[0], 0, near, far) < 0


def test_modes_of_no_file_type() -> None:
    kit = Kit(SYSTEM)
    for kind in range(16):
        made = kit.call("mknod", kit.text(b"/n%d" % kind), kind << 12 | 0o666, 0)
        assert (made == 0) == (kind in (0, 1, 8, 12))
