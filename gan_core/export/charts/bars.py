"""Which modes G draws: as bars of one evaluation, and over time as a row for each mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gan_core.export.charts.axis import step_axis
from gan_core.export.charts.drawing import Box, Drawing, Line, Words
from gan_core.export.charts.layout import (
    DOTTED,
    LETTER,
    RUNS,
    Entry,
    Frame,
    below,
    framed,
    step_ticks,
)
from gan_core.export.charts.table import FIRST

SHARES = (0.0, 0.01, 0.1, 0.25, 0.5, 1.0)  # ticks of a square-root axis
KEY = (0.01, 0.1, 0.5, 1.0)  # shares in the legend of a chart over time
EVERY_FIFTH = 12  # modes; of more than these every fifth is numbered
MOST_COLUMNS = 60  # evaluations of a chart over time


def bar_chart(
    title: str, note: str, noun: str, shares: Sequence[tuple[str, Sequence[float]]],
    rest: Sequence[float | None],
) -> Drawing:
    """The share of samples of each mode, of one run or two, on a square-root axis: a mode of one in
    a hundred can be seen. `rest` are the shares of samples that are of no mode, None where that is
    not known."""
    titles = [run for run, _ in shares]
    drawing = Drawing(f"{title}: share of generated samples of each {noun}, {' and '.join(titles)}")
    frame = framed(drawing, title, note, "share of samples", [
        Entry(run, role, filled=True) for run, role in zip(titles, RUNS, strict=False)])
    for tick in SHARES:
        y = _height(frame, tick)
        drawing.add(Line(((frame.left, y), (frame.right, y)), "grid", 0.8),
                    Words(frame.left - 7, y + 4.5, f"{100 * tick:g} %", LETTER, "ink", "end"))
    modes = max(len(values) for _, values in shares)
    some_rest = any(each is not None for each in rest)
    width = (frame.right - frame.left) / (modes + (1.4 if some_rest else 0))
    for run, (_, values) in enumerate(shares):
        for mode, share in enumerate(values):
            _bar(drawing, frame, mode, share, width, run, len(shares))
        if (none := rest[run]) is not None:
            _bar(drawing, frame, modes + 0.4, none, width, run, len(shares))
    for mode in _numbered(modes):
        below(drawing, frame, frame.left + width * (mode + 0.5), str(mode))
    if some_rest:
        below(drawing, frame, frame.left + width * (modes + 0.9), f"no {noun}")
    even = _height(frame, 1 / modes)
    drawing.add(Line(((frame.left, even), (frame.right, even)), "rule", 1.2, dash=DOTTED),
                Words((frame.left + frame.right) / 2, drawing.height - 10, noun, LETTER, "note",
                      "middle"))
    return drawing


def _height(frame: Frame, share: float) -> float:
    return float(frame.up(np.array([math.sqrt(share)]))[0])


def _bar(
    drawing: Drawing, frame: Frame, at: float, share: float, width: float, run: int, runs: int
) -> None:
    if not math.isfinite(share) or share <= 0:
        return
    top, bar = _height(frame, min(1.0, share)), 0.8 * width / runs
    drawing.add(Box(frame.left + width * at + 0.1 * width + run * bar, top, bar,
                    frame.bottom - top, RUNS[run]))


def _numbered(modes: int) -> range:
    return range(0, modes, 5 if modes > EVERY_FIFTH else 1)


def mode_chart(
    title: str, note: str, noun: str, steps: Sequence[float], shares: Sequence[Sequence[float]],
    across: str,
) -> Drawing:
    """One row a mode, the darker the more samples: what an evaluation found reaches halfway to the
    ones before and after it."""
    drawing = Drawing(f"{title} by {across}: {noun}s from 0 downwards")
    frame = framed(drawing, title, note, noun, [
        Entry(f"{100 * share:g} %", "data", FIRST, filled=True, share=math.sqrt(share))
        for share in KEY])
    modes, axis = max(map(len, shares)), step_axis(steps[-1])
    row = (frame.bottom - frame.top) / modes
    edges = [steps[0], *((one + other) / 2 for one, other in pairwise(steps)),
             steps[-1]]
    right = frame.across(axis.place(np.array(edges))).tolist()
    for place, each in enumerate(shares):
        for mode, share in enumerate(each):
            if math.isfinite(share) and share > 0 and right[place + 1] > right[place]:
                drawing.add(Box(right[place], frame.top + mode * row,
                                right[place + 1] - right[place], row, "data", FIRST,
                                math.sqrt(min(1.0, share))))
    for mode in _numbered(modes):
        drawing.add(Words(frame.left - 7, frame.top + (mode + 0.5) * row + 4.5, str(mode),
                          LETTER, "ink", "end"))
    step_ticks(drawing, frame, axis, across)
    return drawing
