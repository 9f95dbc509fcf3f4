"""The audit: what the verdict says of runs that nobody tuned it for, held against their labels.

`audit_draws` says which runs, `audit_runs` trains and measures them, `audit_labels` judges them,
`audited_verdict` asks the product. Here all that meets, run by run; `audit_table` sums it up.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.store import RunStore
from gan_core.verification.audit_draws import RANDOM, Drawn, draw
from gan_core.verification.audit_labels import improved, label
from gan_core.verification.audit_runs import Reached, history, measure_all, measured
from gan_core.verification.audited_verdict import FAILING, IMPROVING, Told, told

HALF, END, TWICE = 0.5, 1.0, 2.0  # of a run's steps: when it is measured
SEEDS = 3  # over which a remedy is tried
LEAST_GAIN = 0.02  # in quality: what samples drawn again differ by

Pair = tuple[RunConfig, RunConfig]  # a run with a fault, and the same with the remedy


@dataclass(frozen=True)
class Audited:
    """A run, its label and quality, what the verdict told, and what came of it: whether it was
    better after twice as many steps, if "improving" was told; "better", "same" or "worse" with the
    first remedy, if that was tried. `doubted` says of a good run whether a viewer was told at some
    evaluation on the way that it fails."""

    drawn: Drawn
    label: str
    quality: float
    told: Told
    improved: bool | None = None
    remedied: str | None = None
    doubted: bool = False


def drawn_runs(seeds: Iterable[int], only: Collection[str] = ()) -> list[Drawn]:
    """Of the draws of these seeds, of the groups `only` if there are any."""
    return [run for seed in seeds for run in draw(seed) if not only or run.group in only]


@dataclass(frozen=True)
class Audit:
    """Trains in `store` what is not there yet. `remedies` is on how many bad single faults, or
    random configs where nothing else was drawn, their first remedy is tried, None for all."""

    store: RunStore
    device: Any
    workers: int
    remedies: int | None = None
    on_reached: Reached = lambda count, total: None

    def results(self, drawn: Sequence[Drawn]) -> list[Audited] | None:
        """Of these runs but those that could not be trained; None if interrupted."""
        if not self._measure([run.config for run in drawn], (HALF, END)):
            return None
        runs = [self._judged(run) for run in drawn if self._has(run.config, END)]
        trials = {run.drawn.config: _pairs(run) for run in self._to_remedy(runs)}
        pairs = [pair for of_run in trials.values() for pair in of_run]
        further = [run.drawn.config for run in runs if run.told.state == IMPROVING]
        further += [faulty for faulty, mended in pairs if mended.digest() == faulty.digest()]
        tried = [config for faulty, mended in pairs if mended.digest() != faulty.digest()
                 for config in (faulty, mended)]
        if not (self._measure(further, (END, TWICE)) and self._measure(tried, (END,))):
            return None
        return [self._followed_up(run, trials.get(run.drawn.config)) for run in runs]

    # --- measuring --------------------------------------------------------------------------------

    def _measure(self, configs: list[RunConfig], shares: Sequence[float]) -> bool:
        return measure_all(
            configs, shares, self.store, self.device, self.workers, self.on_reached)

    def _has(self, config: RunConfig, share: float) -> bool:
        """Whether it was measured there; a run that could not be trained was not."""
        return round(share * config.steps) in measured(self.store, config)

    def _quality(self, config: RunConfig) -> float:
        """At its end; 0 for a run that diverged."""
        end = measured(self.store, config).get(config.steps)
        return end.value if end else 0.0

    # --- the two judgements, and what came of them ------------------------------------------------

    def _judged(self, run: Drawn) -> Audited:
        config, known = run.config, measured(self.store, run.config)
        half, end = (known.get(round(share * config.steps)) for share in (HALF, END))
        labelled, past = label(config.card.kind, end, half), history(self.store, config)
        return Audited(run, labelled, self._quality(config), told(past, config),
                       doubted=labelled == "good" and _doubted(past, config))

    def _to_remedy(self, runs: list[Audited]) -> list[Audited]:
        """Bad single faults, or bad random configs where nothing else was drawn; if not all, then
        those whose digests come first, which is chance."""
        bad = [run for run in runs if run.label == "bad"]
        faults = [run for run in bad if run.drawn.group != RANDOM] or bad
        return sorted(faults, key=lambda run: run.drawn.config.digest())[: self.remedies]

    def _followed_up(self, run: Audited, pairs: list[Pair] | None) -> Audited:
        config = run.drawn.config
        if run.told.state == IMPROVING and self._has(config, TWICE):
            known = measured(self.store, config)
            end, later = known[config.steps], known[round(TWICE * config.steps)]
            run = replace(run, improved=end is not None and improved(end, later))
        return run if pairs is None else replace(run, remedied=self._remedied(pairs))

    def _remedied(self, pairs: list[Pair]) -> str:
        """"same" also where no remedy was offered."""
        qualities = [(self._quality(faulty), self._quality(mended)) for faulty, mended in pairs]
        return compared(*zip(*qualities, strict=True)) if pairs else "same"


def _doubted(past: History, config: RunConfig) -> bool:
    """Whether a run was told to fail at one of its evaluations but the last."""
    return any(told(past.until(evaluation.step), config).state in FAILING
               for evaluation in past.evaluations[:-1])


def _pairs(run: Audited) -> list[Pair]:
    """The run over three seeds, its own first, each beside the same with the first remedy; beside
    the same run after twice as many steps where that is what people are told."""
    if run.told.remedy is None:
        return []
    config, most = run.drawn.config, int(KNOBS["seed"].high or 0)
    changes = {"steps": round(TWICE * config.steps)} if run.told.state == IMPROVING \
        else run.told.remedy
    seeds = [(config.seed + more) % most for more in range(SEEDS)]
    return [(config.replace(seed=seed), config.replace(**changes, seed=seed)) for seed in seeds]


def compared(faulty: Sequence[float], mended: Sequence[float]) -> str:
    """"better", "same" or "worse": what a remedy did to the quality over paired seeds, beside what
    chance does to it between seeds."""
    gain = statistics.mean(mended) - statistics.mean(faulty)
    chance = max(statistics.stdev(faulty), LEAST_GAIN)
    if abs(gain) < chance:
        return "same"
    return "better" if gain > 0 else "worse"
