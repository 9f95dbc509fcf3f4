"""Does a remedy help? The first and the second remedy of every failure, applied over seeds.

Each failing run is trained again with nothing changed but the remedy, and compared with itself.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from gan_core.config.cases import CASES
from gan_core.config.recipes import KNOWN
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Remedy
from gan_core.diagnosis.quality import quality_of
from gan_core.diagnosis.verdict import verdict
from gan_core.verification.cells import Columns, mean_and_spread
from gan_core.verification.results import Result, Results, Row

PLACES = (1, 2)  # of the remedies that are applied
LEAST = 0.02  # gain of the score, and loss, below which nothing has changed

RIGHT, WRONG = 0.9, 0.03  # share of first remedies that must help, and that may do harm


def configs() -> dict[str, RunConfig]:
    """Every known failure and every case that fails."""
    known = {f"known-{name}": recipe.config for name, recipe in KNOWN.items() if recipe.truth}
    cases = {name: case.config for name, case in CASES.items() if case.knobs}
    return {**known, **cases}


def remedied(results: Results) -> dict[tuple[str, int], RunConfig]:
    """What is trained next: each run with its first remedy, and with its second."""
    return {
        (_with(name, place), seed): run.config.replace(**remedy.changes)
        for (name, seed), run in results.items() for place in PLACES
        if (remedy := _remedy(run, place)) is not None
    }


def _with(name: str, place: int) -> str:
    return f"{name} + remedy {place}"


def _remedy(run: Result, place: int) -> Remedy | None:
    remedies = verdict(run.history, run.config).remedies
    return remedies[place - 1] if len(remedies) >= place else None


def rows(results: Results) -> list[Row]:
    """One row for each failure and each of its first remedies."""
    return [row for name in configs() for place in PLACES
            if (row := _row(name, place, results)) is not None]


def _row(name: str, place: int, results: Results) -> Row | None:
    seeds = [seed for (other, seed) in results if other == _with(name, place)]
    if not seeds:
        return None
    before = [results[name, seed] for seed in seeds]
    after = [results[_with(name, place), seed] for seed in seeds]
    labels = [remedy.label for run in before if (remedy := _remedy(run, place)) is not None]
    score = SCORES.get(_leading(before[0]), _score)
    scores = {"before": list(map(score, before)), "after": list(map(score, after))}
    return {
        "failure": name, "place": place, "remedy": " or ".join(dict.fromkeys(labels)),
        "runs": len(seeds), **scores,
        "gone": sum(_leading(one) not in other.symptoms
                    for one, other in zip(before, after, strict=True)),
        "effect": effect(**scores),
    }


def _score(run: Result) -> float:
    """0 for a run that has nothing to show, because it diverged before its first evaluation."""
    if not run.history.evaluations or run.outcome.kind == "diverged":
        return 0.0
    return quality_of(run.history.evaluations[-1], run.config.card).score


def _new_reals_accepted(run: Result) -> float:
    """Of 100 real images that D accepts among its training images, how many it does of new ones:
    the samples of a D that knows its images by heart may be good for long."""
    last = run.history.evaluations[-1].metrics
    return min(last["accuracy_held_out"] / max(last["accuracy_train"], 0.01), 1.0)


SCORES: dict[str, Callable[[Result], float]] = {  # by leading symptom; of others the samples'
    "discriminator_overfitting": _new_reals_accepted}


def _leading(run: Result) -> str:
    findings = verdict(run.history, run.config).findings
    return findings[0].symptom if findings else ""


def effect(before: list[float], after: list[float]) -> str:
    """better or worse by more than the spread of the failing runs over their seeds, or neither."""
    gain = statistics.mean(b - a for a, b in zip(before, after, strict=True))
    spread = max(statistics.stdev(before) if len(before) > 1 else 0.0, LEAST)
    return "better" if gain > spread else "worse" if gain < -spread else "no clear change"


def _cell(key: str) -> Callable[[Row], str]:
    return lambda row: mean_and_spread(row[key], 2)


COLUMNS: Columns = {
    "failure": lambda row: row["failure"],
    "remedy": lambda row: f"{row['place']}. {row['remedy']}",
    "score before": _cell("before"),
    "score after": _cell("after"),
    "symptom gone": lambda row: f"{row['gone']} of {row['runs']}",
    "effect": lambda row: row["effect"],
}


def accepted(rows: list[Row]) -> bool:
    """Nine of ten first remedies help, and hardly one does harm."""
    first = [row["effect"] for row in rows if row["place"] == 1]
    return (first.count("better") >= RIGHT * len(first)
            and first.count("worse") <= WRONG * len(first))
