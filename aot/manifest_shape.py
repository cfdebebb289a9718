"""What the fields of a manifest may hold: JSON does not say, and a file may come from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.errors import ManifestError

Check = Callable[[Any], bool]
WORD = 1 << 64
USER = 1 << 47  # no system gives a program an address above
LARGEST = 1 << 40  # bytes of one stack, heap, stub area or TLS template: what the runtime's memory holds


def _word(value: Any) -> bool:
    return type(value) is int and 0 <= value < WORD


def _text(value: Any) -> bool:
    return type(value) is str


def _many(item: Check, count: int | None = None) -> Check:
    def check(value: Any) -> bool:
        return type(value) is list and (count is None or len(value) == count) and all(map(item, value))

    return check


_PAIR = _many(_word, 2)
_CHECKS: dict[str, Check] = {
    "int": _word,
    "str": _text,
    "bool": lambda value: type(value) is bool,
    "int | None": lambda value: value is None or _word(value),
    "str | None": lambda value: value is None or type(value) is str,
    "tuple[int, ...]": _many(_word),
    "tuple[int, int]": _PAIR,
    "tuple[int, int, int]": _many(_word, 3),
    "tuple[tuple[int, int], ...]": _many(_PAIR),
    "tuple[str, ...]": _many(_text),
}
_SHAPES: dict[type, dict[str, Check]] = {}


def _signed(value: Any) -> bool:
    return type(value) is int and -WORD < value < WORD


_SIGNED: dict[str, Check] = {"addend": _signed, "number": lambda value: value is None or _signed(value)}


def _anything(value: Any) -> bool:
    """Values of classes of their own are looked at one by one."""
    return type(value) is list or type(value) is dict or value is None


def shape_of(cls: type) -> dict[str, Check]:
    """The check of each field of a value class, from what it is declared to be."""
    shape = _SHAPES.get(cls)
    if shape is None:
        shape = _SHAPES[cls] = {
            name: _SIGNED.get(name) or _CHECKS.get(kind, _anything)
            for name, kind in cls.__annotations__.items()
        }
    return shape


def checked(cls: type, raw: Any) -> dict[str, Any]:
    """`raw` when every field in it holds what `cls` declares. Raises ManifestError."""
    if type(raw) is not dict:
        raise ManifestError(f"the manifest's {cls.__name__} is no object")
    shape = shape_of(cls)
    for name, value in raw.items():
        check = shape.get(name)
        if check is None or not check(value):
            raise ManifestError(f"the manifest's {name:.40} cannot be {value!r:.40}")
    fields: dict[str, Any] = raw
    return fields


def hexadecimal(text: str) -> None:
    """Raises ManifestError for what is not the hex of bytes."""
    try:
        _ = text and bytes.fromhex(text)
    except ValueError:
        raise ManifestError(f"the manifest's {text!r:.40} are no bytes") from None


def below(limit: int, **values: int) -> None:
    """Raises ManifestError for a value that is not below `limit`."""
    for name, value in values.items():
        if value >= limit:
            raise ManifestError(f"the manifest's {name} cannot be {value:#x}")
