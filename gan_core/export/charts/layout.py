"""A chart as a drawing: title and note, legend, axes with round ticks, and its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan_core.export.charts.axis import Axis, step_axis, tick_words, value_axis
from gan_core.export.charts.drawing import Box, Dot, Drawing, Line, Words
from gan_core.export.charts.png import text_width
from gan_core.export.charts.series import Series, pieces
from gan_core.export.charts.table import Curve, Lines

LEFT, RIGHT, BELOW, LETTER = 62.0, 20.0, 50.0, 13.0  # pixels
RUNS = ("this", "reference")  # roles
DASH, DOTTED = (6.0, 4.0), (2.0, 3.0)
WIDER = 1.18  # than Pillow's font are those of browsers, at most
BEYOND = "values beyond the axis lie on its edge"


@dataclass(frozen=True)
class Frame:
    """Where the values are drawn."""

    left: float
    top: float
    right: float
    bottom: float

    def across(self, places: np.ndarray) -> np.ndarray:
        return self.left + places * (self.right - self.left)

    def up(self, places: np.ndarray) -> np.ndarray:
        return self.bottom - places * (self.bottom - self.top)


@dataclass(frozen=True)
class Entry:
    """One of a legend: a line, dashed of the reference, or a filled square."""

    words: str
    role: str
    colour: str = ""
    dashed: bool = False
    filled: bool = False
    share: float = 1.0  # of a filled square's colour


# --- lines ---------------------------------------------------------------------------------------


def line_chart(
    chart: Lines | Curve, series: Sequence[Series], titles: Sequence[str], across: str, end: float,
    marks: Sequence[tuple[float, str]] = (),
) -> Drawing:
    """A chart of metrics over steps or seconds, to `end`; `titles` are those of the runs, `marks`
    what happened in mid-run and when."""
    values = np.concatenate([each.y for each in series])
    rules = [rule for rule in chart.rules if not chart.log or rule > 0]
    value, step = value_axis(chart.domain, values, rules, chart.log), step_axis(end)
    shown = values[values > 0] if chart.log else values
    note = chart.note if value.holds(shown) and len(shown) == len(values) else \
        f"{chart.note}; {BEYOND}"
    drawing = Drawing(f"{chart.title} by {across}, {' and '.join(titles)}")
    frame = framed(drawing, chart.title, note, chart.axis, _legend(chart, series, titles))
    _value_ticks(drawing, frame, value)
    step_ticks(drawing, frame, step, across)
    for rule in rules:
        _rule(drawing, frame, value, rule)
    for at, words in marks:
        _mark(drawing, frame, step, at, words)
    for each in sorted(series, key=lambda one: -one.run):  # this run above its reference
        _draw(drawing, frame, step, value, each)
    return drawing


def _legend(
    chart: Lines | Curve, series: Sequence[Series], titles: Sequence[str]
) -> list[Entry]:
    runs = sorted({each.run for each in series})
    if isinstance(chart, Curve):
        return [Entry(titles[run], RUNS[run], dashed=run > 0) for run in runs]
    labels = dict.fromkeys((each.label, each.colour) for each in series)
    entries = [Entry(label, "data", colour) for label, colour in labels]
    if len(titles) > 1:
        entries += [Entry(titles[run].lower(), "note", dashed=run > 0) for run in runs]
    return entries


def _draw(drawing: Drawing, frame: Frame, step: Axis, value: Axis, series: Series) -> None:
    role = "data" if series.colour else RUNS[series.run]
    dash = DASH if series.run else None
    width = 2.0 if series.dots else 1.1 if series.run else 1.6
    for x, y in pieces(series.x, series.y):
        points = tuple(zip(frame.across(step.place(x)).tolist(), frame.up(value.place(y)).tolist(),
                           strict=True))
        if len(points) > 1:
            drawing.add(Line(points, role, width, series.colour, dash))
        if len(points) == 1 or series.dots:
            drawing.add(*(Dot(*point, 2.6, role, series.colour) for point in points))


def _rule(drawing: Drawing, frame: Frame, value: Axis, rule: float) -> None:
    y = float(frame.up(value.place(np.array([rule])))[0])
    drawing.add(Line(((frame.left, y), (frame.right, y)), "rule", 1.2, dash=DOTTED))


def _mark(drawing: Drawing, frame: Frame, step: Axis, at: float, words: str) -> None:
    if not step.low < at <= step.high:
        return
    x = float(frame.across(step.place(np.array([at])))[0])
    end = x > (frame.left + frame.right) / 2
    drawing.add(Line(((x, frame.top), (x, frame.bottom)), "rule", 1.0),
                Words(x - 4 if end else x + 4, frame.top + 11, _cut(words, 220), 11, "note",
                      "end" if end else "start"))


# --- what stands around them ---------------------------------------------------------------------


def below(drawing: Drawing, frame: Frame, x: float, words: str) -> None:
    """Words in the middle below a place of the axis."""
    drawing.add(Words(x, frame.bottom + 18, words, LETTER, "ink", "middle"))


def framed(
    drawing: Drawing, title: str, note: str, axis: str, legend: Sequence[Entry]
) -> Frame:
    """Title, note, the axis' name and the legend; the room that is left."""
    room = drawing.width - LEFT - RIGHT + 44
    drawing.add(Words(18, 26, _cut(title, room, 17), 17, bold=True))
    y = 46.0
    for line in wrapped(note, room):
        drawing.add(Words(18, y, line, LETTER, "note"))
        y += 17
    y += 6
    drawing.add(Words(18, y, axis, LETTER, "note"))
    if _legend_width(legend) + WIDER * text_width(axis, LETTER) > room:
        y += 18
    _draw_legend(drawing, legend, y)
    return Frame(LEFT, y + 14, drawing.width - RIGHT, drawing.height - BELOW)


def _legend_width(legend: Sequence[Entry]) -> float:
    return sum(WIDER * text_width(_cut(entry.words, 170), LETTER) + 42 for entry in legend)


def _draw_legend(drawing: Drawing, legend: Sequence[Entry], y: float) -> None:
    """At the right end of a line."""
    x = drawing.width - RIGHT
    for entry in reversed(legend):
        words = _cut(entry.words, 170)
        x -= WIDER * text_width(words, LETTER)
        drawing.add(Words(x, y, words, LETTER))
        x -= 28
        if entry.filled:
            drawing.add(Box(x + 10, y - 10, 12, 12, entry.role, entry.colour, entry.share))
        else:
            drawing.add(Line(((x, y - 4.5), (x + 22, y - 4.5)), entry.role, 2.4, entry.colour,
                             DASH if entry.dashed else None))
        x -= 14


def _value_ticks(drawing: Drawing, frame: Frame, axis: Axis) -> None:
    for tick in axis.ticks():
        y = float(frame.up(axis.place(np.array([tick])))[0])
        drawing.add(Line(((frame.left, y), (frame.right, y)), "grid", 0.8),
                    Words(frame.left - 7, y + 4.5, tick_words(tick), LETTER, "ink", "end"))


def step_ticks(drawing: Drawing, frame: Frame, axis: Axis, across: str) -> None:
    """The axis below the frame, and what it is called."""
    bottom = frame.bottom
    drawing.add(Line(((frame.left, bottom), (frame.right, bottom)), "note", 1.0))
    for tick in axis.ticks():
        x = float(frame.across(axis.place(np.array([tick])))[0])
        drawing.add(Line(((x, bottom), (x, bottom + 5)), "note", 1.0))
        below(drawing, frame, x, tick_words(tick))
    drawing.add(Words((frame.left + frame.right) / 2, drawing.height - 10, across, LETTER, "note",
                      "middle"))


def wrapped(text: str, room: float, size: float = LETTER, most: int = 2) -> list[str]:
    """A text in lines of at most `room` pixels; what does not fit into `most` of them is cut."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most:
        count = len(words)
        while count > 1 and WIDER * text_width(" ".join(words[:count]), size) > room:
            count -= 1
        if len(lines) == most - 1:
            count = len(words)
        lines.append(_cut(" ".join(words[:count]), room, size))
        words = words[count:]
    return lines


def _cut(text: str, room: float, size: float = LETTER) -> str:
    """As much of a text as fits."""
    text = text[:200]
    if WIDER * text_width(text, size) <= room:
        return text
    while text and WIDER * text_width(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text}…"


