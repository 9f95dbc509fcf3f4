"""A film of one run, or of two side by side: their sample sheets one after another, as a GIF.

    Path("film.gif").write_bytes(film([Reel("This run", snapshot, store)]))

Torch-free: Pillow makes it from the files of the runs.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from PIL import Image

from gan_core.export.sheets import NO_SAMPLES, NothingToShow, Reel, frame

Item = TypeVar("Item")
MOST_FRAMES, LEAST_FRAMES = 48, 8  # more make a file that mail refuses
FRAME, LAST_FRAME = 120, 2500  # milliseconds
GREYS, FEWER_GREYS = 32, 12  # of the file: digits need no more, and it stays small


def film(reels: Sequence[Reel], by_time: bool = False, most_bytes: float = math.inf) -> bytes:
    """The bytes of a GIF of one reel or two, at equal steps, or with `by_time` after equal seconds
    of training. One of at most about `most_bytes` has fewer greys, and as few frames as that takes,
    but never fewer than LEAST_FRAMES.

    Raises StoreError where a sheet cannot be read, NothingToShow where there is none yet.
    """
    timelines = [_timeline(reel, by_time) for reel in reels]
    moments = _thinned(_moments(timelines, by_time))
    if not moments:
        raise NothingToShow(NO_SAMPLES)
    frames = [frame(reels, [_step_at(line, moment) for line in timelines],
                    moment if by_time else math.nan) for moment in moments]
    greys = GREYS if math.isinf(most_bytes) else FEWER_GREYS
    made = _gif(frames, greys)
    while len(made) > most_bytes and len(frames) > LEAST_FRAMES:
        fitting = int(0.92 * len(frames) * most_bytes / len(made))
        frames = _thinned(frames, max(LEAST_FRAMES, min(fitting, len(frames) - 1)))
        made = _gif(frames, greys)
    return made


def _gif(frames: Sequence[Image.Image], greys: int) -> bytes:
    shown = [each.quantize(greys, dither=Image.Dither.NONE) for each in frames]
    durations = [max(FRAME, FRAME * MOST_FRAMES // (2 * len(shown)))] * (len(shown) - 1)
    buffer = io.BytesIO()
    shown[0].save(buffer, "GIF", save_all=True, append_images=shown[1:],
                  duration=[*durations, LAST_FRAME], loop=0)
    return buffer.getvalue()


# --- moments -------------------------------------------------------------------------------------


Timeline = list[tuple[float, int]]
"""When each sheet of a run was made, as a step or in seconds of training, and its step."""


def _timeline(reel: Reel, by_time: bool) -> Timeline:
    if not by_time:
        return [(float(step), step) for step in reel.steps]
    known = ((reel.seconds_at(step), step) for step in reel.steps)
    return [(round(second, 3), step) for second, step in known if math.isfinite(second)]


def _moments(timelines: Sequence[Timeline], by_time: bool) -> list[float]:
    """When one of the runs has a sheet, as far as the film goes: by time to the end of the longer
    run, by steps to that of the first."""
    if not timelines[0]:
        return []
    end = math.inf if by_time else timelines[0][-1][0]
    return sorted({at for line in timelines for at, _ in line if at <= end})


def _thinned(moments: list[Item], most: int = MOST_FRAMES) -> list[Item]:
    """At most so many, evenly, first and last included."""
    if len(moments) <= most:
        return moments
    places = np.linspace(0, len(moments) - 1, most).round().astype(int)
    return [moments[place] for place in places]


def _step_at(line: Timeline, moment: float) -> int | None:
    """The last sheet of a run at or before a moment; None before its first."""
    return next((step for at, step in reversed(line) if at <= moment), None)
