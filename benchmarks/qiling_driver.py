"""Runs one static Linux program on Qiling and prints the CPU seconds of its run. Lives in Qiling's own
environment: it may import nothing of this project.

    python qiling_driver.py ROOT PROGRAM [ARGS...]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from qiling import Qiling
from qiling.const import QL_VERBOSE


def main(root: str, program: str, *args: str) -> int:
    """Run `program`, a path inside `root`, without any logging: Qiling's fastest configuration."""
    path = str(Path(root) / program.lstrip("/"))
    machine = Qiling([path, *args], root, verbose=QL_VERBOSE.DISABLED, console=False)
    machine.add_fs_mapper("/dev/null", "/dev/null")
    begin = time.process_time()
    machine.run()
    print(f"{time.process_time() - begin:.6f} {machine.os.exit_code}", file=sys.stderr)
    return int(machine.os.exit_code or 0)


sys.exit(main(*sys.argv[1:]))
