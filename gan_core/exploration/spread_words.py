"""What is said of a spread: how its runs end, how far seeds and small changes move that, and
whether another recipe does better seed by seed. Torch-free."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import tick_text
from gan_core.exploration.cell_runs import MEASURES
from gan_core.exploration.spread import SEEDS, Spread
from gan_core.exploration.study import Results

# How many times as far as the seed a small change must move a measure until it is said to matter.
# Of two ranges over five draws of one normal distribution, one in twenty exceeds the other so far.
BEYOND_CHANCE = 2.6


def ends(
    configs: Mapping[float, RunConfig], results: Results, measure: str
) -> dict[float, float]:
    """The measure at the end of each run that is there and has it, by seed or value."""
    found = {}
    for key, config in configs.items():
        run = results.get(config.digest())
        if run is not None and measure in run.measures:
            found[key] = run.measures[measure]
    return found


def told(name: str, spread: Spread, results: Results, measure: str) -> str:
    """How the runs of a recipe end; it is called `name`."""
    by_seed = ends(spread.seeds, results, measure)
    if not by_seed:
        return f"**{name}**: no seed has been trained yet."
    parts = [f"**{name}**, after {spread.recipe.steps} steps: {MEASURES[measure].label} "
             f"{range_text(by_seed.values(), measure)} {_under(len(by_seed))}"]
    by_value = ends(spread.values, results, measure)
    if len(by_value) > 1:
        low, high = (tick_text(spread.varied, extreme(by_value)) for extreme in (min, max))
        parts.append(f"{range_text(by_value.values(), measure)} with the "
                     f"{changes(spread)} from {low} to {high}")
    return f"{'; '.join(parts)}. {_verdicts(spread, results)}"


def changes(spread: Spread) -> str:
    """What varies, within a sentence."""
    label = KNOBS[spread.varied].label.partition(" (")[0]
    return f"{label[0].lower()}{label[1:]}"


def _under(seeds: int) -> str:
    return "under one seed" if seeds == 1 else f"under {seeds} of {SEEDS} seeds" if (
        seeds < SEEDS) else f"under {SEEDS} seeds"


def range_text(values: Iterable[float], measure: str) -> str:
    """The median, and behind it from where to where the values reach."""
    of, values = MEASURES[measure], sorted(values)
    middle, low, high = (of.text(value) for value in (
        statistics.median(values), values[0], values[-1]))
    return middle if low == high else f"{middle} ({low} to {high})"


def _verdicts(spread: Spread, results: Results) -> str:
    """How many of the seeds have which verdict."""
    counts = Counter(results[config.digest()].headline.removesuffix(".")
                     for config in spread.seeds.values() if config.digest() in results)
    words = [f"{count} × {headline[0].lower()}{headline[1:]}"
             for headline, count in counts.most_common()]
    return f"Verdicts of the seeds: {', '.join(words)}."


def moved(spread: Spread, results: Results, measure: str) -> str:
    """Whether small changes of the setting move the measure further than the seed does; "" until
    all runs are there, and of a time, which is the machine's."""
    by_seed, by_value = (list(ends(configs, results, measure).values())
                         for configs in (spread.seeds, spread.values))
    whole = len(by_seed) == len(spread.seeds) and len(by_value) == len(spread.values)
    if MEASURES[measure].timed or not whole or not all(map(math.isfinite, by_seed + by_value)):
        return ""
    seed, value = (_range(values, MEASURES[measure].least) for values in (by_seed, by_value))
    if seed == value == 0:
        return f"Neither another seed nor small changes of the {changes(spread)} move it."
    one_mode = 1 / spread.recipe.card.modes if measure == "modes" else 0.0  # it comes and goes
    if value > BEYOND_CHANCE * max(seed, one_mode):
        return (f"Small changes of the {changes(spread)} move it further than another seed does: "
                "the setting matters here.")
    return f"Small changes of the {changes(spread)} move it no further than another seed could."


def _range(values: Sequence[float], least: float) -> float:
    """From the lowest to the highest; in powers of ten of a measure that has so many of them that
    there is a `least` one."""
    if least > 0:
        values = [math.log10(max(value, least)) for value in values]
    return max(values) - min(values)


def paired(shown: Spread, of_shown: Results, reference: Spread, of_reference: Results,
           measure: str) -> str:
    """Under how many seeds the reference ends better; "" until both have one in common, and of a
    time, which is the machine's."""
    ours, theirs = (ends(spread.seeds, results, measure)
                    for spread, results in ((shown, of_shown), (reference, of_reference)))
    common = sorted(ours.keys() & theirs.keys())
    if not common or MEASURES[measure].timed:
        return ""
    better = sum(MEASURES[measure].improved(theirs[seed], ours[seed]) for seed in common)
    alike = sum(theirs[seed] == ours[seed] for seed in common)
    words = f"Seed by seed the reference is better in {better} of {len(common)}"
    return f"{words} and equal in {alike}." if alike else f"{words}."
