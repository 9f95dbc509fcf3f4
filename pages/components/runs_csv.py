"""The table of runs as CSV, with the settings in which they differ as columns; pure."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence

from gan_core.config.value_words import number_text
from gan_core.exploration.cell_runs import MEASURES
from pages.components.runs_rows import Row, differing, value_of

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # beginnings that a spreadsheet would carry out


def as_csv(rows: Sequence[Row]) -> str:
    """One line a run: what the table says, every measure, and each setting that differs."""
    settings = differing(rows)
    measures = [name for name in MEASURES if any(row.measure(name) is not None for row in rows)]
    stream = io.StringIO()
    lines = csv.writer(stream)
    lines.writerow(["run", "name", "note", "starred", "source", "data", "verdict", "sentence",
                    "steps", "seconds", "written", *measures, *settings])
    for row in rows:
        entry, judged = row.entry, row.entry.verdict
        written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.written))
        lines.writerow([
            row.key, _text(row.said.name), _text(row.said.note), int(row.said.starred), row.source,
            entry.config.dataset, row.verdict[2:], judged.headline if judged else "",
            entry.status.step, f"{entry.status.seconds:.2f}", written,
            *("" if (value := row.measure(name)) is None else value for name in measures),
            *(_value(value_of(row, name)) for name in settings)])
    return stream.getvalue()


def _text(words: str) -> str:
    """Somebody's words, which no spreadsheet takes for a formula."""
    return f"'{words}" if words.startswith(FORMULAS) else words


def _value(value: object) -> object:
    if isinstance(value, str):  # of a schedule, which begins with @
        return _text(value)
    return value if not isinstance(value, float) else number_text(value)
