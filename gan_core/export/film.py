"""A film of one run, or of two side by side: their sample sheets one after another, as a GIF.

    Path("film.gif").write_bytes(film([Reel("This run", snapshot, store)]))

Torch-free: Pillow makes it from the files of the runs.
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

MOST_FRAMES = 48  # more make a file that mail refuses
FRAME, LAST_FRAME = 120, 2500  # milliseconds
SIDE = SHEET_SCALE * (SHEET_COLUMNS * 29 - 1)  # pixels of a sheet, and of a plane
GAP, HEAD = 12, 34  # pixels between two sheets, and above them for words
PAPER, INK, PALE = 255, 24, 150  # greys
GREYS = 32  # of the file: digits need no more, and it stays small
DOT, RING = 1.6, 9  # pixels of radius: a point, a centre


@dataclass(frozen=True)
class Reel:
    """One run of a film: what stands above it, and where its sheets are."""

    title: str
    snapshot: RunSnapshot
    store: RunStore

    @property
    def steps(self) -> tuple[int, ...]:
        """At which there are sheets, in order."""
        return self.snapshot.samples


def film(reels: Sequence[Reel], by_time: bool = False) -> bytes:
    """The bytes of a GIF of one reel or two, at equal steps, or with `by_time` after equal seconds
    of training.

    Raises StoreError where a sheet cannot be read, ValueError where there is nothing to show yet.
    """
    timelines = [_timeline(reel, by_time) for reel in reels]
    moments = _thinned(_moments(timelines, by_time))
    if not moments:
        raise ValueError("The run has no samples yet.")
    frames = [_frame(reels, [_step_at(line, moment) for line in timelines], moment, by_time)
              for moment in moments]
    durations = [FRAME] * (len(frames) - 1) + [LAST_FRAME]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations,
                   loop=0)
    return buffer.getvalue()


# --- moments -------------------------------------------------------------------------------------


Timeline = list[tuple[float, int]]
"""When each sheet of a run was made, as a step or in seconds of training, and its step."""


def _timeline(reel: Reel, by_time: bool) -> Timeline:
    if not by_time:
        return [(float(step), step) for step in reel.steps]
    known = ((reel.snapshot.history.seconds_at(step), step) for step in reel.steps)
    return [(round(second, 3), step) for second, step in known if math.isfinite(second)]


def _moments(timelines: Sequence[Timeline], by_time: bool) -> list[float]:
    """When one of the runs has a sheet, as far as the film goes: by time to the end of the longer
    run, by steps to that of the first."""
    if not timelines[0]:
        return []
    end = math.inf if by_time else timelines[0][-1][0]
    return sorted({at for line in timelines for at, _ in line if at <= end})


def _thinned(moments: list[float]) -> list[float]:
    """At most MOST_FRAMES, evenly, first and last included."""
    if len(moments) <= MOST_FRAMES:
        return moments
    places = np.linspace(0, len(moments) - 1, MOST_FRAMES).round().astype(int)
    return [moments[place] for place in places]


def _step_at(line: Timeline, moment: float) -> int | None:
    """The last sheet of a run at or before a moment; None before its first."""
    return next((step for at, step in reversed(line) if at <= moment), None)


# --- frames --------------------------------------------------------------------------------------


def _frame(
    reels: Sequence[Reel], steps: Sequence[int | None], moment: float, by_time: bool
) -> Image.Image:
    width = len(reels) * SIDE + (len(reels) - 1) * GAP
    frame = Image.new("L", (width, HEAD + SIDE), PAPER)
    pen = ImageDraw.Draw(frame)
    font = ImageFont.load_default(size=20)
    for place, (reel, step) in enumerate(zip(reels, steps, strict=True)):
        left = place * (SIDE + GAP)
        words = reel.title if step is None else f"{reel.title} · step {step}"
        if by_time:
            words = f"{words} · {moment:.1f} s"
        pen.text((left + 4, 6), words, fill=INK, font=font)
        if step is not None:
            frame.paste(_picture(reel, step), (left, HEAD))
    return frame.quantize(GREYS, dither=Image.Dither.NONE)


def _picture(reel: Reel, step: int) -> Image.Image:
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
