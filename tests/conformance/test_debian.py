"""A distribution's own dynamic programs, run with `--root /`: output, files and status are those of the host's run.

Needs a glibc host of the guest's architecture with the programs installed: apt-get install sqlite3 git perl gcc
openssl postgresql. A program that is missing is skipped; with CI set that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENV = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
TIMEOUT_S = 900

pytestmark = [pytest.mark.slow, pytest.mark.conformance]


def tool(name: str) -> str:
    """The distribution's program of this name; /usr/bin is meant, whatever else PATH holds."""
    found = shutil.which(name, path="/usr/bin:/bin")
    if found is None:
        message = f"{name} is not installed (apt-get install {name})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture
def work() -> Iterator[Path]:
    """A directory the guest sees too: /tmp is its own."""
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="debian-") as folder:
        yield Path(folder)


def guest_command(cwd: Path, command: Sequence[str], *options: str) -> list[str]:
    """What a user types in front of a program of this machine."""
    return [sys.executable, "-m", "aot.cli", "run", "--root", "/", "--cwd", str(cwd), *options, *command]


def run(command: Sequence[str], cwd: Path, stdin: str = "") -> tuple[int, str, str]:
    """Status and both outputs."""
    done = subprocess.run(
        command, cwd=cwd, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        env=ENV | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(ROOT / "build" / "cache")},
    )  # fmt: skip
    assert "Traceback (most recent call last)" not in done.stderr, done.stderr[-3000:]
    return done.returncode, done.stdout, done.stderr


def same(work: Path, *command: str, stdin: str = "") -> tuple[int, str, str]:
    """Run in two equal directories, on the host and as a guest; the outcome, which must be the same."""
    program = [tool(command[0]), *command[1:]]
    theirs = work / "host" / "here"
    ours = work / "guest" / "here"
    (work / "given").mkdir(exist_ok=True)
    for folder in (theirs, ours):
        if not folder.exists():
            shutil.copytree(work / "given", folder, symlinks=True)
    expected = run(program, theirs, stdin)
    got = run(guest_command(ours, program), ours, stdin)
    assert got == (expected[0], *(text.replace(str(theirs), str(ours)) for text in expected[1:]))
    return got


ROWS = """
create table t(id integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
  insert into t select i, 'name ' || (i * 7919 % 100003), i * 0.5 from n;
create index by_name on t(name);
select count(*), sum(value), min(name), max(name) from t;
select id, name from t where name = 'name 4242';
delete from t where id % 3 = 0;
vacuum;
pragma integrity_check;
select count(*), total(id) from t;
"""


def test_sqlite_fills_a_database(work: Path) -> None:
    status, out, _ = same(work, "sqlite3", "rows.db", stdin=ROWS)
    assert (status, out.splitlines()[-2:]) == (0, ["ok", "66667|3333366667.0"])
    for folder in ("host", "guest"):
        check = [
            tool("sqlite3"),
            str(work / folder / "here" / "rows.db"),
            "pragma integrity_check; select count(*) from t",
        ]
        assert run(check, work)[1] == "ok\n66667\n"


class Shell:
    """An sqlite3 that is spoken to line by line."""

    def __init__(self, command: Sequence[str], cwd: Path) -> None:
        self.child = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=ENV | {"PYTHONPATH": str(ROOT)}, bufsize=1,
        )  # fmt: skip

    def ask(self, line: str) -> str:
        """What `line` prints before the mark that follows it."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(f"{line}\nselect 'mark';\n")
        self.child.stdin.flush()
        said = ""
        while not said.endswith("mark\n"):
            got = self.child.stdout.readline()
            assert got, said
            said += got
        return said.removesuffix("mark\n")

    def end(self) -> int:
        assert self.child.stdin is not None
        self.child.stdin.close()
        return self.child.wait(60)


def test_sqlite_processes_respect_each_others_locks(work: Path) -> None:
    command = [tool("sqlite3"), "locks.db"]
    assert run([*command, "create table t(n)"], work)[0] == 0
    one, two, native = (
        Shell(guest_command(work, command), work),
        Shell(guest_command(work, command), work),
        Shell(command, work),
    )
    assert one.ask("begin immediate; insert into t values(1);") == ""
    assert "database is locked" in two.ask("insert into t values(2);")
    assert "database is locked" in native.ask("insert into t values(3);")
    assert one.ask("commit;") == ""
    assert two.ask("insert into t values(4);") == ""
    assert native.ask("begin immediate;") == ""
    assert "database is locked" in one.ask("insert into t values(5);")
    assert native.ask("rollback;") == ""
    assert two.ask("select * from t;") == "1\n4\n"
    assert (one.end(), two.end(), native.end()) == (1, 1, 1)


PYTHON = """
import argparse, array, ast, asyncio, base64, bisect, calendar, collections, csv, ctypes, datetime, decimal, difflib, \
 email.message, fractions, functools, gzip, hashlib, heapq, itertools, json, logging, math, mmap, os, pathlib, pickle, \
 queue, random, re, select, shutil, socket, sqlite3, ssl, statistics, struct, subprocess, sys, tempfile, threading, \
 time, unicodedata, urllib.parse, uuid, xml.etree.ElementTree as ET, zipfile, zlib

results = queue.Queue()
def work(n):
    results.put((n, hashlib.sha256(str(n).encode() * 1000).hexdigest()))
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sorted(results.queue)[3], threading.active_count())
print(subprocess.run(["sh", "-c", "echo $((6 * 7)); exit 3"], capture_output=True))
print(subprocess.check_output(["sort", "-r"], input=b"a\\nb\\nc\\n"))
try:
    subprocess.run(["/no/such/program"])
except FileNotFoundError as error:
    print(error)
with tempfile.TemporaryDirectory(dir=".") as folder:
    path = pathlib.Path(folder, "a.gz")
    path.write_bytes(gzip.compress(b"x" * 100000, mtime=0))
    print(len(gzip.decompress(path.read_bytes())), path.stat().st_size)
async def tick(n):
    await asyncio.sleep(0.01 * n)
    return n
async def main():
    child = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    return await asyncio.gather(*map(tick, range(5))), await child.communicate(b"through cat")
print(asyncio.run(main()))
a, b = socket.socketpair(); a.sendall(b"over a socket"); print(b.recv(100))
print(decimal.Decimal(2).sqrt(), math.sin(1), statistics.pstdev([1, 2, 4]), json.dumps({"a": [1.5, None]}))
pid = os.fork()
if pid == 0:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_python_imports_threads_and_children(work: Path) -> None:
    assert same(work, "python3", "-c", PYTHON)[0] == 0


GIT = """
set -e
export GIT_AUTHOR_DATE='2001-02-03T04:05:06Z' GIT_COMMITTER_DATE='2001-02-03T04:05:06Z'
git init -q -b main .
git config user.name A; git config user.email a@b
for i in $(seq 30); do echo "line $i" > file$i; done
git add .
git commit -q -m 'first commit'
git checkout -q -b side
echo more >> file3; git commit -q -am second
git checkout -q main; echo less >> file4; git commit -q -am third
git merge -q --no-edit side
git log --oneline --graph --stat
git status --short; git fsck; git gc -q; git log --format=%H | tail -1
git clone -q . copy 2>&1; git -C copy rev-parse HEAD; git diff HEAD~2 --stat
"""


def test_git_keeps_a_history(work: Path) -> None:
    tool("git")
    assert same(work, "sh", "-c", GIT)[0] == 0


PERL = r"""
use strict; use warnings; use POSIX; use List::Util qw(sum); use File::Temp; use IO::Handle; use Digest::SHA qw(sha1_hex);
my %count; $count{$_ % 7}++ for 1..1000; print join(",", map {"$_=$count{$_}"} sort keys %count), "\n";
print sum(map {$_ ** 2} 1..100), " ", sha1_hex("abc"), " ", strftime("%Y-%m-%d", gmtime(86400)), "\n";
my $out = `echo from a child; exit 3`; print $out, $? >> 8, "\n";
pipe(my $r, my $w); if (!fork) { close $r; print $w "x" x 100000; exit 4 } close $w; local $/; my $got = <$r>; wait; print length($got), " ", $? >> 8, "\n";
local $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; select(undef, undef, undef, 3); open(my $f, "<", "/no/such") or print "$!\n";
(my $t = "The quick brown fox") =~ s/(\w+)/\u\L$1/g; print "$t\n"; printf "%.10f %e\n", atan2(1, 1) * 4, 1e100;
"""


def test_perl(work: Path) -> None:
    assert same(work, "perl", "-e", PERL)[0] == 0


def test_openssl(work: Path) -> None:
    given = work / "given"
    given.mkdir(exist_ok=True)
    (given / "data").write_bytes(bytes(range(256)) * 4000)
    for command in (
        ("dgst", "-sha256", "data"), ("dgst", "-sha3-512", "data"), ("dgst", "-md5", "data"),
        ("enc", "-aes-256-cbc", "-nosalt", "-pbkdf2", "-k", "pass", "-in", "data", "-out", "sealed"),
        ("enc", "-d", "-aes-256-cbc", "-nosalt", "-pbkdf2", "-k", "pass", "-in", "sealed", "-out", "again"),
        ("enc", "-chacha20", "-nosalt", "-pbkdf2", "-k", "pass", "-in", "data", "-a"), ("prime", "1000000007"),
    ):  # fmt: skip
        assert same(work, "openssl", *command)[0] == 0
    here = work / "guest" / "here"
    assert (here / "again").read_bytes() == (here / "data").read_bytes()
    speed = guest_command(
        here, [tool("openssl"), "speed", "-seconds", "1", "-bytes", "4096", "-evp", "aes-128-gcm"]
    )
    status, out, _ = run(speed, here)
    assert status == 0
    assert "AES-128-GCM" in out
    key = guest_command(here, [tool("openssl"), "genrsa", "-out", "key.pem", "1024"])
    assert run(key, here)[0] == 0
    assert run([tool("openssl"), "rsa", "-check", "-noout", "-in", "key.pem"], here)[1] == "RSA key ok\n"


SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
int main(int argc, char **argv) { qsort(argv + 1, argc - 1, sizeof *argv, compare);
  for (int i = 1; i < argc; i++) printf("%d %s\\n", i, argv[i]); return argc; }
"""


def test_gcc_makes_the_same_object(work: Path) -> None:
    given = work / "given"
    given.mkdir(exist_ok=True)
    (given / "small.c").write_text(SOURCE)
    assert same(work, "gcc", "-O2", "-c", "small.c")[0] == 0
    assert (work / "guest/here/small.o").read_bytes() == (work / "host/here/small.o").read_bytes()
    assert same(work, "gcc", "small.o", "-o", "small")[0] == 0
    assert same(work, "sh", "-c", "./small b c a")[0] == 4


def postgres() -> Path:
    """Where the newest installed server keeps its programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if not found:
        tool("postgres")
    return found[-1].parent


def unprivileged() -> list[str]:
    """postgres refuses to be root: as root the guest becomes somebody else before it starts."""
    return (
        [tool("setpriv"), "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    )


def test_postgres_keeps_rows_over_a_restart() -> None:
    programs, before = postgres(), unprivileged()
    here = Path(tempfile.mkdtemp(prefix="helctic-postgres-", dir="/var/tmp"))
    try:
        if before:
            shutil.chown(here, "nobody", "nogroup")

        def single(sql: str) -> str:
            command = [str(programs / "postgres"), "--single", "-j", "-D", str(here / "data"), "postgres"]
            status, out, err = run(guest_command(here, [*before, *command]), here, sql)
            assert status == 0, err[-3000:]
            assert "ERROR" not in err, err[-3000:]
            return out

        made = [
            str(programs / "initdb"),
            "-D",
            str(here / "data"),
            "-A",
            "trust",
            "-U",
            "postgres",
            "--no-sync",
        ]
        status, _, err = run(guest_command(here, [*before, *made]), here)
        assert status == 0, err[-3000:]
        assert (here / "data" / "PG_VERSION").stat().st_uid == here.stat().st_uid
        single("create table t(id int primary key, name text);\n\n"
               "insert into t select i, 'name ' || i from generate_series(1, 1000) i;\n\ncheckpoint;\n\n")  # fmt: skip
        assert 'count = "1000"' in single("select count(*) from t;\n\n")
        out = single("select sum(id) as total, max(name) as last from t;\n\nvacuum t;\n\n")
        assert 'total = "500500"' in out
        assert 'last = "name 999"' in out
    finally:
        shutil.rmtree(here, ignore_errors=True)
