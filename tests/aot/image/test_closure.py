from __future__ import annotations

from pathlib import Path

import pytest

from aot.errors import ImageError
from aot.image.closure import Tree, closure
from aot.image.elf_needed import read_needs
from corpus.dynamic import build, system
from corpus.foreign import ForeignError


def test_names_are_read() -> None:
    folder = build("aarch64", "gnu")
    needs = read_needs((folder / "loads").read_bytes())
    assert needs.interpreter == "/lib/ld-linux-aarch64.so.1"
    assert needs.needed[-1] == "libc.so.6" or "libc.so.6" in needs.needed
    assert read_needs((folder / "libplugin.so").read_bytes()).interpreter == ""


@pytest.mark.parametrize("libc", ["gnu", "musl"])
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_a_closure_is_what_the_linker_would_load(arch: str, libc: str) -> None:
    try:
        root = system(arch)
    except ForeignError as error:
        pytest.skip(str(error))
    program = build(arch, libc) / "loads"
    found = closure(program.read_bytes(), str(program), root)
    names = {path.rpartition("/")[2] for path, _ in found.files}
    assert not found.missing
    assert any(name.startswith("ld-") for name in names)
    assert ("libc.so.6" in names) is (libc == "gnu")
    assert all(file.is_file() and root in file.parents for _, file in found.files)


def test_a_library_that_nobody_has_is_named(tmp_path: Path) -> None:
    program = build("x86_64", "gnu") / "loads"
    found = closure(program.read_bytes(), str(program), tmp_path)
    assert "libc.so.6" in found.missing and not found.files


def test_links_stay_in_the_tree(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/real").write_bytes(b"here")
    (root / "lib").symlink_to("/usr/lib")
    (root / "up").symlink_to("../../../../../lib/real")
    (root / "loop").symlink_to("loop")
    (tmp_path / "outside").write_bytes(b"there")
    (root / "out").symlink_to("../outside")
    tree = Tree(root)
    assert tree.find("/lib/real") == tree.find("/up") == root / "usr/lib/real"
    assert tree.find("/loop") is None and tree.find("/out") is None and tree.find("/usr/lib") is None


def test_configured_directories_and_origin(tmp_path: Path) -> None:
    program = build("x86_64", "gnu") / "loads"
    (tmp_path / "etc/ld.so.conf.d").mkdir(parents=True)
    (tmp_path / "etc/ld.so.conf").write_text("include /etc/ld.so.conf.d/*.conf\ninclude ld.so.conf\n")
    (tmp_path / "etc/ld.so.conf.d/one.conf").write_text("# a comment\n/opt/odd\n")
    (tmp_path / "opt/odd").mkdir(parents=True)
    library = tmp_path / "opt/odd/libc.so.6"
    library.write_bytes((build("x86_64", "gnu") / "libpreload.so").read_bytes())
    found = closure(program.read_bytes(), str(program), tmp_path)
    assert ("/opt/odd/libc.so.6", library) in found.files


def test_another_architectures_library_is_passed_over(tmp_path: Path) -> None:
    program = build("x86_64", "gnu") / "loads"
    for folder, arch in (("lib64", "aarch64"), ("usr/lib64", "x86_64")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "libc.so.6").write_bytes((build(arch, "gnu") / "libpreload.so").read_bytes())
    found = closure(program.read_bytes(), str(program), tmp_path)
    assert ("/usr/lib64/libc.so.6", tmp_path / "usr/lib64/libc.so.6") in found.files


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        closure(b"text", "/text", tmp_path)
