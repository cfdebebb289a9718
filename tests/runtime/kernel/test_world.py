"""The default world of a run: what is there, what is not, what mounts do."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aot.errors import SetupError
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from aot.personality.linux.system import SYSTEM
from runtime.kernel.clock import FixedClocks
from runtime.kernel.namespace import Namespace
from runtime.kernel.node import Jump
from runtime.kernel.world import MountSpec, build_world
from tests.runtime.kernel.kit import Kit


def world(**options: object) -> Namespace:
    made: Namespace = build_world(
        clocks=FixedClocks(),
        random=random.Random(1),
        uid=1,
        gid=1,
        **options,  # type: ignore[arg-type]
    )
    return made


def read(names: Namespace, path: bytes) -> bytes:
    file = names.open(names.cwd, path, Open.READ, 0)
    buffer = bytearray(4096)
    return bytes(buffer[: file.read((memoryview(buffer),))])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    inner = tmp_path / "here"
    inner.mkdir()
    (inner / "f").write_bytes(b"found")
    (tmp_path / "sibling").write_bytes(b"hidden")
    monkeypatch.chdir(inner)
    return inner


def test_the_current_directory_is_at_its_own_path_and_nothing_beside_it(here: Path) -> None:
    names = world()
    assert names.cwd.text == bytes(here)
    assert read(names, b"f") == read(names, bytes(here) + b"/f") == b"found"
    for path in (b"../sibling", bytes(here.parent) + b"/sibling", b"/usr", b"/bin/sh"):
        with pytest.raises(Errno) as caught:
            names.open(names.cwd, path, Open.READ, 0)
        assert caught.value.code is E.NOENT
    with pytest.raises(Errno) as caught:
        names.open(names.cwd, b"/new", Open.WRITE | Open.CREATE, 0o644)
    assert caught.value.code is E.ROFS


def test_directories_above_look_as_on_the_host(here: Path) -> None:
    names, st = world(), here.parent.stat()
    seen = names.find(names.cwd, b"..", follow=True).stat()
    assert (seen.ino, seen.mode, seen.nlink) == (st.st_ino, st.st_mode, st.st_nlink)


def test_tmp_is_private_and_writable(here: Path) -> None:
    names = world()
    names.open(names.cwd, b"/tmp/helctic-test", Open.WRITE | Open.CREATE, 0o644).close()
    assert not Path("/tmp/helctic-test").exists()
    assert b"user" in read(names, b"/etc/passwd")


def test_mounts_add_directories_and_files(here: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_bytes(b"mounted")
    mounts = (
        MountSpec.parse(f"/deep/data={tmp_path / 'data'}:ro"),
        MountSpec.parse(f"/etc/one={tmp_path / 'sibling'}"),
    )
    names = world(mounts=mounts)
    assert read(names, b"/deep/data/x") == b"mounted"
    assert read(names, b"/etc/one") == b"hidden"
    with pytest.raises(Errno) as caught:
        names.open(names.cwd, b"/deep/data/x", Open.WRITE, 0)
    assert caught.value.code is E.ROFS


def test_a_root_replaces_the_current_directory(here: Path, tmp_path: Path) -> None:
    names = world(root=str(tmp_path))
    assert names.cwd.text == b"/here"
    assert world(root=str(here)).cwd.text == b"/"
    assert world(root="/usr").cwd.text == b"/"
    assert read(world(root="/"), b"f") == read(world(root="/"), bytes(here) + b"/f") == b"found"
    assert read(world(root="/"), b"../sibling") == b"hidden"
    assert read(names, b"/here/f") == b"found"
    assert read(names, b"../../sibling") == b"hidden"
    with pytest.raises(Errno):
        read(names, bytes(here) + b"/f")


def test_the_program_is_at_its_own_path(here: Path, tmp_path: Path) -> None:
    program = tmp_path / "elsewhere" / "program"
    program.parent.mkdir()
    program.write_bytes(b"code")
    for root in (None, "/"):
        names = world(root=root, program=str(program))
        assert read(names, bytes(program)) == b"code"


@pytest.mark.parametrize("text", ["x", "rel=/tmp", "/a=", "=/tmp"])
def test_malformed_mounts_are_refused_by_name(text: str) -> None:
    with pytest.raises(SetupError, match="GUEST=HOST"):
        MountSpec.parse(text)


def test_absent_hosts_are_refused(here: Path) -> None:
    for options in ({"root": "/absent"}, {"mounts": (MountSpec("/a", "/absent"),)}, {"cwd": "/absent"}):
        with pytest.raises(SetupError, match="/absent"):
            world(**options)


def test_proc_shows_the_guest(here: Path) -> None:
    kit = Kit(SYSTEM)
    names = world(program=str(here / "f"))
    kit.process.names = names
    names.owner = kit.process
    kit.process.data["argv"] = (b"prog", b"arg")
    assert read(names, b"/proc/self/cmdline") == b"prog\0arg\0"
    assert read(names, b"/proc/self/exe") == b"found"
    place = names.find(names.cwd, b"/proc/self/exe", follow=False)
    target = place.spot.node.readlink(place.name)
    assert isinstance(target, Jump)
    assert target.text == b"/bin/prog"
    assert b"Pid:\t1000\n" in read(names, b"/proc/self/status")
    assert b"00100000-00102000 rw-p" in read(names, b"/proc/1000/maps")
    with pytest.raises(Errno):
        read(names, b"/proc/1/status")
    with pytest.raises(Errno):
        read(names, b"/proc/self/mem")
