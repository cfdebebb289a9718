"""What tests of batches share: programs of a few bytes, a batch in this process, archives of any kind."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aot.cli.batching import reader
from aot.cli.batching.model import Choice, Limits
from aot.cli.batching.pool import Pool
from aot.cli.batching.run import Options
from aot.cli.batching.serve import serve
from aot.cli.batching.sources import sources
from aot.cli.batching.store import store_of
from aot.cli.batching.worker import translate_one
from tests.bad.build import elf


def program(tail: bytes = b"") -> bytes:
    return elf(tail=tail)


def options(names: Iterable[str | Path], out: Path | str, **more: Any) -> Options:
    values: dict[str, Any] = {"choice": Choice(), "jobs": 2, "limits": Limits(60.0, 0), "key": "k"}
    found = tuple(sources([str(name) for name in names], io.BytesIO()))
    return Options(sources=found, store=store_of(str(out)), **({"without": (Path(out),)} | values | more))


def serve_options(asked: Options, work: Any = translate_one, *, resume: bool = True) -> int:
    """Exit status of a batch with this work."""

    def pool(asked: Options) -> Pool:
        return Pool(work, asked.jobs, *asked.limits)

    return serve(asked, pool, report=None, resume=resume, quiet=True, verbose=False)


def batch(
    names: Path | Iterable[str | Path],
    out: Path,
    work: Any = translate_one,
    *,
    resume: bool = True,
    **more: Any,
) -> tuple[int, dict[str, Any]]:
    """Exit status and report."""
    asked = options([names] if isinstance(names, Path) else names, out, **more)
    status = serve_options(asked, work, resume=resume)
    return status, json.loads((out / "batch.json").read_text())


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {entry["path"]: entry["outcome"] for entry in report["files"]}


def reasons(report: dict[str, Any]) -> dict[str, str]:
    return {entry["path"]: entry["reason"] for entry in report["files"] if entry["reason"]}


def never(*_: object) -> dict[str, Any]:
    raise AssertionError("nothing was to be done")


def results(out: Path) -> dict[str, bytes]:
    """The result tree: every translation by its path."""
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.elf") if path.is_file()}


def tar(members: Iterable[tuple[str, bytes] | tarfile.TarInfo], mode: str = "w") -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode=mode) as archive:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return raw.getvalue()


def zipped(members: Iterable[tuple[str, bytes]]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return raw.getvalue()


def deb(data: bytes, name: str = "data.tar") -> bytes:
    """A Debian package (deb(5)) that installs what the tar `data` holds."""
    parts = (
        (b"debian-binary", b"2.0\n"),
        (b"control.tar", tar([("control", b"Package: x\n")])),
        (name.encode(), data),
    )
    raw = b"!<arch>\n"
    for title, content in parts:
        raw += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (title, 0, 0, 0, b"100644", len(content))
        raw += content + b"\n" * (len(content) % 2)
    return raw


def gzipped(raw: bytes) -> bytes:
    return gzip.compress(raw)


def last(answers: reader.Answers) -> Iterator[reader.Answer]:
    """All answers of a reader, the one it returns too."""
    yield (yield from answers)
