"""Compilers that run what they make, as the distribution has them: the host's output, and no trap from nowhere.

Needs an x86_64 glibc host with the programs installed: apt-get install luajit tcc pcre2-utils gforth python3.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conformance.test_debian import guest_command, run, same, tool
from tests.conformance.test_debian import work as work  # a fixture

pytestmark = [pytest.mark.slow, pytest.mark.conformance]

LUA = """
local sum = 0
for i = 1, 300000 do sum = (sum * 31 + i % 7) % 1000003 end
for j = 1, 40 do
  local f = load("local a = 0 for i = 1, 300 do a = a + i * " .. j .. " end return a")
  sum = sum + f()
end
print(sum)
"""
# the second call is made by the machine code that the compiler puts into memory
C = """
#include <stdio.h>
#include <unistd.h>
static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
int main(void) {
    long got;
    for (int i = 0; i < 20; i++)
        __asm__ volatile("syscall" : "=a"(got) : "a"(110) : "rcx", "r11", "memory");
    printf("%d %d\\n", fib(18), got == getppid());
    return 0;
}
"""
FORTH = ": squares 0 1000 0 do i dup * + loop . ; squares bye"
CALLBACKS = """
import ctypes
libc = ctypes.CDLL(None)
order = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 6)(5, 3, 1, 4, 2, 6)
libc.qsort(numbers, 6, 4, order(lambda a, b: a[0] - b[0]))
print(list(numbers))
"""
LINES = "".join(f"{n} {'abcd'[n % 4]}{n * n}\n" for n in range(500))


def known(work: Path, *command: str, stdin: str = "") -> dict[str, int]:
    """Class -> calls from code made at run time, of a run in which every trap was expected."""
    program = [tool(command[0]), *command[1:]]
    status, _, err = run(guest_command(work / "given", program, "--stats"), work / "given", stdin)
    assert status == 0
    assert "traps from addresses the translator did not know: 0\n" in err
    made = re.search("^code made at run time.*$", err, re.MULTILINE)
    return {name: int(n) for name, n in re.findall(r"(bound|table|dynamic) (\d+)", made[0] if made else "")}


@pytest.mark.parametrize(
    ("command", "stdin", "says"),
    [
        (("luajit", "-e", LUA), "", "37887076"),
        (("gforth", "-e", FORTH), "", "332833500"),
        (("pcre2grep", "^(4|[13]+)[0-9]* [b-d]"), LINES, "499 d249001"),
        (("python3", "-c", CALLBACKS), "", "[1, 2, 3, 4, 5, 6]"),
    ],
    ids=["luajit", "gforth", "pcre2grep", "python3"],
)
def test_what_compilers_make(work: Path, command: tuple[str, ...], stdin: str, says: str) -> None:
    assert says in same(work, *command, stdin=stdin)[1]
    assert known(work, *command, stdin=stdin).get("dynamic", 0) == 0


def test_calls_of_compiled_code_are_bound(work: Path) -> None:
    (work / "given").mkdir()
    (work / "given" / "calls.c").write_text(C)
    assert same(work, "tcc", "-run", "calls.c")[1] == "2584 1\n"
    assert known(work, "tcc", "-run", "calls.c") == {"bound": 19, "table": 1, "dynamic": 0}
