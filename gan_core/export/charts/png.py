"""A drawing as the bytes of a PNG file, by Pillow: three pixels for each of the drawing's, so that
it is sharp on a slide."""

from __future__ import annotations

import functools
import io
import math
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from PIL import Image, ImageColor, ImageDraw, ImageFont

from gan_core.export.charts.drawing import (
    COLOURS,
    PAPER,
    Box,
    Dot,
    Drawing,
    Line,
    Mark,
    Point,
    Words,
)

SCALE = 3  # pixels of the file for each of the drawing
ON_SHEET = 2  # the same of a sheet with all charts
COLOURS_OF_FILE, WHITE = 128, 252
FINE = 2  # times as many are drawn, and averaged: Pillow's own lines have steps
# Signs that Pillow's own font has not got.
_SPELLED = str.maketrans({
    "×": "x", "÷": "/", "−": "-", "–": "-", "—": "-", "₁": "1", "₂": "2", "β": "beta ",
    "γ": "gamma ", "λ": "lambda ", "∂": "d", "∇": "grad ", "≤": "<=", "≥": ">=", "→": "->",
    "²": "^2", "µ": "mu "})


def png(drawing: Drawing) -> bytes:
    """The bytes of the file."""
    return _bytes(picture(drawing))


def png_of_all(drawings: list[Drawing], columns: int = 2) -> bytes:
    """Several drawings on one sheet, row by row."""
    pictures = [picture(drawing, ON_SHEET) for drawing in drawings]
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), PAPER)
    for at, one in enumerate(pictures):
        sheet.paste(one, (at % columns * width, at // columns * height))
    return _bytes(sheet)


def picture(drawing: Drawing, scale: int = SCALE) -> Image.Image:
    """The drawing as an RGB image."""
    scale *= FINE
    image = Image.new("RGB", (round(drawing.width * scale), round(drawing.height * scale)), PAPER)
    pen = ImageDraw.Draw(image)
    for mark in drawing.marks:
        _draw(pen, mark, scale)
    return image.reduce(FINE)


def spelled(text: str) -> str:
    """A text with the letters that Pillow's own font has."""
    text = text.replace("σ(", "sigmoid(").replace("3σ", "3 sigma").translate(_SPELLED)
    text = unicodedata.normalize("NFKD", text.replace("σ", "sigma"))
    return "".join(sign if sign in "·…“”’‘" or " " <= sign <= "~" else "?"
                   for sign in text if not unicodedata.combining(sign))


def text_width(text: str, size: float) -> float:
    """How wide a text is, in pixels of the drawing."""
    return font(round(4 * size)).getlength(spelled(text)) / 4


@functools.lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _bytes(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    # Ten times as fast as Pillow's other ways, and as small.
    few = image.quantize(COLOURS_OF_FILE, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    # It takes white paper for nearly white, which is seen on a slide.
    few.putpalette([255 if level >= WHITE else level for level in few.getpalette() or []])
    few.save(buffer, "PNG")
    return buffer.getvalue()


def _draw(pen: ImageDraw.ImageDraw, mark: Mark, scale: int) -> None:
    if isinstance(mark, Line):
        for piece in _dashed(mark.points, mark.dash) if mark.dash else [mark.points]:
            _polyline(pen, piece, mark, scale)
    elif isinstance(mark, Box):
        pen.rectangle((mark.left * scale, mark.top * scale,
                       (mark.left + mark.width) * scale - 1,
                       max(mark.top, mark.top + mark.height - 1 / scale) * scale),
                      fill=_on_paper(mark))
    elif isinstance(mark, Dot):
        pen.ellipse([scale * at for at in (mark.x - mark.radius, mark.y - mark.radius,
                                           mark.x + mark.radius, mark.y + mark.radius)],
                    fill=mark.shown)
    else:
        _write(pen, mark, scale)


def _polyline(
    pen: ImageDraw.ImageDraw, points: Sequence[Point], line: Line, scale: int
) -> None:
    if len(points) > 1:
        pen.line([(x * scale, y * scale) for x, y in points], fill=line.shown,
                 width=max(1, round(line.width * scale)), joint="curve")


def _write(pen: ImageDraw.ImageDraw, words: Words, scale: int) -> None:
    anchor = {"start": "ls", "middle": "ms", "end": "rs"}[words.anchor]
    pen.text((words.x * scale, words.y * scale), spelled(words.text), fill=COLOURS[words.role],
             font=font(round(words.size * scale)), anchor=anchor,
             stroke_width=round(0.03 * words.size * scale) if words.bold else 0)


def _on_paper(box: Box) -> tuple[int, ...]:
    """A colour that is there in part only."""
    return tuple(round(box.share * one + (1 - box.share) * other) for one, other in zip(
        ImageColor.getrgb(box.shown), ImageColor.getrgb(PAPER), strict=False))


def _dashed(points: Sequence[Point], dash: tuple[float, float]) -> Iterator[list[Point]]:
    """The pieces of a line that are drawn: dashes as long as `dash` says, gaps left out."""
    drawn, left, piece = True, dash[0], [points[0]]
    for (x, y), (to_x, to_y) in pairwise(points):
        length, done = math.hypot(to_x - x, to_y - y), 0.0
        while length - done > left:
            done += left
            at = (x + (to_x - x) * done / length, y + (to_y - y) * done / length)
            if drawn:
                yield [*piece, at]
            drawn, piece = not drawn, [at]
            left = dash[0] if drawn else dash[1]
        left -= length - done
        if drawn:
            piece.append((to_x, to_y))
    if drawn and len(piece) > 1:
        yield piece
