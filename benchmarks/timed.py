"""Runs one command and says what it took: CPU seconds, wall seconds, most memory in KiB, status.

    python -I -S timed.py COMMAND...        the four numbers are the last line of standard error

A process of its own, because the memory of whoever starts a command counts as the command's: this one is small.
"""

import os
import sys
import time


def main(command: list[str]) -> None:
    """Start, wait, tell."""
    begin = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    cpu = used.ru_utime + used.ru_stime
    sys.stderr.write(f"\n{cpu:.6f} {wall:.6f} {used.ru_maxrss} {os.waitstatus_to_exitcode(status)}\n")


main(sys.argv[1:])
