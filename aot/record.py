"""Value classes that cost little to define: the part of `dataclasses` this project uses, with every method
made when it is first needed.

A program that is run imports about a hundred value classes and uses a third of them. The standard decorator
writes and compiles five methods for each at import, half a millisecond a class; here a class costs its slots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
FIELDS = "__record_fields__"
_MISSING: Any = type("_Missing", (), {"__repr__": lambda self: "MISSING"})()


class Field:
    """One field of a value class."""

    __slots__ = ("compare", "default", "factory", "init", "name", "repr")

    def __init__(self, default: Any, factory: Any, *, init: bool, shown: bool, compare: bool) -> None:
        self.name = ""
        self.default, self.factory = default, factory
        self.init, self.repr, self.compare = init, shown, compare


class FrozenError(AttributeError):
    """A frozen value was assigned to."""


def field(
    *,
    default: Any = _MISSING,
    default_factory: Any = _MISSING,
    init: bool = True,
    repr: bool = True,
    compare: bool = True,
) -> Any:
    """What `dataclasses.field` says."""
    return Field(default, default_factory, init=init, shown=repr, compare=compare)


@dataclass_transform(field_specifiers=(field,))
def dataclass(*, frozen: bool = False, slots: bool = False, eq: bool = True) -> Callable[[type[T]], type[T]]:
    """The decorator. `slots` is required, a dictionary for every value being what it is there to avoid."""
    if not slots:
        raise TypeError("value classes have slots: write slots=True")

    def make(cls: type[T]) -> type[T]:
        return _made(cls, frozen=frozen, eq=eq)

    return make


def fields(value: Any) -> tuple[Field, ...]:
    """The fields of a value or value class, in order."""
    named: Mapping[str, Field] = getattr(value, FIELDS)
    return tuple(named.values())


def replace(value: T, /, **changes: Any) -> T:
    """A copy of `value` with some fields changed."""
    for f in fields(value):
        if f.init and f.name not in changes:
            changes[f.name] = getattr(value, f.name)
    return type(value)(**changes)


def asdict(value: Any) -> dict[str, Any]:
    """The fields of a value by name; values in it, however deep, become dictionaries too."""
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}


def _plain(value: Any) -> Any:
    if hasattr(type(value), FIELDS):
        return asdict(value)
    if isinstance(value, list | tuple):
        return type(value)(_plain(v) for v in value)
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    return value


def _made(cls: type[T], *, frozen: bool, eq: bool) -> type[T]:
    """`cls` again, with slots for its fields."""
    known: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        known.update(base.__dict__.get(FIELDS, {}))
    space = dict(cls.__dict__)
    own = []
    for name in space.get("__annotations__", ()):
        given = space.pop(name, _MISSING)
        f = given if isinstance(given, Field) else Field(given, _MISSING, init=True, shown=True, compare=True)
        f.name = name
        known[name] = f
        own.append(name)
    inherited = {slot for base in cls.__mro__[1:] for slot in base.__dict__.get("__slots__", ())}
    space["__slots__"] = tuple(name for name in own if name not in inherited)
    space[FIELDS] = known
    space["__match_args__"] = tuple(name for name, f in known.items() if f.init)
    space.setdefault("__init__", _Later("__init__", _init_frozen if frozen else _init))
    space.setdefault("__repr__", _repr)
    if eq:
        space.setdefault("__eq__", _Later("__eq__", _eq))
        space.setdefault("__hash__", _Later("__hash__", _hash) if frozen else None)
    if frozen:
        space["__setattr__"], space["__delattr__"] = _set, _delete
    space.pop("__dict__", None)
    space.pop("__weakref__", None)
    meta: Any = type(cls)
    made: type[T] = meta(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    for method in space.values():
        if isinstance(method, _Later):
            method.owner = made
    return made


class _Later:
    """A method that writes the real one on its first call, puts it in its own place and calls it."""

    __slots__ = ("make", "name", "owner")

    def __init__(self, name: str, make: Callable[[type], str]) -> None:
        self.name, self.make = name, make
        self.owner: type = object

    def __get__(self, value: Any, kind: type) -> Any:
        scope: dict[str, Any] = {"_set": object.__setattr__, "_missing": _MISSING}
        for f in fields(self.owner):
            scope[f"_default_{f.name}"] = f.default
            scope[f"_make_{f.name}"] = f.factory
        exec(self.make(self.owner), scope)
        method: Any = scope[self.name]
        method.__qualname__ = f"{self.owner.__qualname__}.{self.name}"
        setattr(self.owner, self.name, method)
        return method if value is None else method.__get__(value, kind)


def _init(cls: type, assign: str = "self.{name} = {value}") -> str:
    head, body = ["self"], []
    for f in fields(cls):
        value = f.name
        if f.factory is not _MISSING:
            value = f"_make_{f.name}()"
            if f.init:
                head.append(f"{f.name}=_missing")
                value += f" if {f.name} is _missing else {f.name}"
        elif f.default is not _MISSING:
            head.append(f"{f.name}=_default_{f.name}")
        elif f.init:
            head.append(f.name)
        else:
            continue
        body.append(assign.format(name=f.name, value=value))
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    return f"def __init__({', '.join(head)}):\n " + ("\n ".join(body) or "pass")


def _init_frozen(cls: type) -> str:
    return _init(cls, "_set(self, '{name}', {value})")


def _compared(cls: type, of: str) -> str:
    return "(" + "".join(f"{of}.{f.name}, " for f in fields(cls) if f.compare) + ")"


def _eq(cls: type) -> str:
    return (
        "def __eq__(self, other):\n"
        " if other.__class__ is not self.__class__: return NotImplemented\n"
        f" return {_compared(cls, 'self')} == {_compared(cls, 'other')}"
    )


def _hash(cls: type) -> str:
    return f"def __hash__(self):\n return hash({_compared(cls, 'self')})"


def _repr(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name, '?')!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({shown})"


def _set(self: Any, name: str, value: Any) -> None:
    raise FrozenError(f"{type(self).__name__}.{name} cannot be assigned: the value is frozen")


def _delete(self: Any, name: str) -> None:
    raise FrozenError(f"{type(self).__name__}.{name} cannot be deleted: the value is frozen")
