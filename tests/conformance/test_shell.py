"""A shell script with everything a shell does with processes: the guest gives what the host gives."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from tests.conformance.harness import Setting, run_both
from tests.conformance.test_busybox import busybox

SCRIPT = r"""
echo a b c | tr ' ' '\n' | sort -r | head -2
x=$(echo sub | sed 's/s/S/'); echo "$x"
for i in 1 2 3; do echo line $i; done | grep -c line
(exit 3); echo $?
cat <<EOF | wc -l
one
two
EOF
sleep 0.1 & wait $!; echo waited $?
sleep 100 & kill $!; wait $!; echo killed $?
trap 'echo trapped' USR1; kill -USR1 $$; echo after
echo to file > f; cat < f >> g; cat f g | wc -c
awk 'BEGIN { print 6 * 7 }'
find . -name f | xargs basename
false || echo or; true && echo and
printf 'echo from a script $1\n' > s.sh; sh s.sh argument
seq 200 | while read n; do [ $((n % 50)) -eq 0 ] && echo $n; done
tar cf - f g | tar tf -
gzip < f | gunzip
exec echo the end
"""
FILES = (("script.sh", SCRIPT.encode()),)


@pytest.mark.conformance
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_a_script_gives_what_the_host_gives(arch: str, tmp_path: Path) -> None:
    program = busybox(arch)
    setting = Setting(args=("sh", "script.sh"), files=FILES, argv0="busybox")
    outcome = run_both(program, tmp_path, setting)
    assert outcome.status == 0
    if platform.machine() != "x86_64":
        pytest.skip("the host cannot run busybox of x86_64")
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "script.sh").write_bytes(SCRIPT.encode())
    host = subprocess.run(
        ["busybox", "sh", "script.sh"], executable=busybox("x86_64"), cwd=folder, capture_output=True, text=True,
        timeout=60, env={"PATH": ""}, check=False,
    )  # fmt: skip
    assert (outcome.stdout, outcome.stderr) == (host.stdout, host.stderr)
