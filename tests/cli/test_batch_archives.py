"""Archives as sources, honest and hostile ones."""

from __future__ import annotations

import io
import lzma
import random
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from aot.cli.batching import archives, reader
from aot.cli.batching.model import Limits
from tests.cli.batches import (
    batch,
    deb,
    gzipped,
    last,
    never,
    outcomes,
    program,
    reasons,
    results,
    tar,
    zipped,
)  # fmt: skip

MEMBERS = [("bin/one", program(b"1")), ("bin/two", program(b"2")), ("share/doc", b"text\n")]


def zstd(raw: bytes) -> bytes:
    try:
        from compression import zstd as library  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from backports import zstd as library
    compressed: bytes = library.compress(raw)
    return compressed


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.tar", tar(MEMBERS)),
        ("a.tar.gz", tar(MEMBERS, "w:gz")),
        ("a.tar.xz", tar(MEMBERS, "w:xz")),
        ("a.tar.bz2", tar(MEMBERS, "w:bz2")),
        ("a.tar.zst", zstd(tar(MEMBERS))),
        ("a.zip", zipped(MEMBERS)),
        ("a-1.0-py3-none-any.whl", zipped(MEMBERS)),
        ("a.deb", deb(tar(MEMBERS))),
        ("xz.deb", deb(tar(MEMBERS, "w:xz"), "data.tar.xz")),
        ("zst.deb", deb(zstd(tar(MEMBERS)), "data.tar.zst")),
    ],
)
def test_an_archive_becomes_a_directory(tmp_path: Path, name: str, raw: bytes) -> None:
    (tmp_path / name).write_bytes(raw)
    out = tmp_path / "out"
    status, report = batch(tmp_path / name, out)
    assert status == 0
    assert outcomes(report) == {
        name: "opened", f"{name}/bin/one": "translated", f"{name}/bin/two": "translated",
        f"{name}/share/doc": "not an executable",
    }  # fmt: skip
    assert set(results(out)) == {f"{name}/bin/one.elf", f"{name}/bin/two.elf"}
    status, report = batch(tmp_path / name, out, never)
    assert report["counts"] == {"opened": 1, "up to date": 2, "not an executable": 1}


def test_archives_in_archives_and_in_directories(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    inner = zipped([("x", program(b"x"))])
    (source / "outer.tar.gz").write_bytes(tar([("deep/in.whl", inner), ("y", program(b"y"))], "w:gz"))
    _, report = batch(source, tmp_path / "out")
    assert outcomes(report) == {
        "outer.tar.gz": "opened", "outer.tar.gz/deep/in.whl": "opened", "outer.tar.gz/deep/in.whl/x": "translated",
        "outer.tar.gz/y": "translated",
    }  # fmt: skip
    assert outcomes(batch(source, tmp_path / "out", never)[1])["outer.tar.gz/deep/in.whl/x"] == "up to date"


def test_an_archive_is_read_again_when_a_result_is_gone(tmp_path: Path) -> None:
    archive, out = tmp_path / "a.tar", tmp_path / "out"
    archive.write_bytes(tar(MEMBERS))
    batch(archive, out)
    (out / "a.tar/bin/one.elf").unlink()
    assert batch(archive, out)[1]["counts"]["translated"] == 1
    archive.write_bytes(tar(MEMBERS[1:]))
    report = batch(archive, out)[1]
    assert outcomes(report)["a.tar/bin/one"] == "removed"
    assert outcomes(report)["a.tar/bin/two"] == "up to date"
    assert batch(archive, out, never)[1]["counts"]["up to date"] == 1


def info(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


def test_names_that_lead_elsewhere_and_things_that_are_no_files(tmp_path: Path) -> None:
    hostile = [
        ("../../escaped", program(b"1")), ("/absolute", program(b"2")), ("a/../../b", program(b"3")),
        ("./fine", program(b"4")), info("link", tarfile.SYMTYPE, "/etc/passwd"), info("same", tarfile.LNKTYPE, "./fine"),
        info("null", tarfile.CHRTYPE), info("pipe", tarfile.FIFOTYPE), info("folder", tarfile.DIRTYPE),
    ]  # fmt: skip
    (tmp_path / "h.tar").write_bytes(tar(hostile))
    out = tmp_path / "deep" / "er" / "out"
    status, report = batch(tmp_path / "h.tar", out)
    assert status == 1
    assert reasons(report) == {
        "h.tar/../../escaped": "its name leads out of the archive",
        "h.tar//absolute": "its name is absolute",
        "h.tar/a/../../b": "its name leads out of the archive",
        "h.tar/link": "symbolic link in an archive",
        "h.tar/same": "hard link to ./fine",
        "h.tar/null": "character device",
        "h.tar/pipe": "named pipe",
    }
    assert outcomes(report)["h.tar/fine"] == "translated"
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.elf")] == ["deep/er/out/h.tar/fine.elf"]


def test_sizes_that_lie_cost_their_member_only(tmp_path: Path) -> None:
    raw = bytearray(zipped([("huge", program(b"1")), ("fine", program(b"2"))]))
    at = raw.index(b"PK\x01\x02") + 24  # the uncompressed size of the first member in the directory
    raw[at : at + 4] = (0xFFFF_FFF0).to_bytes(4, "little")
    (tmp_path / "l.zip").write_bytes(raw)
    _, report = batch(tmp_path / "l.zip", tmp_path / "out")
    assert outcomes(report) == {"l.zip": "opened", "l.zip/huge": "refused", "l.zip/fine": "translated"}
    assert "larger than any executable" in reasons(report)["l.zip/huge"]


def test_a_name_that_comes_twice_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "d.tar").write_bytes(tar([("x", program(b"1")), ("x", program(b"2"))]))
    out = tmp_path / "out"
    batch(tmp_path / "d.tar", out)
    found = results(out)
    assert set(found) == {"d.tar/x.elf", "d.tar/x~2.elf"}
    assert found["d.tar/x.elf"] != found["d.tar/x~2.elf"]


def test_zips_that_are_encrypted_or_damaged(tmp_path: Path) -> None:
    raw = bytearray(zipped([("locked", program(b"1")), ("fine", program(b"2"))]))
    for header, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(header) + at] |= 1  # the flag of the first member
    (tmp_path / "e.zip").write_bytes(raw)
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("broken", program(b"checked"))
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    broken = stored.getvalue().replace(b"checked", b"altered")
    (tmp_path / "b.zip").write_bytes(broken)
    status, report = batch([tmp_path / "e.zip", tmp_path / "b.zip"], tmp_path / "out")
    assert status == 1
    said = reasons(report)
    assert said["e.zip/locked"] == "it is encrypted"
    assert outcomes(report)["e.zip/fine"] == "translated"
    assert "CRC" in said["b.zip/broken"]
    assert said["b.zip/link"] == "symbolic link in an archive"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_what_comes_before_a_break_is_done(tmp_path: Path, mode: str) -> None:
    noise = random.Random(1).randbytes(200_000)  # so that the break falls behind the first member
    raw = tar([("first", program(b"1")), ("second", program(noise)), ("third", program(b"3"))], mode)
    (tmp_path / "cut").write_bytes(raw[: len(raw) // 2])
    status, report = batch(tmp_path / "cut", tmp_path / "out")
    assert status == 1
    found = outcomes(report)
    assert found["cut/first"] == "translated"
    assert found["cut"] == "unreadable"
    assert "read before" in reasons(report)["cut"]
    assert "cut/third" not in found


def test_limits_of_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for name, value in (("ENTRIES", 2), ("TOTAL", 100)):
        with monkeypatch.context() as patch:
            patch.setattr(reader, name, value)
            (tmp_path / name).write_bytes(tar([(str(n), b"text\n" * 9) for n in range(5)]))
            reading = reader.read(reader.Reads.ARCHIVE, str(tmp_path / name), str(tmp_path), {})
            told.append(list(last(reading)))
    assert [len(one) for one in told] == [3, 3]
    assert told[0][-1]["reason"].startswith("more than 2 members")
    assert told[1][-1]["outcome"] == "refused"


def test_archives_nested_too_deeply_are_refused(tmp_path: Path) -> None:
    raw = zipped([("x", program())])
    for depth in range(6):
        raw = zipped([(f"{depth}.zip", raw)])
    (tmp_path / "deep.zip").write_bytes(raw)
    _, report = batch(tmp_path / "deep.zip", tmp_path / "out")
    assert "an archive inside 4 others" in reasons(report).values()


def test_a_bomb_is_given_up_and_the_rest_goes_on(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "bomb.tar.xz").write_bytes(huge_dictionary())
    (source / "fine").write_bytes(program())
    status, report = batch(source, tmp_path / "out", limits=Limits(60.0, 256 << 20))
    assert status == 1
    assert outcomes(report)["fine"] == "translated"
    assert "--memory" in reasons(report)["bomb.tar.xz"]


def huge_dictionary() -> bytes:
    """An .xz whose header asks for a dictionary of 4 GiB, 20 bytes behind its beginning (LZMA2 property 40)."""
    raw = bytearray(lzma.compress(tar([("x", program())]), preset=0))
    size = (raw[12] + 1) * 4
    at = raw.index(b"\x21\x01", 12, 12 + size) + 2
    raw[at] = 40
    raw[12 + size - 4 : 12 + size] = zlib.crc32(raw[12 : 12 + size - 4]).to_bytes(4, "little")
    return bytes(raw)


def test_compressed_data_that_is_no_archive(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "manual.gz").write_bytes(gzipped(b".TH page\n" * 100))
    (source / "static.a").write_bytes(b"!<arch>\n" + b"x" * 60)
    status, report = batch(source, tmp_path / "out")
    assert status == 0
    assert reasons(report) == {
        "manual.gz": "gzip-compressed data, not an executable",
        "static.a": "a static library (ar archive), not an executable",
    }


def test_packages_that_are_none(tmp_path: Path) -> None:
    whole = deb(tar(MEMBERS))
    at = whole.index(b"data.tar") + 48
    for name, raw in (
        ("empty.deb", whole[: whole.index(b"data.tar")]),
        ("negative.deb", whole[:at] + b"-60       " + whole[at + 10 :]),
        ("other.deb", deb(b"not a tar at all")),
    ):
        (tmp_path / name).write_bytes(raw)
    status, report = batch(
        [tmp_path / n for n in ("empty.deb", "negative.deb", "other.deb")], tmp_path / "out"
    )
    assert status == 1
    assert set(outcomes(report).values()) == {"unreadable"}


def test_without_the_libraries_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(archives.importlib, "import_module", missing)
    for kind, raw in ((archives.Kind.DEB, deb(b"")), (archives.Kind.ZSTD, b"\x28\xb5\x2f\xfd")):
        with pytest.raises(archives.Missing, match=r"pip install 'helctic-aot\[archives\]'"):
            list(archives.members(kind, io.BytesIO(raw)))
