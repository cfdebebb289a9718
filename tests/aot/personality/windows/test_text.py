"""Command lines, environment blocks, paths and printf: pure functions."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aot.personality.abi.errors import E, Errno
from aot.personality.windows import paths, printf
from aot.personality.windows.directory import matches
from aot.personality.windows.modules import library, module_of
from aot.personality.windows.text import block_entries, environment_block, from_host, join, split, to_host

WORDS = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12), max_size=5
)


@given(WORDS)
def test_a_joined_command_line_splits_into_its_arguments(words: list[str]) -> None:
    assert split(join(["prog", *words])) == ["prog", *words]


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ('a "b c" d', ["a", "b c", "d"]),
        (r'a b\\c "d\"e" \\\"f', ["a", r"b\\c", 'd"e', '\\"f']),
        ('"C:\\with space\\x.exe" y', ["C:\\with space\\x.exe", "y"]),
        ('a "b""c"', ["a", 'b"c']),
        ("a  \t b", ["a", "b"]),
        ('a ""', ["a", ""]),
    ],
)
def test_splitting_by_the_runtimes_rules(line: str, arguments: list[str]) -> None:
    assert split(line) == arguments


@given(st.binary(max_size=20))
def test_any_host_name_survives_utf16(raw: bytes) -> None:
    assert (
        to_host(from_host(raw).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass"))
        == raw
    )


def test_environment_blocks() -> None:
    assert list(block_entries(environment_block((b"b=2", b"A=1", b"junk")))) == ["A=1", "b=2"]
    assert environment_block(()) == bytes(4)


@pytest.mark.parametrize(
    ("path", "full"),
    [
        ("x", "C:\\here\\x"),
        ("..\\x", "C:\\x"),
        ("..\\..\\..\\x", "C:\\x"),
        ("/a/b", "C:\\a\\b"),
        ("\\a\\.\\b\\..\\c", "C:\\a\\c"),
        ("c:\\A\\b.", "C:\\A\\b"),
        ("C:x", "C:\\here\\x"),
        ("z:/a/", "Z:\\a\\"),
        ("nul", "\\\\.\\NUL"),
        ("CONOUT$", "\\\\.\\CONOUT$"),
        ("\\\\?\\C:\\a\\..\\b", "\\\\?\\C:\\a\\..\\b"),
    ],
)
def test_full_paths(path: str, full: str) -> None:
    assert paths.full_path(path, "C:\\here\\") == full


@pytest.mark.parametrize(
    ("name", "guest"),
    [
        ("\\??\\C:\\a\\b", b"/a/b"),
        ("\\??\\Z:\\", b"/"),
        ("\\DosDevices\\c:\\x", b"/x"),
        ("\\??\\NUL", b"/dev/null"),
        ("\\Device\\Null", b"/dev/null"),
        ("\\Device\\HarddiskVolume1\\x", b"/x"),
        ("\\??\\CONIN$", paths.STDIN),
    ],
)
def test_nt_names_lead_to_guest_paths(name: str, guest: bytes) -> None:
    assert paths.to_guest(name) == guest


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("\\??\\D:\\x", E.NOT_FOUND_PATH),
        ("\\??\\C:\\a?b", E.BAD_NAME),
        ("\\??\\C:\\a/b", E.BAD_NAME),
        ("\\??\\C:\\..\\etc", E.BAD_NAME),
        ("relative", E.BAD_PATH),
        ("\\Nowhere\\x", E.NOT_FOUND_PATH),
        ("\\??\\nosuchdevice", E.NOENT),
    ],
)
def test_names_that_lead_nowhere(name: str, error: E) -> None:
    with pytest.raises(Errno) as raised:
        paths.to_guest(name)
    assert raised.value.code is error


@given(st.lists(st.text("abc. ", min_size=1, max_size=4), max_size=6), st.booleans())
def test_a_win32_path_never_leaves_its_drive(parts: list[str], up: bool) -> None:
    text = "\\".join((["..", ".."] if up else []) + parts)
    full = paths.full_path(text or ".", "C:\\")
    assert full.startswith("C:\\")
    assert ".." not in full.split("\\")


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "anything", True),
        ("*.txt", "A.TXT", True),
        ("*.txt", "a.text", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("<.txt", "a.b.txt", True),
        ('a">', "a", True),
    ],
)
def test_search_patterns(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


def test_libraries_and_their_aliases() -> None:
    assert library("KERNEL32.dll") == library("api-ms-win-core-file-l1-2-0.dll") == "kernel32"
    assert library("api-ms-win-crt-stdio-l1-1-0.dll") == library("msvcrt.dll") == "ucrtbase"
    assert module_of("C:\\Windows\\System32\\NTDLL.DLL") == "ntdll.dll"
    assert module_of("api-ms-win-crt-math-l1-1-0") == "ucrtbase.dll"
    assert module_of("nosuch.dll") is None


def formatted(template: str, *values: int | float | str, options: int = 0, wide: bool = False) -> str:
    words: list[int] = []
    strings: dict[int, str] = {}
    for value in values:
        if isinstance(value, float):
            words.append(struct.unpack("<Q", struct.pack("<d", value))[0])
        elif isinstance(value, str):
            strings[0x1000 + len(strings)] = value
            words.append(0x1000 + len(strings) - 1)
        else:
            words.append(value & (1 << 64) - 1)
    queue = iter(words)
    counts: list[tuple[int, int, int]] = []
    source = printf.Source(
        lambda: next(queue),
        lambda address, most: "n:" + strings[address][:most],
        lambda address, most: "w:" + strings[address][:most],
        lambda *count: counts.append(count),
    )
    return printf.render(template, source, wide=wide, options=options) + "".join(str(c) for c in counts)


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("%d|%5d|%-5d|%05d|%+d|% d", (1, 2, 3, 4, 5, 6), "1|    2|3    |00004|+5| 6"),
        ("%d %i %u", (-1, -2, -1), "-1 -2 4294967295"),
        ("%hhd %hd %ld %lld %I64d", (0x1FF, 0x1FFFF, -1, 1 << 40, -5), "-1 -1 -1 1099511627776 -5"),
        ("%zu %Iu %jd %td", (1 << 33, 1 << 33, -3, -4), "8589934592 8589934592 -3 -4"),
        ("%x %X %#x %#o %o %#x", (255, 255, 255, 8, 8, 0), "ff FF 0xff 010 10 0"),
        ("%.3d|%8.3d|%-8.3d|%08.3d|%.0d", (5, 5, 5, 5, 0), "005|     005|005     |     005|"),
        ("%*d|%-*d|%*d|%.*d", (5, 1, 4, 2, -4, 3, 3, 7), "    1|2   |3   |007"),
        ("%c%5c%-3c|", (65, 66, 67), "A    BC  |"),
        ("%s|%.2s|%8s|%-8s|", ("abc", "abc", "abc", "abc"), "n:abc|n:ab|   n:abc|n:abc   |"),
        ("%ls %S %hs", ("wide", "other", "narrow"), "w:wide w:other n:narrow"),
        ("%s", (0,), "(null)"),
        ("%p", (0xABC,), "0000000000000ABC"),
        ("%f %.3f %.0f %#.0f", (3.14159, 3.14159, 2.5, 2.0), "3.141590 3.142 2 2."),
        (
            "%e %.2e %E %e",
            (12345.678, 0.00012, 1.0, 1e100),
            "1.234568e+04 1.20e-04 1.000000E+00 1.000000e+100",
        ),
        ("%g %g %g %#g %G", (100000.0, 1e6, 0.0001, 1.5, 1e-10), "100000 1e+06 0.0001 1.50000 1E-10"),
        (
            "%a %a %.1a %A",
            (1.0, 0.5, 1.96875, 10.0),
            "0x1.0000000000000p+0 0x1.0000000000000p-1 0x2.0p+0 0X1.4000000000000P+3",
        ),
        ("%8.2f|%-8.2f|%08.2f|%+.1f", (1.5, 1.5, -1.5, 2.0), "    1.50|1.50    |-0001.50|+2.0"),
        ("%f %F %e %5.1f", (float("inf"), float("-inf"), float("nan"), float("inf")), "inf -INF nan   inf"),
        ("100%% %d%%", (7,), "100% 7%"),
        ("ab%ncd", (0x5000,), "abcd(20480, 4, 2)"),
        ("%y", (), "y"),
    ],
)
def test_printf(template: str, values: tuple[int | float | str, ...], expected: str) -> None:
    assert formatted(template, *values) == expected


def test_printf_of_wide_formats() -> None:
    assert formatted("%s %S", "a", "b", wide=True) == "n:a n:b"
    assert formatted("%s %hs", "a", "b", wide=True, options=printf.LEGACY_WIDE) == "w:a n:b"


@given(
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.integers(0, 20),
    st.sampled_from(["", "-", "0", "+", " ", "-+"]),
)
def test_printf_of_integers_is_pythons(value: int, width: int, flags: str) -> None:
    template = f"%{flags}{width or ''}d"
    assert formatted(template, value) == template % value


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 17), st.sampled_from("eEfFgG"))
def test_printf_of_doubles_is_pythons(value: float, precision: int, letter: str) -> None:
    template = f"%.{precision}{letter}"
    assert formatted(template, value) == template % value
