"""Remedies put to the test: which runs to train, what became of them, and which one to take.

    planned = trials(history, config, good_steps=(750,))

Every trial begins at the start, as long as all others; where its settings may change in mid-run, a
second one is forked from the last good checkpoint before the failure. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.diagnosis.findings import Remedy
from gan_core.diagnosis.quality import Quality, quality_of
from gan_core.diagnosis.verdict import Verdict, verdict
from gan_core.runs.history import History

MOST_AT_ONCE = 3
LEAST_STEPS = {"image": 1000, "points": 3000}  # with fewer a remedy cannot make samples good
MOST_STEPS = {"image": 2000, "points": 3000}  # under a minute each on two cores
STEPS_AFTER = 500  # beyond the failure, or the fork, over which a remedy must show itself
FURTHER = {"image": 6000, "points": 12_000}  # to which a run that still improves is trained on

# --- which runs to train -------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """A run that tries a remedy, and what `changes` it makes; "" and none for the run as it is.

    `forked_at` is the step at which it leaves the run that it is to mend, 0 for a run of its own.
    """

    label: str
    changes: dict[str, Any]
    config: RunConfig
    forked_at: int = 0

    @property
    def title(self) -> str:
        """What was changed, in words."""
        if not self.label:
            return "as it is"
        return f"{self.label}, from step {self.forked_at} on" if self.forked_at else self.label

    @property
    def goes_on(self) -> bool:
        """Whether it is the same run, trained further."""
        return set(self.changes) == {"steps"}


def trials(
    history: History, config: RunConfig, good_steps: Collection[int] = (),
    known: Collection[str] = (), most: int = MOST_AT_ONCE, longest: int | None = None,
) -> list[Trial]:
    """The first `most` remedies that are worth a try, each followed by its fork if it has one.

    `good_steps` are those of the run's good checkpoints, `known` the digests of runs that are
    trained already, `longest` the steps that a server trains at most. A run that is shorter than
    its trials is trained on, to be compared with them; of one that may still become good, this is
    the only trial. Empty for a healthy run.
    """
    judged, kind = verdict(history, config), config.card.kind
    if judged.state in ("too_early", "improving"):
        further = min(max(2 * config.steps, LEAST_STEPS[kind]), FURTHER[kind])
        return _trained_on(config, _at_most(longest, further))
    if judged.state not in ("failing", "diverged"):
        return []
    steps = _budget(config, judged, longest)
    fork_at = _last_good(good_steps, judged)
    from_start = islice(_from_start(judged, config.at(history.last_step), steps, known), most)
    planned: list[Trial] = []
    for trial in from_start:
        fork = _fork(trial, config, fork_at, longest)
        planned += [trial] if fork is None or fork.config.digest() in known else [trial, fork]
    on = _trained_on(config, steps) if planned and judged.state == "failing" else []
    return [*on, *planned]


def _trained_on(config: RunConfig, steps: int) -> list[Trial]:
    if steps <= config.steps:
        return []
    return [Trial("Train on", {"steps": steps}, config.replace(steps=steps))]


def _budget(config: RunConfig, judged: Verdict, longest: int | None) -> int:
    """Steps of every trial: as long as the run, but short; long enough to pass the failure."""
    since = judged.findings[0].since if judged.findings else 0
    short = min(config.steps, max(MOST_STEPS[config.card.kind], since + STEPS_AFTER))
    return _at_most(longest, max(LEAST_STEPS[config.card.kind], short))


def _at_most(longest: int | None, steps: int) -> int:
    return steps if longest is None else min(steps, longest)


def _from_start(
    judged: Verdict, base: RunConfig, steps: int, known: Collection[str]
) -> Iterator[Trial]:
    """Every remedy of the findings, then the first few at once, without what is known already."""
    remedies = [remedy for finding in judged.findings for remedy in finding.remedies]
    single = _different(base, steps, remedies)
    yield from (trial for trial in _different(base, steps, [*single, *_together(single)])
                if trial.config.digest() not in known)


def _different(
    base: RunConfig, steps: int, remedies: Iterable[Remedy | Trial]
) -> list[Trial]:
    """Trials of remedies, without those that come to the same settings or do not go together."""
    seen, planned = {base.digest()}, []
    for remedy in remedies:
        try:
            changed = base.replace(**{**remedy.changes, "steps": steps})
        except ConfigError:
            continue
        if changed.digest() not in seen:
            seen.add(changed.digest())
            planned.append(Trial(remedy.label, remedy.changes, changed))
    return planned


def _together(single: Sequence[Trial]) -> Iterator[Remedy]:
    """The first two and the first three at once: a run may have several faults, and mending one of
    them shows nothing. Only of remedies that change different settings."""
    for count in range(2, min(len(single), MOST_AT_ONCE) + 1):
        several = single[:count]
        names = [name for trial in several for name in trial.changes]
        if len(set(names)) == len(names):
            changes = {name: value for each in several for name, value in each.changes.items()}
            yield Remedy(" + ".join(each.label for each in several), changes, "all at once")


def _last_good(good_steps: Collection[int], judged: Verdict) -> int:
    """The newest good checkpoint from before the failure; 0 without one."""
    since = judged.findings[0].since if judged.findings else 0
    return max((step for step in good_steps if step <= since), default=0)


def _fork(trial: Trial, config: RunConfig, step: int, longest: int | None) -> Trial | None:
    """The same changes, made in mid-run; None where that is not possible."""
    if not step or not all(KNOBS[name].mid_run for name in trial.changes):
        return None
    steps = _at_most(longest, max(trial.config.steps, step + STEPS_AFTER))
    try:
        forked = config.changed(step, **trial.changes).replace(steps=steps)
    except ConfigError:  # a schedule holds no more changes
        return None
    return Trial(trial.label, trial.changes, forked, step)


# --- what became of them -------------------------------------------------------------------------

# A healthy run is better than any other, and any better than one that broke off. Of the rest,
# samples count first: one that improves from nothing is not yet better than one that is half good.
LEVELS = {"healthy": 2, "diverged": 0, "failed": -1}
HOPE = {"improving": 2, "too_early": 1}
CLEAR_GAIN = 0.05  # of the score; between two seeds it differs by about as much
CLEARLY_NEARER = 0.9  # Fréchet distance ÷ the other's


@dataclass(frozen=True)
class Tried:
    """A trial, or the run as it is, and its history as far as it has come."""

    trial: Trial
    history: History

    @property
    def verdict(self) -> Verdict:
        return verdict(self.history, self.trial.config)

    @property
    def quality(self) -> Quality | None:
        """Of the last samples; None before there are any."""
        if not self.history.evaluations:
            return None
        return quality_of(self.history.evaluations[-1], self.trial.config.card)

    @property
    def score(self) -> float:
        """The share of the data that its samples show, from 0 to 1."""
        return 0.0 if self.quality is None else self.quality.share

    @property
    def distance(self) -> float:
        """The Fréchet distance; infinite where it is not measured."""
        quality = self.quality
        return math.inf if quality is None or math.isnan(quality.frechet) else quality.frechet

    @property
    def level(self) -> int:
        return LEVELS.get(self.verdict.state, 1)

    @property
    def hope(self) -> int:
        """Whether training on may help."""
        return HOPE.get(self.verdict.state, 0)

    @property
    def place(self) -> tuple[float, ...]:
        """By which runs are ranked; the highest is best."""
        return self.level, round(self.score / CLEAR_GAIN), self.hope, self.score, -self.distance

    @property
    def seconds(self) -> float:
        """Of training, as far as is known."""
        if self.history.outcome is not None:
            return self.history.outcome.seconds
        return self.history.evaluations[-1].seconds if self.history.evaluations else 0.0

    def until(self, steps: int) -> Tried:
        """As it was after so many steps, to be compared with others of that length."""
        return Tried(self.trial, self.history.until(steps))


def untouched(history: History, config: RunConfig) -> Tried:
    """The run that is to be mended."""
    return Tried(Trial("", {}, config), history)


def compared(one: Tried, other: Tried) -> int:
    """1 where `one` is clearly better than `other`, −1 where it is clearly worse, else 0."""
    gain = one.score - other.score
    for difference in (one.level - other.level, gain if abs(gain) > CLEAR_GAIN else 0,
                       one.hope - other.hope):
        if difference:
            return 1 if difference > 0 else -1
    nearer, farther = (a.distance < CLEARLY_NEARER * b.distance < math.inf
                       for a, b in ((one, other), (other, one)))
    return int(nearer) - int(farther)


def best(broken: Tried, tried: Iterable[Tried]) -> Tried | None:
    """The trial to take; None if none is clearly better than the run as it is after as many steps.
    """
    ranked = sorted(tried, key=lambda each: each.place, reverse=True)
    return next((each for each in ranked
                 if compared(each, broken.until(each.trial.config.steps)) > 0), None)


def choice(broken: Tried, tried: Sequence[Tried]) -> Tried | None:
    """Which to go on with: the best trial, or else the run itself as far as it was trained on."""
    remedies = [each for each in tried if not each.trial.goes_on]
    itself = next((each for each in tried if each.trial.goes_on), None)
    return best(itself or broken, remedies) or itself


def advice(broken: Tried, tried: Sequence[Tried]) -> str:
    """Which to take, in words."""
    if not tried:
        return "There is no remedy left to try."
    taken = choice(broken, tried)
    if taken is None or (taken.trial.goes_on and len(tried) > 1):
        return "None of them helped."
    state = taken.verdict.state
    return f"Take: {taken.trial.title}.{ADVICE.get(state, '')}"


ADVICE = {
    "improving": " It is the best of them and still improves: train it on.",
    "too_early": " It is the best of them; train it on to be sure.",
    "failing": " It is the best of them, and not healthy yet: try its remedies next.",
    "diverged": " It is the best of them, and not healthy yet: try its remedies next.",
}


def effect(broken: Tried, tried: Tried) -> str:
    """What a trial did for the samples, in a word or two."""
    return EFFECTS[compared(tried, broken.until(tried.trial.config.steps))]


EFFECTS = {1: "better", 0: "no clear change", -1: "worse"}
