from __future__ import annotations

import pytest

from runtime.policy.record import merged_addresses, merged_paths
from runtime.policy.targets import address_matches, path_matches


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/etc/passwd", "/etc/passwd", True),
        ("/etc/passwd", "/etc/passwd-", False),
        ("/usr/lib/", "/usr/lib/x/y", True),
        ("/usr/lib/", "/usr/lib", True),
        ("/usr/lib/", "/usr/library", False),
        ("/", "/anything", True),
        ("/proc/*/comm", "/proc/12/comm", True),
        ("/proc/*/comm", "/proc/12/task/comm", False),
        ("/proc/*/", "/proc/12/task/comm", True),
        ("/a.c", "/abc", False),
        ("/a.*", "/abc", False),
    ],
)
def test_paths(pattern: str, path: str, matches: bool) -> None:
    assert path_matches(pattern, path) is matches


@pytest.mark.parametrize(
    ("pattern", "address", "matches"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True),
        ("127.0.0.1:80", "127.0.0.1:8080", False),
        ("127.0.0.1:*", "127.0.0.1:8080", True),
        ("10.0.0.0/8:443", "10.9.8.7:443", True),
        ("10.0.0.0/8:443", "11.9.8.7:443", False),
        ("*:53", "1.2.3.4:53", True),
        ("*:53", "[::1]:53", True),
        ("[::1]:53", "[::1]:53", True),
        ("[2001:db8::]/32:53", "[2001:db8:1::5]:53", True),
        ("[2001:db8::]/32:53", "1.2.3.4:53", False),
        ("*:*", "unix:/run/x", False),
        ("unix:/run/x", "unix:/run/x", True),
        ("unix:/run/", "unix:/run/x", True),
        ("unix:@name", "unix:@name", True),
        ("unix:@name", "unix:@names", False),
        ("netlink:", "netlink:", True),
    ],
)
def test_addresses(pattern: str, address: str, matches: bool) -> None:
    assert address_matches(pattern, address) is matches


def test_what_is_made_is_named_by_its_directory() -> None:
    assert merged_paths(["/etc/passwd"], ["/tmp/a8f3", "/tmp/77cc"]) == ["/etc/passwd", "/tmp/"]
    assert merged_paths([], ["/new"]) == ["/new"]  # not everything there is


def test_many_names_of_a_directory_are_the_directory() -> None:
    names = [f"/d/{n}" for n in range(20)]
    assert merged_paths(names, []) == ["/d/"]
    assert merged_paths(names[:3], []) == names[:3]
    assert merged_paths([f"/{n}" for n in range(20)], []) == sorted(f"/{n}" for n in range(20))


def test_numbers_of_processes_are_any_number() -> None:
    assert merged_paths(["/proc/1001/exe", "/proc/1002/exe", "/proc/self/comm"], []) == [
        "/proc/*/exe",
        "/proc/self/comm",
    ]


def test_ports_that_change_are_any_port() -> None:
    many = [f"10.0.0.1:{port}" for port in range(5)]
    assert merged_addresses([*many, "1.1.1.1:40000", "1.1.1.2:53", "unix:/x"]) == [
        "1.1.1.1:*",
        "1.1.1.2:53",
        "10.0.0.1:*",
        "unix:/x",
    ]
