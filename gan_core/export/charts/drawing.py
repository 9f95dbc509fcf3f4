"""A drawing: lines, boxes and words in a frame, which `svg` and `png` write down.

What a mark is, not how it looks, is its `role`: "ink" and "note" for letters, "grid" and "rule" for
lines in the background, "this" and "reference" for the two runs, "data" for what has a colour.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gan_core.export.charts.table import GREY

WIDTH, HEIGHT = 560.0, 360.0  # of a chart
PAPER, INK, NOTE, GRID = "#ffffff", "#31333f", "#5f6368", "#d5d8dc"
COLOURS = {"ink": INK, "note": NOTE, "grid": GRID, "rule": GREY, "this": INK, "reference": GREY}
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """Through these points; `dash` are the lengths of a dash and of the gap after it."""

    points: tuple[Point, ...]
    role: str
    width: float = 1.0
    colour: str = ""  # "" for its role's
    dash: tuple[float, float] | None = None

    @property
    def shown(self) -> str:
        return self.colour or COLOURS[self.role]


@dataclass(frozen=True)
class Box:
    """A filled rectangle; `share` is how much of its colour there is, 1 for all of it."""

    left: float
    top: float
    width: float
    height: float
    role: str
    colour: str = ""
    share: float = 1.0

    @property
    def shown(self) -> str:
        return self.colour or COLOURS[self.role]


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    role: str
    colour: str = ""

    @property
    def shown(self) -> str:
        return self.colour or COLOURS[self.role]


@dataclass(frozen=True)
class Words:
    """A line of text on the baseline `y`; `anchor` is "start", "middle" or "end"."""

    x: float
    y: float
    text: str
    size: float = 13.0
    role: str = "ink"
    anchor: str = "start"
    bold: bool = False


Mark = Line | Box | Dot | Words


@dataclass
class Drawing:
    """A chart; `words` say what it shows to those who do not see it."""

    words: str
    width: float = WIDTH
    height: float = HEIGHT
    marks: list[Mark] = field(default_factory=list)

    def add(self, *marks: Mark) -> None:
        self.marks.extend(marks)
