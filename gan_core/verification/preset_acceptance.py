"""Do the presets do what their buttons say? *Healthy* has no finding, *Break it* shows the page's
own symptom, *Fix it* removes it and improves the page's headline. And do their pictures say so too:
whoever sees only the two last sheets must know which run is broken. Counted over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.diagnosis.quality import quality_of
from gan_core.verification.cells import Columns
from gan_core.verification.results import Result, Results, Row

PRESETS = ("healthy", "broken", "fixed")
SHARE = 24 / 25  # of the runs of a column: so many must do what the button says

Runs = dict[str, dict[int, Result]]  # of one challenge, by preset and seed


@dataclass(frozen=True)
class Visible:
    """What the last sheets of a page must show: in the broken run at most `most` digits of which a
    good share is recognised, in the fixed one at least `least`; of the broken run's samples at most
    the share `recognised` is. The broken run may also have to be `further` times as far from real
    digits (Fréchet) as the fixed one; and where what is broken is D's memory, its D must accept new
    images less often than training images, by `missed`."""

    most: int = 10
    least: int = 8
    recognised: float = 1.0
    missed: float = 0.0
    further: float = 0.0

    def broken(self, run: Result) -> bool:
        return (recognised_digits(run) <= self.most
                and run.metrics.get("recognised", 0.0) <= self.recognised
                and (not self.missed or _missed(run) >= self.missed))

    def fixed(self, run: Result, broken: Result | None) -> bool:
        return recognised_digits(run) >= self.least and (
            broken is None
            or self.further * run.metrics.get("frechet", 0.0) <= broken.metrics.get("frechet", 0.0))

    def text(self) -> str:
        """The rule in words, for the table."""
        asked = [(f"at most {self.most}", self.most < 10),
                 (f"at most {self.recognised:.0%} of the samples recognised", self.recognised < 1),
                 (f"D misses {self.missed:.0%}", self.missed),
                 (f"{self.further:g} × as far from real digits", self.further)]
        broken = ", ".join(text for text, there in asked if there)
        return f"{broken} / at least {self.least}"


VISIBLE = {
    "training_instability": Visible(most=3),
    "mode_collapse": Visible(most=2),
    "vanishing_gradients": Visible(most=1),
    "discriminator_overfitting": Visible(most=7, missed=0.25, further=2.0),
    # Of blobs a few pass for each digit: what counts is how many samples are recognised at all.
    "computational_cost": Visible(recognised=0.4, further=3.0),
}


def recognised_digits(result: Result) -> int:
    """How many digits the run's last samples show: of each, a good share is recognised."""
    if not result.history.evaluations:
        return 0
    return quality_of(result.history.evaluations[-1], result.config.card).supported


def _missed(result: Result) -> float:
    """How much less often D accepts images that it never saw than those it was trained on."""
    return (result.metrics.get("accuracy_train", 0.0)
            - result.metrics.get("accuracy_held_out", 0.0))


def configs() -> dict[str, RunConfig]:
    """The three presets of every challenge that has a failure, by full name."""
    return {
        f"{name}-{preset}": challenge.presets[preset].config
        for name, challenge in CHALLENGES.items() if "broken" in challenge.presets
        for preset in PRESETS
    }


def rows(results: Results) -> list[Row]:
    """One row a challenge; of a preset that was left out, nothing is counted."""
    names = dict.fromkeys(name.rpartition("-")[0] for name, _ in results)
    return [_row(name, _runs_of(name, results)) for name in names]


def _runs_of(challenge: str, results: Results) -> Runs:
    return {
        preset: {seed: result for (name, seed), result in results.items()
                 if name == f"{challenge}-{preset}"}
        for preset in PRESETS
    }


def _row(name: str, runs: Runs) -> Row:
    accepted_runs = _accepted_runs(name, runs)
    return {
        "challenge": name, "headline": CHALLENGES[name].headline,
        "kept": {preset: sum(accepted_runs[preset]) for preset in PRESETS},
        "runs": {preset: len(runs[preset]) for preset in PRESETS},
        "digits": {preset: [recognised_digits(result) for result in runs[preset].values()]
                   for preset in PRESETS},
        "values": {preset: [_headline(name, result) for result in runs[preset].values()]
                   for preset in PRESETS},
        "seconds": {preset: [result.outcome.seconds for result in runs[preset].values()]
                    for preset in PRESETS},
        "findings": {preset: [result.symptoms for result in runs[preset].values()]
                     for preset in PRESETS},
    }


def _accepted_runs(name: str, runs: Runs) -> dict[str, list[bool]]:
    """Of each preset, whether each run did what the button says."""
    broken, visible = runs["broken"], VISIBLE[name]
    return {
        "healthy": [_ended(run) and not run.findings for run in runs["healthy"].values()],
        "broken": [shows(name, run) and visible.broken(run) for run in broken.values()],
        "fixed": [
            _ended(run) and not shows(name, run) and visible.fixed(run, broken.get(seed))
            and (seed not in broken or _improved(name, run, broken[seed]))
            for seed, run in runs["fixed"].items()
        ],
    }


def _ended(result: Result) -> bool:
    """A run that failed proves nothing."""
    return result.outcome.kind != "failed"


def shows(challenge: str, result: Result) -> bool:
    """Whether a run has a symptom that this challenge's page explains."""
    return any(SYMPTOMS[name].challenge == challenge for name in result.symptoms)


def _headline(challenge: str, result: Result) -> float:
    return HEADLINES[CHALLENGES[challenge].headline].value_of(result.history)


def _improved(challenge: str, fixed: Result, broken: Result) -> bool:
    return HEADLINES[CHALLENGES[challenge].headline].improved(
        _headline(challenge, fixed), _headline(challenge, broken))


def accepted(rows: list[Row]) -> bool:
    """Whether, in each of the three columns, at least SHARE of the runs are accepted."""
    return all(
        sum(row["kept"][preset] for row in rows)
        >= SHARE * sum(row["runs"][preset] for row in rows)
        for preset in PRESETS
    )


# --- cells ----------------------------------------------------------------------------------------


def _count(preset: str) -> Callable[[Row], str]:
    return lambda row: f"{row['kept'][preset]} of {row['runs'][preset]}"


def _values(preset: str) -> Callable[[Row], str]:
    def smallest_to_largest(row: Row) -> str:
        headline, values = HEADLINES[row["headline"]], row["values"][preset]
        known = [value for value in values if not math.isnan(value)]
        if not known:
            return "–"
        return f"{headline.text(min(known))} – {headline.text(max(known))}"

    return smallest_to_largest


def _digits(row: Row) -> str:
    counts = [row["digits"][preset] for preset in ("broken", "fixed")]
    return " / ".join(f"{min(each)} – {max(each)}" if each else "–" for each in counts)


def _seconds(of: Callable[[list[float]], float]) -> Callable[[Row], str]:
    return lambda row: " / ".join(
        f"{of(row['seconds'][preset]):.0f}" for preset in PRESETS if row["seconds"][preset])


COLUMNS: Columns = {
    "page": lambda row: CHALLENGES[row["challenge"]].title,
    "*Healthy*: no finding": _count("healthy"),
    "*Break it*: its symptom, seen": _count("broken"),
    "*Fix it*: gone, headline better, seen": _count("fixed"),
    "recognised digits, broken / fixed": _digits,
    "asked for": lambda row: VISIBLE[row["challenge"]].text(),
    "headline": lambda row: HEADLINES[row["headline"]].label,
    "healthy": _values("healthy"),
    "broken": _values("broken"),
    "fixed": _values("fixed"),
    "seconds a run": _seconds(statistics.mean),
    "longest": _seconds(max),
}
