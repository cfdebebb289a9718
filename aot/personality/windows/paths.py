"""Windows paths and guest paths: drive C: (and Z:) is the guest's root, devices have names of their own.

A Win32 path ("..\\x", "C:/a") becomes a full DOS path, that an NT path (`\\??\\C:\\a`), and that a guest
path (b"/a"). Programs see the guest's directories under C:.
"""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.windows.text import from_host, to_host

DRIVES = "CZ"
DOS_DEVICES = ("\\??\\", "\\dosdevices\\", "\\global??\\", "\\??\\global\\")
STDIN, STDOUT = b"//stdin", b"//stdout"  # no guest path begins so: the process's own console handles
DEVICES = {
    "nul": b"/dev/null",
    "con": STDOUT,
    "conin$": STDIN,
    "conout$": STDOUT,
}
NT_DEVICES = {
    "\\device\\null": b"/dev/null",
    "\\device\\condrv": STDOUT,
    "\\device\\condrv\\console": STDOUT,
    "\\device\\condrv\\currentin": STDIN,
    "\\device\\condrv\\currentout": STDOUT,
    "\\device\\cng": b"/dev/urandom",
    "\\device\\ksecdd": b"/dev/urandom",
}
_VOLUME = "\\device\\harddiskvolume1"
_BAD = set('<>"|?*\0')


def from_guest(path: bytes) -> str:
    """The DOS path of a guest path: b"/a/b" -> C:\\a\\b."""
    return "C:" + (from_host(path).replace("/", "\\") or "\\")


def full_path(path: str, cwd: str) -> str:
    """The absolute form of a Win32 path; `cwd` is a DOS path. Devices come as \\\\.\\NAME."""
    if path[:4] in ("\\\\?\\", "\\??\\"):
        return path
    path = path.replace("/", "\\")
    if path.startswith("\\\\.\\"):
        return path
    device = path.rpartition("\\")[2].rstrip(" :").lower()
    if device in DEVICES and ("\\" not in path or device == "nul"):
        return f"\\\\.\\{device.upper()}"
    if path[:2] == "\\\\":
        return path
    if path[1:2] == ":":
        drive, rest = path[:2].upper(), path[2:]
        if not rest.startswith("\\"):
            rest = cwd[2:].rstrip("\\") + "\\" + rest
    elif path.startswith("\\"):
        drive, rest = cwd[:2], path
    else:
        drive, rest = cwd[:2], cwd[2:].rstrip("\\") + "\\" + path
    return drive + _collapse(rest)


def _collapse(rest: str) -> str:
    trailing = rest.endswith("\\")
    out: list[str] = []
    for part in rest.split("\\"):
        if part == "..":
            del out[-1:]
        elif part not in ("", "."):
            out.append(part.rstrip(" .") or part)
    joined = "\\" + "\\".join(out)
    return joined + "\\" if trailing and out else joined


def nt_path(full: str) -> str:
    """The NT name of a full Win32 path."""
    if full.startswith("\\??\\"):
        return full
    if full[:4] in ("\\\\?\\", "\\\\.\\"):
        return "\\??\\" + full[4:]
    if full.startswith("\\\\"):
        return "\\??\\UNC" + full[1:]
    return "\\??\\" + full


def to_guest(name: str) -> bytes:
    """The guest path of an absolute NT name. Raises Errno for names that lead nowhere here."""
    lower = name.lower()
    if lower in NT_DEVICES:
        return NT_DEVICES[lower]
    if lower.startswith(_VOLUME):
        return _plain(name[len(_VOLUME) :])
    for prefix in DOS_DEVICES:
        if lower.startswith(prefix):
            return _dos(name[len(prefix) :])
    if not name.startswith("\\"):
        raise Errno(E.BAD_PATH)
    raise Errno(E.NOT_FOUND_PATH)


def _dos(rest: str) -> bytes:
    device = DEVICES.get(rest.lower())
    if device is not None:
        return device
    if rest[1:2] == ":":
        if rest[0].upper() not in DRIVES:
            raise Errno(E.NOT_FOUND_PATH)
        return _plain(rest[2:])
    raise Errno(E.NOENT if "\\" not in rest else E.NOT_FOUND_PATH)


def _plain(rest: str) -> bytes:
    if any(c in _BAD for c in rest):
        raise Errno(E.BAD_NAME)
    parts = [p for p in rest.split("\\") if p]
    if any(p in (".", "..") or "/" in p for p in parts):
        raise Errno(E.BAD_NAME)
    return b"/" + to_host("/".join(parts))
