"""Sample sheets of runs as pictures: of images the sheet itself, of points a plane, with words
above that say which run it is and at which step.

Torch-free: Pillow makes them from the files of the runs.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_core.config.choices import DatasetCard
from gan_core.runs.samples import SHEET_COLUMNS, SHEET_SCALE
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.store import RunStore

SIDE = SHEET_SCALE * (SHEET_COLUMNS * 29 - 1)  # pixels of a sheet, and of a plane
GAP, HEAD = 12, 34  # pixels between two sheets, and above them for words
PAPER, INK, PALE = 255, 24, 150  # greys
DOT, RING = 1.6, 9  # pixels of radius: a point, a centre
NO_SAMPLES = "This run has no samples yet."


class NothingToShow(ValueError):
    """What a picture is to be made of is not there yet; the message is one sentence."""


@dataclass(frozen=True)
class Reel:
    """One run of a film or a report: what stands above it, and where its sheets are."""

    title: str
    snapshot: RunSnapshot
    store: RunStore

    @property
    def steps(self) -> tuple[int, ...]:
        """At which there are sheets, in order."""
        return self.snapshot.samples

    def seconds_at(self, step: int) -> float:
        """Seconds of training until then; NaN where no evaluation tells."""
        return self.snapshot.history.seconds_at(step)


def sheet_png(reels: Sequence[Reel], step: int | None = None, by_time: bool = False) -> bytes:
    """The sheets of one run or two side by side, as they were at `step` of the first one, None for
    its last; with `by_time` the second one's after as much time. The bytes of a PNG.

    Raises StoreError where a sheet cannot be read, NothingToShow where there is none yet.
    """
    first = last_at(reels[0], step) if step is not None else max(reels[0].steps, default=None)
    if first is None:
        raise NothingToShow(NO_SAMPLES)
    steps: list[int | None] = [first]
    for reel in reels[1:]:
        steps.append(_last_within(reel, reels[0].seconds_at(first)) if by_time
                     else last_at(reel, first))
    return png(frame(reels, steps))


def last_at(reel: Reel, step: int) -> int | None:
    """The last sheet of a run at or before a step; None before its first."""
    return max((at for at in reel.steps if at <= step), default=None)


def _last_within(reel: Reel, seconds: float) -> int | None:
    return max((at for at in reel.steps if reel.seconds_at(at) <= seconds), default=None)


def still(reel: Reel, step: int) -> bytes:
    """One sheet without words as the bytes of a PNG, as small as it can be: of images with one
    pixel for each of theirs."""
    shown = picture(reel, step)
    if reel.snapshot.config.card.kind == "image":
        shown = shown.resize((SIDE // SHEET_SCALE, SIDE // SHEET_SCALE), Image.Resampling.NEAREST)
    return png(shown.quantize(16, dither=Image.Dither.NONE))


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


# --- their parts ---------------------------------------------------------------------------------


def frame(
    reels: Sequence[Reel], steps: Sequence[int | None], seconds: float = math.nan
) -> Image.Image:
    """The sheets of these steps side by side, with words above them, as an image of greys; None
    for a run that has none yet, `seconds` where runs are compared by time."""
    width = len(reels) * SIDE + (len(reels) - 1) * GAP
    made = Image.new("L", (width, HEAD + SIDE), PAPER)
    pen = ImageDraw.Draw(made)
    font = ImageFont.load_default(size=20)
    for place, (reel, step) in enumerate(zip(reels, steps, strict=True)):
        left = place * (SIDE + GAP)
        words = reel.title if step is None else f"{reel.title} · step {step}"
        if math.isfinite(seconds):
            words = f"{words} · {seconds:.1f} s"
        pen.text((left + 4, 6), words, fill=INK, font=font)
        if step is not None:
            made.paste(picture(reel, step), (left, HEAD))
    return made


def picture(reel: Reel, step: int) -> Image.Image:
    """The sheet of a step, SIDE × SIDE greys. Raises StoreError where it cannot be read."""
    card, digest = reel.snapshot.config.card, reel.snapshot.digest
    if card.kind == "points":
        return _plane(reel.store.points(digest, step), card)
    sheet = Image.open(io.BytesIO(reel.store.sheet(digest, step)))
    return sheet.resize((SIDE, SIDE), Image.Resampling.NEAREST)


def _plane(points: np.ndarray, card: DatasetCard) -> Image.Image:
    """Points, (n, 2), and the data's centres as rings; what lies outside is counted below."""
    plane = Image.new("L", (SIDE, SIDE), PAPER)
    pen = ImageDraw.Draw(plane)
    scale = SIDE / (2 * card.extent)
    for x, y in np.asarray(card.centres):
        _circle(pen, (x + card.extent) * scale, (card.extent - y) * scale, RING, outline=PALE)
    inside = np.abs(points).max(axis=1) <= card.extent
    for x, y in points[inside]:
        _circle(pen, (x + card.extent) * scale, (card.extent - y) * scale, DOT, fill=INK)
    pen.rectangle((0, 0, SIDE - 1, SIDE - 1), outline=PALE)
    if outside := int((~inside).sum()):
        pen.text((8, SIDE - 26), f"{outside} of {len(points)} points lie outside", fill=INK,
                 font=ImageFont.load_default(size=16))
    return plane


def _circle(
    pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: int | None = None,
    outline: int | None = None,
) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=outline,
                width=2)
