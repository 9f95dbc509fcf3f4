"""The rows of the table of runs: what each says, which are listed, in which order; pure.

A run is named by a key: its digest, for a run of this server, or the name of its folder after the
kind of the run, "recorded-" or "opened-".
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gan_core.config.fields import KNOB_DEFAULTS
from gan_core.config.presets import CHALLENGES
from gan_core.config.value_words import number_text
from gan_core.diagnosis.tones import TONES
from gan_core.diagnosis.verdict import STATES
from gan_core.exploration.cell_runs import MEASURES
from gan_core.serving.run_index import RunEntry
from gan_core.serving.run_lists import SHARED, Listed

HERE, RECORDED, OPENED = "", "recorded", "opened"  # kinds of runs
TRAINING, UNREAD, UNREADABLE = "training", "unread", "unreadable"  # in place of a verdict's state
STATE_WORDS = {  # what the table can be narrowed to
    "healthy": "No failure", "improving": "Getting better", "too_early": "Too early to tell",
    "failing": "Failing", "diverged": "Diverged", "failed": "Failed by an error",
    TRAINING: "In training", UNREAD: "Not read yet",
    UNREADABLE: "Cannot be read"}
SIGNS = {"success": "✓", "info": "…", "warning": "✕", "error": "✕"}  # by tone: not by colour alone
SHORT = {"mnist": "MNIST", "ring": "Ring", "grid": "Grid",
         "fashion_mnist": "Fashion-MNIST"}  # data sets, as a column has room for them
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True)
class Row:
    """One run in a visitor's table. `said` is what their list says of it, `live` whether it is
    being trained, or waits for that."""

    kind: str
    entry: RunEntry
    said: Listed
    live: bool = False

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.entry.folder}" if self.kind else self.entry.folder

    @property
    def title(self) -> str:
        """What the visitor calls it; else the preset that it is, or the beginning of its digest."""
        title = self.said.name or preset_titles().get(self.entry.digest) or self.short
        return f"{title} (from a file)" if self.kind == OPENED else title

    @property
    def short(self) -> str:
        return f"run {self.entry.folder[:6]}"

    @property
    def data(self) -> str:
        return SHORT[self.entry.config.dataset]

    @property
    def state(self) -> str:
        """One of STATES, TRAINING, UNREAD or UNREADABLE."""
        if self.live:
            return TRAINING
        if self.entry.verdict is not None:
            return self.entry.verdict.state
        return UNREADABLE if self.entry.hopeless else UNREAD

    @property
    def tone(self) -> str:
        """As pages, the live channel and reports colour it."""
        if self.state == "failing" and self.entry.verdict and self.entry.verdict.severe:
            return "error"
        return TONES.get(self.state, "info")

    @property
    def verdict(self) -> str:
        """In at most three words, with a sign."""
        if self.state == TRAINING:
            return "… in training" if self.entry.status.state == "running" else "… waiting"
        if self.entry.verdict is None:
            return "– cannot be read" if self.entry.hopeless else "… not read yet"
        return f"{SIGNS[self.tone]} {self.entry.verdict.name}"

    @property
    def source(self) -> str:
        if self.kind:
            return {RECORDED: "recorded", OPENED: "from a file"}[self.kind]
        return "shared with you" if self.said.how == SHARED else "this server"

    def measure(self, name: str) -> float | None:
        """One of MEASURES; None where the run does not have it, or it is not known yet."""
        known = self.entry.verdict.measures if self.entry.verdict is not None else {}
        return known.get(name)

    @property
    def haystack(self) -> str:
        """All words by which the run can be found, in small letters."""
        entry = self.entry
        judged = (entry.verdict.name, entry.verdict.headline) if entry.verdict else ()
        return " ".join([
            self.title, self.said.note, entry.config.card.label, *entry.words.values(),
            self.verdict, *judged, self.source, entry.folder]).lower()


@functools.cache
def preset_titles() -> dict[str, str]:
    """By digest: the page and the button that set such a run."""
    return {preset.config.digest(): f"{page.title}: {preset.label}"
            for page in reversed(CHALLENGES.values()) for preset in page.offered.values()}


@functools.cache
def pages_of_presets() -> dict[str, str]:
    """By digest: the page on which such a run is a preset."""
    return {preset.config.digest(): name
            for name, page in reversed(CHALLENGES.items()) for preset in page.offered.values()}


# --- columns -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """One column. `of` is by what it is sorted, None for what is missing; `text` what it shows;
    `falls`: the first press on its head sorts from high to low."""

    label: str
    help: str
    of: Callable[[Row], Any]
    text: Callable[[Row], str]
    falls: bool = False


def _measure_text(name: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        value = row.measure(name)
        return "" if value is None else MEASURES[name].text(value)

    return text


def _modes_text(row: Row) -> str:
    share, total = row.measure("modes"), row.entry.config.card.modes
    return "" if share is None else f"{round(share * total)} of {total}"


def _seconds_text(row: Row) -> str:
    seconds = row.entry.status.seconds
    if not seconds:
        return ""
    return f"{seconds:.1f} s" if seconds < 10 else span(seconds)


def span(seconds: float) -> str:
    """How long, in one unit: "42 s", "5 min", "3 h", "12 d"."""
    for unit, size in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _steps_text(row: Row) -> str:
    done, asked = row.entry.status.step, row.entry.config.steps
    return number_text(done) if done >= asked else f"{number_text(done)} of {number_text(asked)}"


def _age(row: Row) -> float | None:
    return max(0.0, time.time() - row.entry.written) if row.entry.written else None


def _age_text(row: Row) -> str:
    age = _age(row)
    if age is None:
        return ""
    return "now" if age < MINUTE else span(age)


def _rank(row: Row) -> int:
    order = (*STATES, TRAINING, UNREAD, UNREADABLE)
    return order.index(row.state)


COLUMNS: dict[str, Column] = {
    "name": Column("Run", "What you call it, else the preset that it is; below it the settings "
                   "in which it departs from the default, those that few of these runs have "
                   "first. What all of them share stands above the table.",
                   lambda row: row.title.lower(), lambda row: row.title),
    "data": Column("Data", "What G learns to imitate.", lambda row: row.data, lambda row: row.data),
    "verdict": Column("Verdict", "The verdict on the run as far as it came.",
                      lambda row: (_rank(row), row.verdict), lambda row: row.verdict),
    "frechet": Column("Fréchet", "Fréchet distance to real images at the last evaluation: lower is "
                      "better.", lambda row: row.measure("frechet"), _measure_text("frechet")),
    "modes": Column("Modes", "Digits that are recognised among the samples, or modes of "
                    "the plane that they lie near.",
                    lambda row: row.measure("modes"), _modes_text, falls=True),
    "high_quality": Column("High quality", "Share of samples within 3σ of a mode.",
                           lambda row: row.measure("high_quality"), _measure_text("high_quality"),
                           falls=True),
    "diversity": Column("Diversity", "Mean distance between two samples; 1 is that of the data.",
                        lambda row: row.measure("diversity"), _measure_text("diversity"),
                        falls=True),
    "steps": Column("Steps", "Steps that were trained, of those that were asked for.",
                    lambda row: row.entry.status.step, _steps_text, falls=True),
    "seconds": Column("Time", "Training time in total.",
                      lambda row: row.entry.status.seconds or None, _seconds_text, falls=True),
    "age": Column("Age", "Since the run was last written.", _age, _age_text),
    "source": Column("Source", "Trained on this server, sent to you by a link, recorded with the "
                     "app, or opened from a file.", lambda row: row.source, lambda row: row.source),
}
ALWAYS = ("name", "data", "verdict", "steps", "seconds", "age", "source")


def columns_of(rows: Iterable[Row]) -> list[str]:
    """The columns of a table of these runs: of the measures, those that some run has."""
    known = {name for row in rows if row.entry.verdict is not None
             for name in row.entry.verdict.measures}
    return [name for name in COLUMNS if name in ALWAYS or name in known]


# --- which, and in which order -------------------------------------------------------------------


def matching(
    rows: Iterable[Row], find: str = "", data: str = "", state: str = "", starred: bool = False
) -> list[Row]:
    """The rows in which all words of `find` stand, of a data set and a state, "" for any."""
    words = find.lower().split()
    return [row for row in rows
            if (not starred or row.said.starred)
            and (not data or row.entry.config.dataset == data)
            and (not state or row.state == state)
            and (not words or _holds(row.haystack, words))]


def _holds(haystack: str, words: Collection[str]) -> bool:
    return all(word in haystack for word in words)


def in_order(rows: Iterable[Row], column: str, falling: bool) -> list[Row]:
    """Sorted by a column; what is missing comes last either way, and equals the newest first."""
    newest = sorted(rows, key=lambda row: -row.entry.written)
    of = COLUMNS[column].of
    known = [(value, place) for place, row in enumerate(newest)
             if (value := of(row)) is not None and value == value]
    missing = set(range(len(newest))) - {place for _, place in known}
    known.sort(key=lambda each: each[0], reverse=falling)
    return [newest[place] for place in [*(place for _, place in known), *sorted(missing)]]


# --- settings that differ ------------------------------------------------------------------------


def differing(rows: Sequence[Row], without: Collection[str] = ("dataset",)) -> list[str]:
    """The settings in which these runs differ, those in which most of them depart from the default
    first."""
    values: dict[str, set[Any]] = {}
    departing: Counter[str] = Counter()
    for row in rows:
        for name, value in row.entry.changes.items():
            values.setdefault(name, set()).add(value)
            departing[name] += 1
    return [name for name, count in departing.most_common()
            if name not in without
            and (len(values[name]) > 1 or count < len(rows))]


def alike_but_for_seed(rows: Iterable[Row]) -> dict[tuple[tuple[str, Any], ...], list[Row]]:
    """Runs that differ in their seed alone, together; each in the place of its first run."""
    groups: dict[tuple[tuple[str, Any], ...], list[Row]] = {}
    for row in rows:
        rest = tuple(sorted((name, value) for name, value in row.entry.changes.items()
                            if name != "seed"))
        groups.setdefault(rest, []).append(row)
    return groups


def value_of(row: Row, name: str) -> Any:
    """A setting of a run."""
    return row.entry.changes.get(name, KNOB_DEFAULTS[name])
