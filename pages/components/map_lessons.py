"""What the shipped maps teach, with the numbers that they show."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Collection
from typing import Any

import streamlit as st

from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.shipped_maps import SHIPPED, shipped_results
from gan_core.exploration.study import Results

HOW_TO_READ = """
Look for the **region** in which cells are good, not for the best cell: a setting that works only
where all others are just right will fail on the next data set. Where the edge is **sharp**, a small
change of one setting turns a healthy run into a failing one; where cells of one colour lie among
others, the **seed** decides, and one seed is not enough.
"""


class Counted:
    """What the runs in a part of a map come to, in words."""

    def __init__(self, drawn: ParameterMap, results: Results) -> None:
        self._drawn, self._results = drawn, results

    def healthy(self, x: Collection[Any] = (), y: Collection[Any] = ()) -> str:
        """As "13 of 15": where the map has these values; of all of an axis that none is named of.
        """
        return self.healthy_where(lambda one, other: (not x or one in x) and (not y or other in y))

    def healthy_where(self, fits: Callable[[Any, Any], bool]) -> str:
        """The same where `fits` says so of the values of both axes."""
        x, y = self._drawn.x.values, self._drawn.y.values
        found = [self._results[run.digest].state for run in self._drawn.runs
                 if run.digest in self._results and fits(x[run.cell[0]], y[run.cell[1]])]
        return f"{found.count('healthy')} of {len(found)}"

    def frechet(
        self, x: Collection[Any], y: Collection[Any], measure: str = "frechet"
    ) -> str:
        """The median of the Fréchet distances there, or of another measure."""
        return f"{statistics.median(self._values(x, y, measure)):.0f}"

    def span(
        self, x: Collection[Any] = (), y: Collection[Any] = (), measure: str = "frechet"
    ) -> str:
        """As "297 to 407": the smallest and the largest Fréchet distance there."""
        values = self._values(x, y, measure)
        return f"{min(values):.0f} to {max(values):.0f}"

    def _values(self, x: Collection[Any], y: Collection[Any], measure: str) -> list[float]:
        return [self._results[run.digest].measures[measure] for run in self._drawn.runs
                if run.digest in self._results and self._inside(run.cell, x, y)]

    def _inside(self, cell: tuple[int, int], x: Collection[Any], y: Collection[Any]) -> bool:
        values = self._drawn.x.values[cell[0]], self._drawn.y.values[cell[1]]
        return all(not wanted or value in wanted
                   for wanted, value in zip((x, y), values, strict=True))


def _rate_ratio(counted: Counted) -> str:
    good = (0.00072, 0.0014, 0.0027)
    return f"""
- **D should be a little faster, and no more.** With D twice as fast as G,
  {counted.healthy(good, [2])} runs at the three rates from 0.00072 to 0.0027 are healthy. With D
  five times as fast it is {counted.healthy(y=[5])} of all rates together, with D ten times as fast
  {counted.healthy(y=[10])}.
- **G must not be the faster one.** With G ahead, {counted.healthy(y=[0.5, 0.2, 0.1])} runs are
  healthy. Colour the map by *share of modes present*: most of these cells show one mode of eight,
  or none.
- **At equal rates the seed decides.** At 0.0014 and 0.0027,
  {counted.healthy((0.0014, 0.0027), [1])} runs are healthy. Whoever tries one seed of these cells
  learns nothing about them.
"""


def _r1_rate(counted: Counted) -> str:
    good = (0.00072, 0.0014, 0.0027, 0.0052)
    return f"""
- **R1 widens the region.** With γ 0.1, {counted.healthy(good, [0.1])} runs at the four rates from
  0.00072 to 0.0052 are healthy, without it {counted.healthy(good, [0])}. The rate may then be wrong
  by a factor of seven.
- **Too much of it is worse than none.** Of all rates together {counted.healthy(y=[10])} runs are
  healthy with γ 10, and {counted.healthy(y=[0])} without R1. The best γ here is a hundredth of the
  10 that is published for images: a penalty has to be tuned for its data.
- **It does not help where the rate is low.** At rates of 0.0001 and 0.00019,
  {counted.healthy((0.0001, 0.00019))} runs are healthy after 3000 steps, whatever γ is.
"""


def _ratio_d_steps(counted: Counted) -> str:
    return f"""
- **There is a cliff between D five and D ten times as fast.** With one D step the Fréchet distance
  goes from {counted.frechet([5], [1])} to {counted.frechet([10], [1])} (median of the seeds), with
  two from {counted.frechet([5], [2])} to {counted.frechet([10], [2])}. From equal rates to D five
  times as fast hardly anything changes: with one step, {counted.frechet([1], [1])} and
  {counted.frechet([5], [1])}.
- **What G gains in rate, D can win back in steps.** With G five times as fast and one D step the
  digits collapse ({counted.frechet([0.2], [1])}). With two D steps the same rates come to
  {counted.frechet([0.2], [2])}, with three to {counted.frechet([0.2], [3])}; equal rates come to
  {counted.frechet([1], [2])} and {counted.frechet([1], [3])}.
- **Not from ten times, here**: where D's rate is 0.001 and G's ten times that,
  {counted.healthy([0.1])} runs are healthy, however many steps D gets. At lower rates three steps
  are enough, as the page on mode collapse shows.
"""


def _smoothing_dropout(counted: Counted) -> str:
    return f"""
- **Both matter less than the seed.** Without either, three seeds end at Fréchet distances from
  {counted.span([0], [0])}. With smoothing 0.1, as in the report, it is {counted.span([0.1], [0])},
  with dropout 0.4, as in the report, {counted.span([0], [0.4])}, and with both
  {counted.span([0.1], [0.4])}.
- **Too much dropout does harm**: with 0.6, {counted.healthy(y=[0.6])} runs are healthy after 1000
  steps, whatever the labels say.
- A cell that is the best of a map by a few points is not better: look at the range below its
  median, or ask *Cross-validation*.
"""


EDGE = 0.00501  # of G's rate, a little more than the 0.005 of which two cells have the rounding


def _best_session(counted: Counted) -> str:
    good, ratios, ema = (0.0005, 0.0007), (0.15, 0.2, 0.3), "ema_frechet"
    return f"""
- **There is a region, not a lucky cell.** Where D's rate is 0.0005 or 0.0007 and G learns three to
  seven times as fast, the averaged generator ends at {counted.span(good, ratios, ema)} after 1000
  steps, G itself at {counted.span(good, ratios)}. Equal rates of 0.001, the usual momentum and one
  D step come to {_counted("ratio-d-steps").span([1], [1])}.
- **It ends at a cliff, and the cliff is a rate of G.** G's rate is D's times the factor. Up to
  0.005, {counted.healthy_where(lambda rate, ratio: rate / ratio <= EDGE)} runs are healthy; above
  it {counted.healthy_where(lambda rate, ratio: rate / ratio > EDGE)} are. The best cells are close
  to the edge, so a default should keep its distance.
- **Averaging G's weights is worth more than any cell beside the best**: it takes the best cell
  from {counted.frechet([0.0007], [0.2])} to {counted.frechet([0.0007], [0.2], ema)} and costs next
  to nothing. *Colour* shows either.
- The *MLP* of the home page trains at D 0.0007 and G five times as fast. How the search went, and
  what folds say of its last candidates, stands in `docs/best_session.md`.
"""


LESSONS: dict[str, Callable[[Counted], str]] = {
    "rate-ratio": _rate_ratio, "r1-rate": _r1_rate, "ratio-d-steps": _ratio_d_steps,
    "smoothing-dropout": _smoothing_dropout, "best-session": _best_session}


@functools.lru_cache(maxsize=16)
def lesson_text(name: str) -> str:
    """The words below the shipped map of this name; for any other, how to read a map."""
    if name not in LESSONS:
        return HOW_TO_READ
    return LESSONS[name](_counted(name))


def _counted(name: str) -> Counted:
    drawn = SHIPPED[name].drawn
    return Counted(drawn, shipped_results().read(drawn))


def lesson(name: str) -> None:
    """Draw them."""
    st.header("What it teaches" if name in LESSONS else "How to read it")
    st.markdown(lesson_text(name))
