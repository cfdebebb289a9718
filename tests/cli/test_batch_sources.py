"""What may be a source, and where its files go."""

from __future__ import annotations

import functools
import http.server
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aot.cli.batching import reader
from aot.cli.batching.sources import sources
from aot.cli.main import serve as command_line
from aot.errors import AotError
from tests.cli.batches import batch, last, never, outcomes, program, reasons, results, zipped


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two directories with a program of the same name, and an archive."""
    for name in ("one", "two"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "tool").write_bytes(program(name.encode()))
    (tmp_path / "w.whl").write_bytes(zipped([("tool", program(b"w"))]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_several_sources_have_their_names_in_the_output(place: Path) -> None:
    assert command_line(["batch", "-q", "one", "two/", "two/bin/tool", "w.whl", "out"]) == 0
    assert set(results(place / "out")) == {
        "one/bin/tool.elf", "two/bin/tool.elf", "tool.elf", "w.whl/tool.elf",
    }  # fmt: skip


def test_a_source_named_twice_is_one(place: Path) -> None:
    assert [s.place for s in sources(["one", "./one", "one"], io.BytesIO())] == ["one"]


def test_two_sources_of_one_name_are_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["batch", "one/bin", "two/bin", "out"]) == 2
    said = capsys.readouterr().err
    assert "one/bin and two/bin would both be bin in the output" in said
    assert not (place / "out").exists()


@pytest.mark.parametrize(("ends", "option"), [("\n", []), ("\0", ["-0"])])
def test_a_list_keeps_its_paths(place: Path, ends: str, option: list[str]) -> None:
    listed = ["one/bin/tool", "./two", str(place / "w.whl"), "one/bin/tool", "none"]
    done = subprocess.run(
        [sys.executable, "-m", "aot.cli", "batch", "-v", *option, "-", "out"],
        input="".join(name + ends for name in listed), capture_output=True, text=True, check=False, cwd=place,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 1
    assert "none: no such file or directory" in done.stdout
    below = str(place / "w.whl").lstrip("/")
    assert set(results(place / "out")) == {"one/bin/tool.elf", "two/bin/tool.elf", f"{below}/tool.elf"}


def test_a_list_of_paths_above_stays_below_the_output(place: Path) -> None:
    (found,) = sources(["-"], io.BytesIO(b"../" + place.name.encode() + b"/one/bin/tool\n"))
    assert found.place == str(place / "one/bin/tool").lstrip("/")


def test_overlapping_lists_do_a_file_once(place: Path) -> None:
    found = sources(["-"], io.BytesIO(b"one\none/bin\none/bin/tool\n"))
    assert [s.place for s in found] == ["one", "one/bin", "one/bin/tool"]
    done = subprocess.run(
        [sys.executable, "-m", "aot.cli", "batch", "-", "out"], input="one\none/bin\none/bin/tool\n",
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout.count("tool") == 1


def test_what_is_not_there_is_one_line(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for names in (["none"], ["nosuch://x"], ["file:///none"], ["memory://none"]):
        assert command_line(["batch", *names, "out"]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1, said
        assert "Traceback" not in said
    assert not (place / "out").exists()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a directory and says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(place: Path) -> Iterator[str]:
    """The directory behind a URL."""
    handler = functools.partial(Quiet, directory=str(place))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_urls(place: Path) -> None:
    raw = zipped(
        [("bin/tool", program(b"z")), ("../out", program(b"y")), ("in.whl", zipped([("x", program(b"x"))]))]
    )
    (place / "z.zip").write_bytes(raw)
    status, report = batch([f"zip://*::file://{place}/z.zip".replace("*", "")], place / "out")
    assert status == 1
    found = outcomes(report)
    assert found["bin/tool"] == found["in.whl/x"] == "translated"
    assert found["in.whl"] == "opened"
    assert any("leads out" in reason for reason in reasons(report).values())
    status, report = batch([f"file://{place}/one"], place / "out2")
    assert outcomes(report) == {"bin/tool": "translated"}


def test_what_did_not_change_behind_a_url_is_not_read_again(place: Path) -> None:
    members = [
        ("bin/tool", program(b"z")),
        ("in.whl", zipped([("x", program(b"x")), ("t", b"text\n")])),
        ("t", b"text\n"),
    ]
    (place / "z.zip").write_bytes(zipped(members))
    url, out = f"zip://::file://{place}/z.zip", place / "out"
    first = outcomes(batch([url], out)[1])
    assert first == {
        "bin/tool": "translated", "in.whl": "opened", "in.whl/x": "translated", "in.whl/t": "not an executable",
        "t": "not an executable",
    }  # fmt: skip
    again = outcomes(batch([url], out, never)[1])
    assert again == {path: was.replace("translated", "up to date") for path, was in first.items()}
    told = [
        answer["found"]
        for answer in last(reader.read(reader.Reads.URL, url, str(place), {}))
        if "found" in answer
    ]
    stamps = {found["name"]: found["stamp"] for found in told if "stamp" in found}
    assert set(stamps) == {"bin/tool", "in.whl", "t"}
    told = [a["found"] for a in last(reader.read(reader.Reads.URL, url, str(place), stamps)) if "found" in a]
    assert told == [{"name": name, "same": True} for name in sorted(stamps)]
    (place / "z.zip").write_bytes(zipped([("bin/tool", program(b"new")), *members[1:]]))
    assert outcomes(batch([url], out)[1]) == again | {"bin/tool": "translated"}
    (out / "in.whl/x.elf").unlink()
    assert outcomes(batch([url], out)[1]) == again | {"in.whl/x": "translated"}


def test_a_file_behind_a_url(place: Path, served: str) -> None:
    status, report = batch([f"{served}/w.whl"], place / "out")
    assert (status, outcomes(report)) == (0, {"w.whl": "opened", "w.whl/tool": "translated"})
    with pytest.raises(AotError, match="there is nothing"):
        sources([f"{served}/none"], io.BytesIO())
