"""Charts and numbers of a page: every length worked out, so that templates only place them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from aot.record import dataclass

LABELLED = 13.0  # percent of a bar from which a segment has room for its label


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a bar; positions in percent of the chart's width."""

    css: str
    start: float
    width: float
    label: str  # inside, where there is room
    title: str  # on pointing at it


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar and what stands beside it."""

    label: str
    segments: tuple[Segment, ...]
    value: str
    group: bool = False  # begins a group


@dataclass(frozen=True, slots=True)
class Axis:
    """Ticks from 0: percent and label."""

    ticks: tuple[tuple[float, str], ...]
    end: float


def template(path: Path, **filters: Callable[..., str]) -> Template:
    """The template in the file `path`, which may take from those beside this module, and has `filters` too."""
    environment = Environment(
        loader=FileSystemLoader([path.parent, Path(__file__).parent]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"us": us, "ms": ms, "percent": percent, "count": count, **filters}
    return environment.get_template(path.name)


def us(value: float) -> str:
    """Microseconds, three digits that matter."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ms(seconds: float) -> str:
    """Milliseconds of a time in seconds."""
    return us(seconds * 1e3)


def percent(share: float) -> str:
    """A share of 1."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 10 or not value else "< 0.1 %" if value < 0.1 else f"{value:.1f} %"


def count(value: int) -> str:
    """With thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def axis(most: float, unit: str) -> Axis:
    """At most five round ticks from 0 to a little above `most`."""
    most = most or 1.0
    rough = most / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    end = step * math.ceil(most / step - 1e-9)
    ticks = tuple((100 * i * step / end, f"{i * step:g}") for i in range(round(end / step) + 1))
    return Axis((*ticks[:-1], (100.0, f"{ticks[-1][1]} {unit}")), end)


def stack(parts: Iterable[tuple[str, float, str, str]], whole: float) -> tuple[Segment, ...]:
    """Segments side by side: (css class, value, label, title) as shares of `whole`."""
    out: list[Segment] = []
    at = 0.0
    for css, value, label, title in parts:
        width = 100 * value / whole if whole else 0.0
        if width > 0:
            out.append(Segment(css, round(at, 3), round(width, 3), label if width >= LABELLED else "", title))
        at += width
    return tuple(out)
