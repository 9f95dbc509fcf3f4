"""The charts of one run, or of two beside each other, as drawings and as SVG.

    for name, text in chart_svgs([Reel("This run", snapshot, store)]).items():
        Path(f"{name}.svg").write_text(text, encoding="utf-8")

They are those of the pages, in the same words and colours (`table`), and the histogram of
the last evaluation. Torch-free; `png.png` makes a picture of a drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gan_core.config.config_text import marks
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.diagnosis.shares import drawn_modes, shown
from gan_core.export.charts import svg
from gan_core.export.charts.bars import MOST_COLUMNS, bar_chart, mode_chart
from gan_core.export.charts.drawing import Drawing
from gan_core.export.charts.layout import line_chart
from gan_core.export.charts.series import Series, series_of
from gan_core.export.charts.table import (
    Curve,
    Lines,
    histogram_words,
    of_run,
    rotation_words,
)
from gan_core.export.sheets import Reel

MOST = 2  # runs of a chart
HISTOGRAM, ROTATION = "histogram", "rotation"


def chart_svgs(
    reels: Sequence[Reel], by_time: bool = False, downloads: Path | None = None
) -> dict[str, str]:
    """The text of an SVG file by the name of its chart, such as "losses", "gradients", "frechet".

    The first reel is this run, a second one its reference; `by_time` compares them by seconds of
    training. Charts of which nothing is known are left out: a run without records has none.
    `downloads` is the folder of classifiers that are not bundled.
    """
    return {name: svg.svg(drawing)
            for name, drawing in drawings(reels, by_time, downloads).items()}


def drawings(
    reels: Sequence[Reel], by_time: bool = False, downloads: Path | None = None
) -> dict[str, Drawing]:
    """All charts of which anything is known, by name."""
    reels = list(reels[:MOST])
    config = reels[0].snapshot.config
    # Modes of other data are other modes.
    alike = [reel for reel in reels if reel.snapshot.config.dataset == config.dataset]
    made: dict[str, Drawing] = {}
    for name, chart in of_run(config, extractor(config.dataset, downloads)).items():
        of = alike if isinstance(chart, Curve) else reels
        series = series_of(chart, of, by_time)
        if series:
            made[name] = _over_time(chart, series, of, by_time)
    if histogram := _histogram(alike):
        made[HISTOGRAM] = histogram
    if rotation := _rotation(reels[0]):
        made[ROTATION] = rotation
    return made


def _over_time(
    chart: Lines | Curve, series: list[Series], reels: list[Reel], by_time: bool
) -> Drawing:
    across = "seconds of training" if by_time else getattr(chart, "across", "step")
    ends = [float(each.x[np.isfinite(each.x)][-1]) for each in series
            if np.isfinite(each.x).any()]
    own = [] if by_time else [(float(at - getattr(chart, "origin", 0)), words)
                              for at, words in marks(reels[0].snapshot.config)]
    return line_chart(chart, series, [reel.title for reel in reels], across,
                      max(ends, default=1.0), own)


def _histogram(reels: list[Reel]) -> Drawing | None:
    """Which modes the samples of each run's last evaluation are of."""
    evaluated = [(reel, reel.snapshot.history.evaluations[-1]) for reel in reels
                 if reel.snapshot.history.evaluations]
    evaluated = [(reel, record) for reel, record in evaluated if record.histogram]
    if not evaluated:
        return None
    card = evaluated[0][0].snapshot.config.card
    old = [reel.title for reel, record in evaluated if record.version == 1]
    title, note = histogram_words(card.modes, card.mode_noun, old, len(old) < len(evaluated))
    steps = ", ".join(f"{reel.title.lower()} at step {record.step}" for reel, record in evaluated)
    shares = [(reel.title, np.asarray(shown(record), dtype=float)[:card.modes].tolist())
              for reel, record in evaluated]
    rest = [max(0.0, 1.0 - float(np.nansum(record.supported))) if record.version > 1 else None
            for _, record in evaluated]
    return bar_chart(title, f"{note}; {steps}", card.mode_noun, shares, rest)


def _rotation(reel: Reel) -> Drawing | None:
    """Which modes this run draws, over time; nothing where it was evaluated but once."""
    evaluated = [record for record in reel.snapshot.history.evaluations if record.histogram]
    if len(evaluated) < 2 or evaluated[-1].step <= evaluated[0].step:
        return None
    places = np.linspace(0, len(evaluated) - 1, min(len(evaluated), MOST_COLUMNS)).round()
    chosen = [evaluated[place] for place in places.astype(int)]
    card = reel.snapshot.config.card
    title, note = rotation_words(card.mode_noun)
    shares = [np.asarray(drawn_modes(record), dtype=float)[:card.modes] for record in chosen]
    if not any((each > 0).any() for each in shares):
        note = f"no sample was recognised as a {card.mode_noun}"
    return mode_chart(title, note, card.mode_noun, [float(record.step) for record in chosen],
                      [each.tolist() for each in shares], "step")
