"""Builds the dynamic programs under src/linux/dynamic with zig, for glibc and musl, and finds their systems.

from corpus.dynamic import build, system
folder = build("aarch64", "gnu")     # loads, libplugin.so, libpreload.so
root = system("aarch64")             # for run --root
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from corpus.build import OUT, SRC, run_zig, zig_version
from corpus.foreign import ROOT, root

HERE = SRC / "linux" / "dynamic"
FLAGS = ("-O2", "-g0", "-s", "-fno-sanitize=all", "-fno-builtin", "-Wall", "-Wextra", "-Werror")
LIBRARY = ("-fPIC", "-shared")
PROGRAM = ("-fPIE", "-pie", "-lpthread", "-ldl")
FILES = {"loads": ("loads.c", PROGRAM), "libplugin.so": ("plugin.c", LIBRARY),
         "libpreload.so": ("preload.c", LIBRARY)}  # fmt: skip
LIBCS = {"gnu": (), "musl": ("-dynamic",)}  # zig links musl statically by itself
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}


def build(arch: str, libc: str) -> Path:
    """The directory of the programs for one architecture and C library; built again only when they changed."""
    key = hashlib.sha256(zig_version().encode() + repr((FLAGS, FILES, LIBCS)).encode())
    for source, _ in FILES.values():
        key.update((HERE / source).read_bytes())
    folder = OUT / f"linux-{arch}" / f"dynamic-{libc}-{key.hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        for name, (source, flags) in FILES.items():
            target = ("-target", f"{arch}-linux-{libc}", *LIBCS[libc])
            run_zig("cc", *target, *FLAGS, *flags, str(HERE / source), "-o", str(made / name))
        if not folder.is_dir():  # another process may have been faster
            made.rename(folder)
    return folder


def system(arch: str) -> Path:
    """A root with the C libraries of an architecture. Raises corpus.foreign.ForeignError."""
    return root(DEBIAN[arch], *ROOT)
