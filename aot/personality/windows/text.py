"""Strings as Windows keeps them: UTF-16 in memory, command lines, environment blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def wide(text: str) -> bytes:
    """UTF-16 without an end; bytes that were no UTF-8 survive as lone surrogates."""
    return text.encode("utf-16-le", "surrogatepass")


def widez(text: str) -> bytes:
    """UTF-16 with its terminating NUL."""
    return wide(text) + b"\0\0"


def from_wide(raw: bytes) -> str:
    """Text of UTF-16 bytes; lone surrogates survive."""
    return raw.decode("utf-16-le", "surrogatepass")


def from_host(raw: bytes) -> str:
    """A host name or argument (UTF-8 by convention) as text."""
    return raw.decode("utf-8", "surrogateescape")


def to_host(text: str) -> bytes:
    """The reverse; a lone surrogate that is no escaped byte stays visible."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def quote(argument: str) -> str:
    """One argument of a command line, so that `split` gives it back."""
    if argument and not any(c in ' \t\n\v"' for c in argument):
        return argument
    out, slashes = ['"'], 0
    for c in argument:
        if c == "\\":
            slashes += 1
            continue
        out.append("\\" * (2 * slashes + 1 if c == '"' else slashes) + c)
        slashes = 0
    return "".join(out) + "\\" * (2 * slashes) + '"'


def join(arguments: Iterable[str]) -> str:
    """The command line of a list of arguments."""
    return " ".join(quote(a) for a in arguments)


def split(line: str) -> list[str]:
    """The arguments of a command line by the C runtime's rules."""
    out: list[str] = []
    at = _program(line, out)
    current: list[str] | None = None
    quoted = False
    while at < len(line):
        c = line[at]
        if c in " \t" and not quoted:
            if current is not None:
                out.append("".join(current))
                current = None
            at += 1
            continue
        current = [] if current is None else current
        if c == "\\":
            end = at
            while end < len(line) and line[end] == "\\":
                end += 1
            count = end - at
            if end < len(line) and line[end] == '"':
                current.append("\\" * (count // 2))
                if count % 2:
                    current.append('"')
                    end += 1
            else:
                current.append("\\" * count)
            at = end
        elif c == '"':
            if quoted and line[at + 1 : at + 2] == '"':
                current.append('"')
                at += 1
            else:
                quoted = not quoted
            at += 1
        else:
            current.append(c)
            at += 1
    if current is not None:
        out.append("".join(current))
    return out


def _program(line: str, out: list[str]) -> int:
    """Take the program name, where a backslash never escapes."""
    quoted, at, name = False, 0, []
    while at < len(line) and (quoted or line[at] not in " \t"):
        if line[at] == '"':
            quoted = not quoted
        else:
            name.append(line[at])
        at += 1
    out.append("".join(name))
    return at


def environment_block(env: Iterable[bytes]) -> bytes:
    """UTF-16 `NAME=value` strings, sorted by upper-cased name, an empty one at the end."""
    entries = sorted((from_host(e) for e in env if b"=" in e[1:]), key=lambda e: e.partition("=")[0].upper())
    return b"".join(widez(e) for e in entries) + (b"\0\0" if entries else b"\0\0\0\0")


def block_entries(raw: bytes) -> Iterator[str]:
    """The strings of an environment block."""
    for entry in from_wide(raw).split("\0"):
        if not entry:
            return
        yield entry
