"""CrossValidation: candidates compared on k folds, and the best one measured once on the test set.

Each candidate is trained k times, each time without another part of the training set, on which it
is then measured. Many candidates are halved: all are measured on the first fold, the better half
on one more, and so on, so that most of the training goes to those that may be the best. The test
set is touched at the end, by one run of the best candidate alone. Torch-free.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.cell_runs import JUDGED_BY, MEASURES
from gan_core.exploration.study import Results

MOST_CANDIDATES, MOST_FOLDS = 12, 10
SURVIVORS = 2  # as few candidates as halving leaves


@dataclass(frozen=True)
class Candidate:
    """A setting to be judged: what it is called, and its config, without folds."""

    label: str
    config: RunConfig


@dataclass(frozen=True)
class Dropped:
    """A candidate that halving left behind: after how many folds, its mean until then, and that of
    the worst candidate that was kept."""

    folds: int
    mean: float
    kept: float


@dataclass(frozen=True)
class Standing:
    """What is known of the candidates: the `values` of each by fold, in order of the candidates;
    which were `dropped`; which runs are wanted next; the `best` candidate, once all folds are
    there, None also where none has a value on every fold; and its value on the test set."""

    values: list[dict[int, float]]
    dropped: dict[int, Dropped]
    wanted: list[RunConfig]
    best: int | None = None
    tested: float | None = None

    def mean(self, candidate: int) -> float:
        """Over the folds that are there; NaN without any."""
        values = self.values[candidate].values()
        return statistics.fmean(values) if values else math.nan

    def deviation(self, candidate: int) -> float:
        """From fold to fold; NaN with fewer than two."""
        values = list(self.values[candidate].values())
        finite = len(values) > 1 and all(map(math.isfinite, values))
        return statistics.stdev(values) if finite else math.nan


@dataclass(frozen=True)
class CrossValidation:
    """`candidates` on the same data set, `folds` of them, judged by `measure`, one of JUDGED_BY.

    With `halving` the worse half goes after each round. Raises ConfigError.
    """

    folder: ClassVar[str] = "folds"
    keeps_courses: ClassVar[bool] = False

    candidates: tuple[Candidate, ...]
    folds: int = 5
    measure: str = "frechet"
    halving: bool = False

    def __post_init__(self) -> None:
        if not 2 <= len(self.candidates) <= MOST_CANDIDATES:
            raise ConfigError("candidates", f"candidates must be 2 to {MOST_CANDIDATES} different "
                              f"settings, not {len(self.candidates)}.")
        if not 2 <= self.folds <= MOST_FOLDS:
            raise ConfigError(
                "folds", f"folds must be a whole number from 2 to {MOST_FOLDS}, not {self.folds}.")
        configs = [candidate.config for candidate in self.candidates]
        if len({config.dataset for config in configs}) > 1:
            raise ConfigError("candidates", "candidates must have one data set: their measures "
                              "cannot be compared otherwise.")
        measures = JUDGED_BY[configs[0].card.kind]
        if self.measure not in measures:
            raise ConfigError("measure", f"measure must be one of {', '.join(measures)} for the "
                              f"data set {configs[0].dataset}, not {self.measure[:40]!r}.")
        if self.measure == "ema_frechet" and not all(config.ema > 0 for config in configs):
            raise ConfigError("measure", "measure can be ema_frechet only where every candidate "
                              "averages its generator, ema above 0.")
        if len({config.digest() for config in configs}) < len(configs):
            raise ConfigError("candidates", "candidates must be 2 to "
                              f"{MOST_CANDIDATES} different settings; two of them are the same.")

    def config(self, candidate: int, fold: int) -> RunConfig:
        """A candidate's run without this fold."""
        return self.candidates[candidate].config.replace(folds=self.folds, fold=fold)

    def final(self, candidate: int) -> RunConfig:
        """A candidate's run on the whole training set, measured on the test set."""
        return self.candidates[candidate].config.replace(folds=0, fold=0)

    # --- how it stands ---------------------------------------------------------------------------

    def standing(self, results: Results) -> Standing:
        """Where it stands with these results."""
        values: list[dict[int, float]] = [{} for _ in self.candidates]
        dropped: dict[int, Dropped] = {}
        alive = list(range(len(self.candidates)))
        for until in self._rounds():
            wanted = []
            for fold in range(until):
                for candidate in alive:
                    config = self.config(candidate, fold)
                    if (run := results.get(config.digest())) is None:
                        wanted.append(config)
                    else:
                        values[candidate][fold] = run.measures.get(self.measure, self._worst())
            if wanted:
                return Standing(values, dropped, wanted)
            if until < self.folds:
                alive = self._halved(alive, values, until, dropped)
        best = alive[0]
        for candidate in alive:
            if self._better(_mean(values[candidate]), _mean(values[best])):
                best = candidate
        if not math.isfinite(_mean(values[best])):  # none works on every fold
            return Standing(values, dropped, [])
        final = self.final(best)
        if (run := results.get(final.digest())) is None:
            return Standing(values, dropped, [final], best)
        return Standing(values, dropped, [], best, run.measures.get(self.measure, self._worst()))

    def _rounds(self) -> Iterator[int]:
        """Until which fold each round goes."""
        left, until = len(self.candidates), 1
        while self.halving and left > SURVIVORS and until < self.folds:
            yield until
            left, until = max(math.ceil(left / 2), SURVIVORS), until + 1
        yield self.folds

    def _halved(
        self, alive: Sequence[int], values: Sequence[Mapping[int, float]], until: int,
        dropped: dict[int, Dropped],
    ) -> list[int]:
        """The better half; the others are noted in `dropped`."""
        lower = MEASURES[self.measure].lower_is_better
        ranked = sorted(alive, key=lambda each: (
            _mean(values[each]) if lower else -_mean(values[each]), each))
        kept = max(math.ceil(len(ranked) / 2), SURVIVORS)
        limit = _mean(values[ranked[kept - 1]])
        for candidate in ranked[kept:]:
            dropped[candidate] = Dropped(until, _mean(values[candidate]), limit)
        return sorted(ranked[:kept])

    def _better(self, value: float, other: float) -> bool:
        return MEASURES[self.measure].improved(value, other)

    def _worst(self) -> float:
        """Of a run that has no such measure, as one that diverged."""
        return math.inf if MEASURES[self.measure].lower_is_better else -math.inf

    # --- as a study ------------------------------------------------------------------------------

    def wanted(self, results: Results) -> list[RunConfig]:
        """As `study.Study` has it."""
        return self.standing(results).wanted

    def remaining(self, results: Results) -> int:
        """As `study.Study` has it."""
        standing = self.standing(results)
        if standing.best is not None or not standing.wanted:
            return len(standing.wanted)
        total, alive = 0, len(self.candidates)
        before = 0
        for until in self._rounds():
            total += alive * (until - before)
            before = until
            alive = max(math.ceil(alive / 2), SURVIVORS) if self.halving else alive
        return max(total - sum(map(len, standing.values)), len(standing.wanted)) + 1

    def digest(self) -> str:
        """Sixteen hex digits naming its runs: candidates and folds, whatever they are judged by."""
        configs = [json.dumps({**each.config.changes(), "steps": each.config.steps}, sort_keys=True)
                   for each in self.candidates]
        text = json.dumps([self.folds, *sorted(configs)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; of each candidate, what differs from the default."""
        return {"candidates": [[each.label, {**each.config.changes(), "steps": each.config.steps}]
                               for each in self.candidates],
                "folds": self.folds, "measure": self.measure, "halving": self.halving}


def _mean(values: Mapping[int, float]) -> float:
    return statistics.fmean(values.values()) if values else math.nan
