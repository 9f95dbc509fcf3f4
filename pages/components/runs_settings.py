"""In which words each of several runs tells its settings: those that set it apart; pure.

Settings that all of them have are told once, above them. Of the others a run's rarest come first,
since they tell most; where there is no room for all, an ellipsis says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from pages.components.runs_rows import Row, differing

DEFAULT_SETTINGS = "default settings"
NO_OTHERS = "nothing else"  # is changed but what all of the runs share
ELLIPSIS = "…"
MOST_TOLD = 5  # settings of a run in the table, besides its seed


class Telling:
    """What is told of each of these runs; `without` are settings that stand elsewhere."""

    def __init__(self, rows: Sequence[Row], without: Collection[str] = ("dataset",)) -> None:
        self._without = without
        self._having: Counter[tuple[str, Any]] = Counter(
            change for row in rows for change in row.entry.changes.items())
        self._shared = {name for (name, _), count in self._having.items()
                        if count == len(rows) > 1 and name not in without}
        self.shared = " · ".join(text for row in rows[:1] for name, text in row.entry.words.items()
                                 if name in self._shared)

    def text(self, row: Row, most: int | None = None) -> str:
        """The settings of one of the runs that are neither the default nor shared by all, at most
        `most` of them. The seed is never left out: it may be all that differs."""
        changes, words = row.entry.changes, row.entry.words
        names = [name for name in changes
                 if name not in self._without and name not in self._shared]
        names.sort(key=lambda name: self._having[name, changes[name]])
        told = [words[name] for name in names if name != "seed"]
        if most is not None and len(told) > most:
            told[most:] = [ELLIPSIS]
        if "seed" in names:
            told.append(words["seed"])
        return " · ".join(told) or (NO_OTHERS if self._shared else DEFAULT_SETTINGS)


def names_of(rows: Sequence[Row]) -> dict[str, str]:
    """What each of these runs is called beside the others, by its key: its name or preset, else
    what sets it apart. No two are called alike."""
    settings = Telling(rows)
    seeds = differing(rows, without=()) == ["seed"]

    def called(row: Row) -> str:
        if row.title != row.short:
            return row.title
        return f"Seed {row.entry.config.seed}" if seeds else settings.text(row, MOST_TOLD)

    names = {row.key: called(row) for row in rows}
    for more in (_data, _source, _digest):
        named: dict[str, list[Row]] = {}
        for row in rows:
            named.setdefault(names[row.key], []).append(row)
        for alike in named.values():
            if len({more(row) for row in alike}) > 1:
                names |= {row.key: f"{names[row.key]} ({more(row)})" for row in alike}
    return names


def _data(row: Row) -> str:
    return row.data


def _source(row: Row) -> str:
    return row.source


def _digest(row: Row) -> str:
    return row.entry.folder[:6]
