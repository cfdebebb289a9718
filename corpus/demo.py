"""`make demo`: builds a Windows program with zig, translates it, runs it, and shows what was done to it.

Every command is printed before it runs, so that it can be typed again.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from corpus.build import run_zig

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "build" / "demo"
TARGET = "x86_64-windows-gnu"
SHOWN = 16  # lines of inspect
EXPECTED = 42


def tool(*arguments: str, shown: int | None = None) -> int:
    """Run one command of ours in the demo's directory and answer its status."""
    print(f"\n$ helctic-aot {shlex.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "aot.cli", *arguments]
    path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        command, cwd=OUT, env=os.environ | {"PYTHONPATH": path}, text=True, check=False,
        stdout=subprocess.PIPE if shown else None,
    )  # fmt: skip
    if shown:
        lines = done.stdout.splitlines()
        print("\n".join(lines[:shown]))
        if len(lines) > shown:
            print(f"  ... {len(lines) - shown} more lines")
    return done.returncode


def main() -> int:
    """The session; the status is 0 when everything gave what it must."""
    OUT.mkdir(parents=True, exist_ok=True)
    source = HERE / "src" / "demo" / "hello.c"
    print(f"$ zig cc -target {TARGET} -O2 -s {source.relative_to(HERE.parent)} -o hello.exe", flush=True)
    run_zig("cc", "-target", TARGET, "-O2", "-s", str(source), "-o", str(OUT / "hello.exe"))
    if tool("translate", "hello.exe", "hello.elf"):
        return 1
    status = tool("run", "hello.elf", "one", "two words")
    print(f"exit status {status}")
    written = OUT / "demo.txt"
    print(f"\n$ cat demo.txt\n{written.read_text() if written.exists() else '(not there)'}", end="")
    tool("verify", "hello.elf", "--against", "hello.exe")
    tool("inspect", "hello.exe", shown=SHOWN)
    return 0 if status == EXPECTED and written.exists() else 1


if __name__ == "__main__":
    sys.exit(main())
