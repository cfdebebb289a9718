"""Builds the programs of this folder with zig; cached by what went into them."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from aot.image.model import Arch
from corpus.build import OUT, run_zig, zig_version

SOURCES = Path(__file__).parent / "src"
FLAGS = ("-c", "-O1", "-g0", "-ffreestanding", "-fno-stack-protector", "-fno-sanitize=all", "-fno-pic")
LINK = ("-static", "--build-id=none", "-z", "max-page-size=4096", "-T", str(SOURCES / "layout.ld"))


def program(name: str, arch: Arch, *defines: str) -> Path:
    """The program `name` for Linux, with these macros defined. Raises BuildError."""
    (source,) = SOURCES.glob(f"{name}.[Sc]")
    key = hashlib.sha256(repr((zig_version(), FLAGS, defines)).encode())
    for path in (source, SOURCES / "common.h", SOURCES / "layout.ld"):
        key.update(path.read_bytes())
    out = OUT / "failures" / f"{name}-{arch.value}-{key.hexdigest()[:16]}"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as work:
            one, made = Path(work) / "one.o", Path(work) / "program"
            run_zig(
                "cc",
                "-target",
                f"{arch.value}-linux-musl",
                *FLAGS,
                *(f"-D{define}" for define in defines),
                str(source),
                "-o",
                str(one),
            )
            run_zig("ld.lld", *LINK, str(one), "-o", str(made))
            made.chmod(0o755)
            made.replace(out)
    return out
