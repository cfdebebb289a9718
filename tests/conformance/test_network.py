"""Networks inside a run and outside: an HTTP server and its clients in one guest, and sockets of the host."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from corpus.build import build
from corpus.foreign import ForeignError, go
from tests.conformance.harness import Setting, run_guest, translated

NETWORK = """\
posts 40
big 1048576 <nil>
unix <nil>
round
5 true <nil> <nil> <nil>
dial tcp 127.0.0.1:1: connect: connection refused
true
true <nil>
127.0.0.1/8 <nil>
"""


@pytest.mark.conformance
@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_go_serves_itself(arch: str, dispatch: str, tmp_path: Path) -> None:
    try:
        native = translated(go("network", "linux", arch), tmp_path)
    except ForeignError as error:
        pytest.skip(str(error))
    outcome = run_guest(native, tmp_path, Setting(), dispatch, trace=False)
    assert (outcome.stderr, outcome.stdout, outcome.status) == ("", NETWORK, 0)


def call(program: Path, port: int, *options: str) -> str:
    """What a guest prints that connects to a port and sends."""
    command = [sys.executable, "-m", "aot.cli", "run", *options, str(program), str(port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_the_host_is_reached_when_asked_for(arch: str) -> None:
    program = build("caller", f"linux-{arch}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        heard = []

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                heard.append(peer.recv(64))
                peer.sendall(b"hello guest")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert call(program, port) == "connect: Connection refused\n"
        assert call(program, port, "--net", "none") == "socket: Address family not supported by protocol\n"
        assert not heard
        assert call(program, port, "--net", "host") == "hello guest\n"
        thread.join(10)
    assert heard == [b"hello host"]
