"""How each cell of a map looks: its colour, and what is written in it. Torch-free.

Pictures and pages draw the same cells. A cell that has not been trained yet borrows the colour of
the nearest one that has, paler, so that a coarse map shows the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gan_core.exploration.cell_runs import (
    MEASURES,
    CellRun,
    median,
    most_common_state,
    sorted_values,
)
from gan_core.exploration.map_tables import runs_of
from gan_core.exploration.parameter_map import Cell, ParameterMap
from gan_core.exploration.study import Results

Colour = tuple[int, int, int]
VERDICT = "verdict"
COLOURINGS = (VERDICT, *MEASURES)

# Apart for colour-blind readers, too: from good to bad they grow darker, and blue turns to orange.
STATE_COLOURS: dict[str, Colour] = {
    "healthy": (127, 201, 152), "improving": (190, 218, 236), "too_early": (218, 221, 226),
    "failing": (224, 130, 82), "diverged": (120, 40, 48), "failed": (90, 90, 96),
}
STATE_WORDS = {"healthy": "healthy", "improving": "improving", "too_early": "too early",
               "failing": "failing", "diverged": "diverged", "failed": "failed"}
# From bad to good: five colours of Matplotlib's viridis, whose lightness rises evenly.
RAMP: tuple[Colour, ...] = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98),
                            (253, 231, 37))
PAPER, BLACK = (255, 255, 255), (0, 0, 0)
EVEN = 0.179  # luminance of a colour on which black and white can be read equally well
LOG_FROM = 20.0  # largest ÷ smallest value from which on a scale has equal factors
BORROWED = 0.3  # how much of its neighbour's colour a cell without a run has


@dataclass(frozen=True)
class Scale:
    """Values of a measure as colours, from `worst` to `best`."""

    worst: float
    best: float

    @property
    def log(self) -> bool:
        low, high = sorted((self.worst, self.best))
        return low > 0 and high / low >= LOG_FROM

    def place(self, value: float) -> float:
        """0 for the worst, 1 for the best."""
        if self.best == self.worst:
            return 1.0
        if math.isinf(value):
            return 0.0
        if self.log:
            worst, best, at = (math.log(max(number, 1e-300))
                               for number in (self.worst, self.best, value))
        else:
            worst, best, at = self.worst, self.best, value
        return min(max((at - worst) / (best - worst), 0.0), 1.0)

    def value(self, place: float) -> float:
        """The inverse of `place`."""
        if self.log:
            return self.worst ** (1 - place) * self.best**place
        return (1 - place) * self.worst + place * self.best

    def colour(self, value: float) -> Colour:
        return ramp_colour(self.place(value))


def ramp_colour(place: float) -> Colour:
    """Of RAMP, between its colours; 0 is bad, 1 is good."""
    lower = min(int(place * (len(RAMP) - 1)), len(RAMP) - 2)
    return _mixed(RAMP[lower + 1], RAMP[lower], place * (len(RAMP) - 1) - lower)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(one, other, strict=True))
    return red, green, blue


def ink_on(colour: Colour) -> Colour:
    """Black or white, whichever can be read on it better: at least 4.5 : 1."""
    return BLACK if _luminance(colour) > EVEN else PAPER


def _luminance(colour: Colour) -> float:
    """Relative luminance, as in WCAG 2."""
    red, green, blue = ((part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055)**2.4)
                        for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@dataclass(frozen=True)
class CellLook:
    """`words`, and smaller `below` them, on `fill`, None for an empty cell; `known` says whether
    that was measured: else the colour is a neighbour's, to be drawn paler. `told` is a sentence for
    those who do not see it."""

    fill: Colour | None
    words: str = ""
    below: str = ""
    known: bool = False
    told: str = ""


def looks(drawn: ParameterMap, results: Results, colouring: str = VERDICT) -> dict[Cell, CellLook]:
    """Of every cell; `colouring` is one of COLOURINGS."""
    runs = {(column, row): [run for _, run in runs_of(drawn, results, (column, row))]
            for row in range(drawn.rows) for column in range(drawn.columns)}
    scale = None if colouring == VERDICT else scale_over(runs.values(), colouring)
    known = {cell: _of_runs(found, colouring, scale) for cell, found in runs.items() if found}
    return {cell: known.get(cell) or _without_runs(drawn, cell, known) for cell in runs}


def scale_over(cells: Iterable[Sequence[CellRun]], measure: str) -> Scale:
    """From the worst cell to the best one."""
    return scale_of((median(runs, measure) for runs in cells), measure)


def scale_of(values: Iterable[float], measure: str) -> Scale:
    """From the worst of these values to the best one; those that are not finite do not count."""
    finite = list(filter(math.isfinite, values))
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    return Scale(high, low) if MEASURES[measure].lower_is_better else Scale(low, high)


def legend(
    drawn: ParameterMap, results: Results, colouring: str = VERDICT
) -> list[tuple[Colour, str]]:
    """What the colours mean, from good to bad."""
    if colouring == VERDICT:
        return [(STATE_COLOURS[state], STATE_WORDS[state]) for state in STATE_COLOURS
                if state != "failed"]
    scale = scale_over(([run for _, run in runs_of(drawn, results, cell)]
                        for cell in drawn.runs_by_cell), colouring)
    places = [place / (len(RAMP) - 1) for place in reversed(range(len(RAMP)))]
    return [(ramp_colour(place), MEASURES[colouring].text(scale.value(place))) for place in places]


def _of_runs(runs: Sequence[CellRun], colouring: str, scale: Scale | None) -> CellLook:
    state = most_common_state(runs)
    alike = sum(run.state == state for run in runs)
    share = f"{alike} of {len(runs)}" if len(runs) > 1 else ""
    told = STATE_WORDS[state] + (f", {share} seeds" if share else "")
    if scale is None:
        return CellLook(STATE_COLOURS[state], STATE_WORDS[state], share, True, told)
    measure, values = MEASURES[colouring], sorted_values(runs, colouring)
    if not values:
        return CellLook(None, "–", "", True, f"{told}; not measured")
    middle = measure.text(median(runs, colouring))
    between = f"{measure.text(values[0])} – {measure.text(values[-1])}" if len(values) > 1 else ""
    return CellLook(scale.colour(median(runs, colouring)), middle, between, True,
                    f"{measure.label} {middle}; {told}")


def _without_runs(
    drawn: ParameterMap, cell: Cell, known: dict[Cell, CellLook]
) -> CellLook:
    if cell in drawn.refused:
        return CellLook(None, "not allowed", "", False, drawn.refused[cell])
    if not known:
        return CellLook(None, told="not trained yet")
    nearest = min(known, key=lambda other: (math.dist(cell, other), other))
    return CellLook(known[nearest].fill, told="not trained yet")


def on_paper(look: CellLook) -> Colour | None:
    """The colour of a cell on white: that of a neighbour is paler."""
    if look.fill is None or look.known:
        return look.fill
    return _mixed(look.fill, PAPER, BORROWED)
