from __future__ import annotations

import pytest

from aot.record import FrozenError, asdict, dataclass, field, fields, replace


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    names: tuple[str, ...] = ()
    extra: list[int] = field(default_factory=list, compare=False)


@dataclass(slots=True)
class Counter:
    count: int = 0
    log: list[str] = field(default_factory=list)
    double: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.double = self.count * 2


@dataclass(frozen=True, slots=True)
class Named(Point):
    name: str = "none"

    def __repr__(self) -> str:
        return f"<{self.name}>"


@dataclass(slots=True, eq=False)
class Identity:
    value: int


def test_construction_defaults_and_keywords() -> None:
    assert (Point(1).x, Point(1).y, Point(1, names=("a",)).names) == (1, 2, ("a",))
    assert Point(1).extra == []
    assert Point(1).extra is not Point(1).extra
    with pytest.raises(TypeError, match=r"Point.__init__\(\) missing"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword"):
        Point(1, z=3)  # type: ignore[call-arg]


def test_equality_and_hash_follow_compared_fields() -> None:
    assert Point(1, extra=[1]) == Point(1, extra=[2])
    assert hash(Point(1, extra=[1])) == hash(Point(1, extra=[2]))
    assert Point(1) != Point(2)
    assert Point(1) != Named(1)
    assert len({Point(1), Point(1), Point(2)}) == 2


def test_frozen_values_cannot_change_and_have_no_dictionary() -> None:
    value = Point(1)
    with pytest.raises(FrozenError, match=r"Point\.x cannot be assigned"):
        value.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenError):
        del value.x
    assert not hasattr(value, "__dict__")


def test_mutable_values_change_and_have_no_hash() -> None:
    value = Counter(3)
    assert value.double == 6
    value.count = 4
    assert value == replace(value, count=4) or value.double != 8
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)
    with pytest.raises(AttributeError):
        value.other = 1  # type: ignore[attr-defined]


def test_eq_false_is_identity() -> None:
    value = Identity(1)
    assert value != Identity(1)
    assert len({value, value}) == 1


def test_inheritance_order_and_own_methods() -> None:
    assert [f.name for f in fields(Named)] == ["x", "y", "names", "extra", "name"]
    assert repr(Named(1, name="n")) == "<n>"
    assert repr(Point(1)) == "Point(x=1, y=2, names=(), extra=[])"
    assert Named(1) == Named(1)
    assert isinstance(Named(1), Point)


def test_replace_and_asdict() -> None:
    assert replace(Point(1), y=5) == Point(1, 5)
    assert asdict(Point(1, 2, ("a",), [3])) == {"x": 1, "y": 2, "names": ("a",), "extra": [3]}
    assert asdict(Identity(Point(1)))["value"]["y"] == 2  # type: ignore[arg-type]


def test_patterns() -> None:
    match Point(1, 7):
        case Point(x, y):
            assert (x, y) == (1, 7)
        case _:
            pytest.fail("no match")


def test_a_subclass_made_first_does_not_take_its_base_methods() -> None:
    @dataclass(frozen=True, slots=True)
    class Base:
        a: int

    @dataclass(frozen=True, slots=True)
    class Derived(Base):
        b: int

    assert (Derived(1, 2).b, Base(1).a, Derived(3, 4).a) == (2, 1, 3)
    assert Base(1) != Derived(1, 2)
    assert Base(1) == Base(1)


def test_slots_are_asked_for() -> None:
    with pytest.raises(TypeError, match="slots=True"):
        dataclass()
