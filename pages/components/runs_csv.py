"""The table of runs as CSV, with the settings in which they differ as columns; pure."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence

from gan_core.config.value_words import number_text
from pages.components.runs_rows import Row, differing, value_of

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # beginnings that a spreadsheet would carry out


MEASURED = {  # columns of the measures, in words that can be read, with what they are
    "frechet": ("frechet", "Fréchet distance to real images at the last evaluation"),
    "ema_frechet": ("frechet_averaged", "that of the averaged generator"),
    "modes": ("modes", "digits that are recognised or modes of the plane, of `modes_total`"),
    "high_quality": ("high_quality", "share of samples within 3σ of a mode"),
    "diversity": ("diversity", "distance between two samples; 1 is that of the data"),
    "quality": ("quality", "quality of the samples above chance, from 0 to 1"),
    "swing": ("score_swing", "swing of D's scores over the last 300 steps"),
    "gradient_left": ("gradient_left", "G's last gradient ÷ its largest"),
    "missed": ("new_accepted_less", "by which share D accepts new images less often than known"),
    "step_seconds": ("seconds_a_step", "time of a step"),
}
SAVED = "\n".join([
    "A line a run, with its verdict in a word and in a `sentence`, its `steps` and `seconds` of "
    "training, and when it was `written` (UTC). Settings in which these runs differ are columns "
    "under the names that they have in links. What was measured:", "",
    *(f"- `{column}`: {words}" for column, words in MEASURED.values())])


def as_csv(rows: Sequence[Row]) -> str:
    """One line a run: what the table says, every measure, and each setting that differs."""
    settings = differing(rows)
    measures = [name for name in MEASURED if any(row.measure(name) is not None for row in rows)]
    heads = [head for name in measures for head in (
        MEASURED[name][0], *(("modes_total",) if name == "modes" else ()))]
    stream = io.StringIO()
    lines = csv.writer(stream)
    lines.writerow(["run", "name", "note", "starred", "source", "data", "verdict", "sentence",
                    "steps", "seconds", "written", *heads, *settings])
    for row in rows:
        entry, judged = row.entry, row.entry.verdict
        written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.written))
        lines.writerow([
            row.key, _text(row.said.name), _text(row.said.note), int(row.said.starred), row.source,
            entry.config.dataset, row.verdict[2:], judged.headline if judged else "",
            entry.status.step, f"{entry.status.seconds:.2f}", written,
            *(cell for name in measures for cell in _measured(row, name)),
            *(_value(value_of(row, name)) for name in settings)])
    return stream.getvalue()


def _measured(row: Row, name: str) -> list[object]:
    """The cells of a measure; modes are counted, as the table counts them."""
    value = row.measure(name)
    if name == "modes":
        total = row.entry.config.card.modes
        return ["", ""] if value is None else [round(value * total), total]
    return ["" if value is None else value]


def _text(words: str) -> str:
    """Somebody's words, which no spreadsheet takes for a formula."""
    return f"'{words}" if words.startswith(FORMULAS) else words


def _value(value: object) -> object:
    if isinstance(value, str):  # of a schedule, which begins with @
        return _text(value)
    return value if not isinstance(value, float) else number_text(value)
