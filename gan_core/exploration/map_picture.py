"""A map as a picture: a cell for each pair of values, coloured by verdict or by a measure.

By Pillow, torch-free; the pages draw the same cells in the browser.
"""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from gan_core.config.choices import DATASETS
from gan_core.config.value_words import tick_text
from gan_core.exploration.axis import Axis
from gan_core.exploration.cell_runs import MEASURES
from gan_core.exploration.map_looks import (
    PAPER,
    VERDICT,
    CellLook,
    Colour,
    ink_on,
    legend,
    looks,
    on_paper,
)
from gan_core.exploration.parameter_map import Cell, ParameterMap
from gan_core.exploration.study import Results

INK, PALE, EMPTY = (32, 35, 40), (92, 97, 104), (244, 245, 247)
CELL, HIGH, LEFT, TOP, BELOW, LEAST = 96, 58, 128, 88, 96, 640  # pixels


def picture(drawn: ParameterMap, results: Results, colouring: str = VERDICT) -> Image.Image:
    """The map; `colouring` is one of COLOURINGS."""
    width = max(LEFT + drawn.columns * CELL + 24, LEAST)
    height = TOP + drawn.rows * HIGH + BELOW
    image = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(image)
    _head(pen, drawn, colouring)
    for cell, look in looks(drawn, results, colouring).items():
        _draw_cell(pen, _box(drawn, cell), look)
    _axes(pen, drawn)
    _draw_legend(pen, height - 32, legend(drawn, results, colouring))
    return image


# Signs that Pillow's own font has not got.
_SPELLED = str.maketrans({"×": "x", "−": "-", "–": "-", "₁": "1", "₂": "2", "β": "beta ",
                          "γ": "gamma", "λ": "lambda", "σ": "sigma", "∇": "grad"})


def _written(pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, ink: Colour, size: int,
             anchor: str = "la") -> None:
    pen.text(at, text.translate(_SPELLED), ink, ImageFont.load_default(size), anchor=anchor)


def _head(pen: ImageDraw.ImageDraw, drawn: ParameterMap, colouring: str) -> None:
    title = "verdict" if colouring == VERDICT else MEASURES[colouring].label
    _written(pen, (16, 12), f"{title[0].upper()}{title[1:]}", INK, 20)
    seeds = f", {drawn.seeds} seeds" if drawn.seeds > 1 else f", seed {drawn.base.seed}"
    about = f"{DATASETS[drawn.base.dataset].label}, {drawn.base.steps} steps{seeds}"
    _written(pen, (16, 40), about, PALE, 13)
    _written(pen, (16, TOP - 22), drawn.y.label, PALE, 13)


def _box(drawn: ParameterMap, cell: Cell) -> tuple[int, int, int, int]:
    """The first row of a map lies at its bottom, as on any chart."""
    left, top = LEFT + cell[0] * CELL, TOP + (drawn.rows - 1 - cell[1]) * HIGH
    return left, top, left + CELL - 3, top + HIGH - 3


def _draw_cell(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], look: CellLook) -> None:
    filled = on_paper(look) or EMPTY
    pen.rectangle(box, filled)
    across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    ink = ink_on(filled)
    _written(pen, (across, down - (9 if look.below else 0)), look.words, ink, 13, anchor="mm")
    _written(pen, (across, down + 11), look.below, ink, 12, anchor="mm")


def _axes(pen: ImageDraw.ImageDraw, drawn: ParameterMap) -> None:
    for column, text in enumerate(_ticks(drawn.x)):
        left, _, right, bottom = _box(drawn, (column, 0))
        _written(pen, ((left + right) / 2, bottom + 9), text, INK, 13, anchor="mt")
    for row, text in enumerate(_ticks(drawn.y)):
        left, top, _, bottom = _box(drawn, (0, row))
        _written(pen, (left - 8, (top + bottom) / 2), text, INK, 13, anchor="rm")
    left, _, _, bottom = _box(drawn, (0, 0))
    right = _box(drawn, (drawn.columns - 1, 0))[2]
    _written(pen, ((left + right) / 2, bottom + 30), drawn.x.label, PALE, 13, anchor="mt")


def _ticks(axis: Axis) -> list[str]:
    return [tick_text(axis.field, value) for value in axis.values]


def _draw_legend(
    pen: ImageDraw.ImageDraw, top: int, meanings: list[tuple[Colour, str]]
) -> None:
    for place, (colour, words) in enumerate(meanings):
        left = 16 + 112 * place
        pen.rectangle((left, top, left + 16, top + 16), colour)
        _written(pen, (left + 23, top + 8), words, INK, 13, anchor="lm")
