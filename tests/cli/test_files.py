from __future__ import annotations

import os
from pathlib import Path

import pytest

from aot.cli.files import check_output, write_whole
from aot.errors import FileError


def test_output_is_written_with_its_mode(tmp_path: Path) -> None:
    out = tmp_path / "out.elf"
    write_whole(out, b"data", 0o755)
    assert out.read_bytes() == b"data"
    assert out.stat().st_mode & 0o777 == 0o755
    assert os.listdir(tmp_path) == ["out.elf"]


def test_an_old_output_is_replaced_not_written_into(tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    out.write_bytes(b"old")
    os.link(out, other)
    write_whole(out, b"new", 0o755)
    assert (out.read_bytes(), other.read_bytes()) == (b"new", b"old")


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"there is no directory"):
        check_output(tmp_path / "nowhere" / "out")


def test_a_directory_as_output(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is a directory; name the file to write"):
        check_output(tmp_path)


def test_a_device_as_output() -> None:
    with pytest.raises(FileError, match="is not a regular file"):
        check_output(Path("/dev/null"))


def test_the_input_as_output_even_through_a_link(tmp_path: Path) -> None:
    source, link = tmp_path / "in", tmp_path / "link"
    source.write_bytes(b"x")
    link.symlink_to(source)
    with pytest.raises(FileError, match="is the input"):
        check_output(link, source)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    out = tmp_path / "out"
    with pytest.raises(FileError, match="No space left on device"):
        write_whole(out, b"x", 0o755)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_the_right(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(FileError, match="Permission denied"):
        write_whole(tmp_path / "out", b"x", 0o755)
