"""A drawing as the text of an SVG file, of the engine's own making.

The same text stands in a page: classes say what each mark is, so that a page's style sheet can give
it other colours in the dark; attributes say how it looks by itself, on white paper.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from gan_core.export.charts.drawing import (
    COLOURS,
    PAPER,
    Box,
    Dot,
    Drawing,
    Line,
    Mark,
    Words,
)

FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
# Signs that no XML file may hold, however they are written.
CONTROLS = dict.fromkeys(
    [*(code for code in range(32) if code not in (9, 10, 13)), 0x7F, *range(0xD800, 0xE000), 0xFFFE,
     0xFFFF], "\N{REPLACEMENT CHARACTER}")


def svg(drawing: Drawing) -> str:
    """One `svg` element, which is a whole file as well."""
    width, height, words = drawing.width, drawing.height, _attribute(drawing.words)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-label={words} '
        f'viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" height="{_n(height)}" '
        f'font-family="{FONT}">',
        f'<rect class="paper" width="{_n(width)}" height="{_n(height)}" fill="{PAPER}"/>',
        *map(_mark, drawing.marks), "</svg>", ""])


def svg_of_all(drawings: list[Drawing], columns: int = 2) -> str:
    """Several drawings on one sheet, row by row."""
    width, height = drawings[0].width, drawings[0].height
    rows = -(-len(drawings) // columns)
    total = (_n(columns * width), _n(rows * height))
    parts = [svg(drawing).replace("<svg ", f'<svg x="{_n(at % columns * width)}" '
                                  f'y="{_n(at // columns * height)}" ', 1)
             for at, drawing in enumerate(drawings)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total[0]} {total[1]}" '
        f'width="{total[0]}" height="{total[1]}" role="img" aria-label="All charts of the run">',
        f'<rect class="paper" width="{total[0]}" height="{total[1]}" fill="{PAPER}"/>',
        *parts, "</svg>", ""])


def _mark(mark: Mark) -> str:
    if isinstance(mark, Line):
        return _line(mark)
    if isinstance(mark, Box):
        faint = "" if mark.share == 1 else f' opacity="{_n(mark.share)}"'
        return (f'<rect class="fill {mark.role}" x="{_n(mark.left)}" y="{_n(mark.top)}" '
                f'width="{_n(mark.width)}" height="{_n(mark.height)}" fill="{mark.shown}"{faint}/>')
    if isinstance(mark, Dot):
        return (f'<circle class="fill {mark.role}" cx="{_n(mark.x)}" cy="{_n(mark.y)}" '
                f'r="{_n(mark.radius)}" fill="{mark.shown}"/>')
    return _words(mark)


def _line(line: Line) -> str:
    points = " ".join(f"{_n(x)},{_n(y)}" for x, y in line.points)
    dash = f' stroke-dasharray="{_n(line.dash[0])} {_n(line.dash[1])}"' if line.dash else ""
    return (f'<polyline class="line {line.role}" points="{points}" fill="none" '
            f'stroke="{line.shown}" stroke-width="{_n(line.width)}" stroke-linejoin="round"'
            f'{dash}/>')


def _words(words: Words) -> str:
    bold = ' font-weight="600"' if words.bold else ""
    return (f'<text class="fill {words.role}" x="{_n(words.x)}" y="{_n(words.y)}" '
            f'font-size="{_n(words.size)}" text-anchor="{words.anchor}" '
            f'fill="{COLOURS[words.role]}"{bold}>{escape(words.text.translate(CONTROLS))}</text>')


def _attribute(text: str) -> str:
    return quoteattr(text.translate(CONTROLS))


def _n(number: float) -> str:
    """A number of pixels: a hundredth of one is enough."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
