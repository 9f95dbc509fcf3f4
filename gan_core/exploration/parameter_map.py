"""ParameterMap: two settings varied at once, all other settings equal, under some seeds.

    ParameterMap(RunConfig(dataset="ring", steps=1500), axis("learning_rate=1e-4..1e-2:8"),
                 axis("learning_rate_ratio=0.1..10:8"), seeds=3)

A map trains nothing: it says which runs make it up, and in which order they are worth training.
Torch-free.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.axis import Axis, axis
from gan_core.exploration.refinement import rounds
from gan_core.exploration.study import Results

MOST_SEEDS = 5
Cell = tuple[int, int]  # column and row, from 0


@dataclass(frozen=True)
class MapRun:
    """One run of a map: its cell, which of the seeds it is, from 0, its config and its name."""

    cell: Cell
    number: int
    config: RunConfig
    digest: str


@dataclass(frozen=True)
class ParameterMap:
    """`base` with `x` and `y` varied: a column for each value of `x`, a row for each of `y`. The
    seeds are `base.seed` and those after it; `base.steps` is the length of every run.

    Raises ConfigError.
    """

    folder: ClassVar[str] = "maps"
    keeps_courses: ClassVar[bool] = False

    base: RunConfig
    x: Axis
    y: Axis
    seeds: int = 1

    def __post_init__(self) -> None:
        if self.x.field == self.y.field and self.x.since == self.y.since:
            raise ConfigError("y", f"x and y must vary two settings, not both {self.x.field}.")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise ConfigError(
                "seeds", f"seeds must be a whole number from 1 to {MOST_SEEDS}, not {self.seeds}.")
        self.base.replace(seed=self.base.seed + self.seeds - 1)  # the last seed is one
        for name, each in (("x", self.x), ("y", self.y)):
            if each.since >= self.base.steps:
                raise ConfigError(
                    name, f"{name} must begin before step {self.base.steps}, at which the runs "
                    f"end, not at {each.since}.")
        if len(self.refused) == self.columns * self.rows:
            raise ConfigError("x", next(iter(self.refused.values())))

    @property
    def columns(self) -> int:
        return len(self.x.values)

    @property
    def rows(self) -> int:
        return len(self.y.values)

    def config(self, cell: Cell, number: int = 0) -> RunConfig:
        """The run of a cell under the seed of this number. Raises ConfigError where the values do
        not go together."""
        column, row = cell
        chosen = [(self.x, self.x.values[column]), (self.y, self.y.values[row])]
        at_once = {each.field: value for each, value in chosen if not each.since}
        config = self.base.replace(**at_once, seed=self.base.seed + number)
        for each, value in sorted(chosen, key=lambda pair: pair[0].since):
            if each.since:
                config = config.changed(each.since, **{each.field: value})
        return config

    @functools.cached_property
    def refused(self) -> dict[Cell, str]:
        """Cells whose values do not go together, each with the sentence that says why."""
        found: dict[Cell, str] = {}
        for cell in ((column, row) for row in range(self.rows) for column in range(self.columns)):
            try:
                self.config(cell)
            except ConfigError as error:
                found[cell] = str(error)
        return found

    @functools.cached_property
    def runs(self) -> tuple[MapRun, ...]:
        """All runs, coarse to fine under the first seed, then so under the next one."""
        made = []
        for number in range(self.seeds):
            for cells in rounds(self.columns, self.rows):
                for cell in (cell for cell in cells if cell not in self.refused):
                    config = self.config(cell, number)
                    made.append(MapRun(cell, number, config, config.digest()))
        return tuple(made)

    @functools.cached_property
    def runs_by_cell(self) -> dict[Cell, list[MapRun]]:
        """The runs of each cell that is allowed, by seed."""
        found: dict[Cell, list[MapRun]] = {}
        for run in self.runs:
            found.setdefault(run.cell, []).append(run)
        return found

    def wanted(self, results: Results) -> list[RunConfig]:
        """As `study.Study` has it."""
        return [run.config for run in self.runs if run.digest not in results]

    def remaining(self, results: Results) -> int:
        """As `study.Study` has it."""
        return sum(run.digest not in results for run in self.runs)

    # --- its name, to and from text ---------------------------------------------------------------

    def digest(self) -> str:
        """Sixteen hex digits naming what it varies, and how far its runs go; the number of seeds
        says only how often anyone has looked."""
        text = json.dumps({**self.base.changes(), "steps": self.base.steps,
                           "x": str(self.x), "y": str(self.y)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; of the base, what differs from the default."""
        return {"base": {**self.base.changes(), "steps": self.base.steps},
                "x": str(self.x), "y": str(self.y), "seeds": self.seeds}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ParameterMap:
        """The inverse of `to_dict`. Raises ConfigError, KeyError, TypeError."""
        return cls(RunConfig.from_dict(content["base"]), axis(str(content["x"]), "x"),
                   axis(str(content["y"]), "y"), int(content["seeds"]))
