"""Value classes that cost little to define: the part of `dataclasses` this project uses, with every method
made when it is first needed.

A program that is run imports about a hundred value classes and uses a third of them. The standard decorator
writes and compiles five methods for each at import, half a millisecond a class; here a class costs its slots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from types import CodeType, FunctionType
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
FIELDS = "__record_fields__"
_COPIED: dict[type, tuple[str, ...]] = {}  # what `replace` copies of a class
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
    kind = type(value)
    names = _COPIED.get(kind)
    if names is None:
        names = _COPIED[kind] = tuple(f.name for f in fields(value) if f.init)
    for name in names:
        if name not in changes:
            changes[name] = getattr(value, name)
    return kind(**changes)


def asdict(value: Any) -> dict[str, Any]:
    """The fields of a value by name; values in it, however deep, become dictionaries too."""
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is int or kind is str or value is None:
        return value
    if hasattr(kind, FIELDS):
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
    """A method that makes the real one on its first use and puts it in its own place."""

    __slots__ = ("make", "name", "owner")

    def __init__(self, name: str, make: Callable[[type], Any]) -> None:
        self.name, self.make = name, make
        self.owner: type = object

    def __get__(self, value: Any, kind: type) -> Any:
        method = self.make(self.owner)
        method.__qualname__ = f"{self.owner.__qualname__}.{self.name}"
        setattr(self.owner, self.name, method)
        return method if value is None else method.__get__(value, kind)


REQUIRED, DEFAULT, FACTORY, HIDDEN_DEFAULT, HIDDEN_FACTORY, HIDDEN = "rdfDFh"
"""What a constructor does about a field; the hidden ones are no parameters."""

_CODE: dict[tuple[str, bool, bool], CodeType] = {}


def _kind(f: Field) -> str:
    if f.factory is not _MISSING:
        return FACTORY if f.init else HIDDEN_FACTORY
    if f.default is not _MISSING:
        return DEFAULT if f.init else HIDDEN_DEFAULT
    return REQUIRED if f.init else HIDDEN


def _init(cls: type, *, frozen: bool = False) -> FunctionType:
    """The constructor: code shared by all classes of one shape, with the names of this one's fields.

    Compiling it for every class would cost more than everything else about a class.
    """
    own = fields(cls)
    shape = "".join(_kind(f) for f in own)
    if REQUIRED in "".join(k for k in shape if k in (REQUIRED, DEFAULT, FACTORY)).lstrip(REQUIRED):
        raise TypeError(f"{cls.__qualname__}: a field without a default follows one that has it")
    key = (shape.replace(DEFAULT, REQUIRED), frozen, hasattr(cls, "__post_init__"))
    code = _CODE.get(key)
    if code is None:
        code = _CODE[key] = _init_code(*key)
    names = {f"_{i}": f.name for i, f in enumerate(own)}
    code = code.replace(
        co_varnames=tuple(names.get(n, n) for n in code.co_varnames),
        co_names=tuple(names.get(n, n) for n in code.co_names),
    )
    scope: dict[str, Any] = {"_missing": _MISSING, "__builtins__": {}}
    for i, f in enumerate(own):
        scope[f"_default_{i}"], scope[f"_make_{i}"] = f.default, f.factory
        scope[f"_set_{i}"] = getattr(cls, f.name).__set__
    defaults = tuple(f.default for f, kind in zip(own, shape, strict=True) if kind in (DEFAULT, FACTORY))
    return FunctionType(code, scope, "__init__", defaults)


def _init_code(shape: str, frozen: bool, post: bool) -> CodeType:
    """A constructor whose fields are called _0, _1 ...; a frozen value is set through its slots."""
    head, body = ["self"], []
    for i, kind in enumerate(shape):
        if kind == HIDDEN:
            continue
        if kind in (REQUIRED, FACTORY):
            head.append(f"_{i}")
        value = {
            FACTORY: f"_make_{i}() if _{i} is _missing else _{i}",
            HIDDEN_FACTORY: f"_make_{i}()",
            HIDDEN_DEFAULT: f"_default_{i}",
        }.get(kind, f"_{i}")
        body.append(f"_set_{i}(self, {value})" if frozen else f"self._{i} = {value}")
    if post:
        body.append("self.__post_init__()")
    scope: dict[str, Any] = {}
    exec(f"def __init__({', '.join(head)}):\n " + ("\n ".join(body) or "pass"), scope)
    code: CodeType = scope["__init__"].__code__
    return code


def _init_frozen(cls: type) -> FunctionType:
    return _init(cls, frozen=True)


def _compared(cls: type) -> Callable[[Any], Any]:
    names = [f.name for f in fields(cls) if f.compare]
    return attrgetter(*names) if names else lambda _: ()


def _eq(cls: type) -> Any:
    compared = _compared(cls)

    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807
        if other.__class__ is not self.__class__:
            return NotImplemented
        return compared(self) == compared(other)

    return __eq__


def _hash(cls: type) -> Any:
    compared = _compared(cls)

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(compared(self))

    return __hash__


def _repr(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name, '?')!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({shown})"


def _set(self: Any, name: str, value: Any) -> None:
    raise FrozenError(f"{type(self).__name__}.{name} cannot be assigned: the value is frozen")


def _delete(self: Any, name: str) -> None:
    raise FrozenError(f"{type(self).__name__}.{name} cannot be deleted: the value is frozen")
