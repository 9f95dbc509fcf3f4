"""The difference between two runs in words, and what is wrong with a link; no Streamlit."""

from __future__ import annotations

from gan_core.config.config_text import difference_text
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.diagnosis.number_words import whole
from gan_core.diagnosis.quality import quality_of
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord
from gan_core.runs.store import RunSnapshot
from gan_core.serving.past_verdicts import as_evaluated
from gan_core.serving.run_words import seconds_text


def listed(problems: list[str], most: int = 60) -> str:
    """Problems of a link as a Markdown list, letter by letter: a link's text is not ours."""
    lines = [f"- `{problem.replace('`', ' ')}`" for problem in problems[:most]]
    if len(problems) > most:
        lines.append(f"- and {len(problems) - most} more")
    return "\n".join(["**Not everything in this address could be used.**", *lines])


def difference(
    this: RunSnapshot, reference: RunSnapshot, measure: str = "frechet", by_time: bool = False,
    at: int | None = None,
) -> str:
    """What was changed and what it did, to `measure`, the number that the page compares, and to
    quality, "no clear difference" included.

    Compared at equal steps, or after equal times, as far as both runs go, or as they were `at` an
    earlier step of this one. "" while there is nothing to compare.
    """
    if this.digest == reference.digest:
        return "These are the same run: change a setting and train again to compare."
    if this.config.dataset != reference.config.dataset:
        return "The reference was trained on other data: the two cannot be compared in numbers."
    if at is not None:
        this, reference = _wound_back(this, reference, at, by_time)
    pair = (_at_equal_times if by_time else _at_equal_steps)(this, reference)
    if pair is None:
        return _too_slow(this, reference) if by_time else ""
    mine, theirs, when = pair
    histories = (this.history.until(mine.step), reference.history.until(theirs.step))
    return (
        f"{difference_text(this.config, reference.config)}{when}: "
        f"{_measured(measure, *histories)}{_compared(mine, theirs, this.config)}"
    )


def _wound_back(
    this: RunSnapshot, reference: RunSnapshot, step: int, by_time: bool
) -> tuple[RunSnapshot, RunSnapshot]:
    """Both runs as they were at a step; where times are compared, this one's time says how far the
    reference had come. A run is wound back to an evaluation: in between nothing is known of it."""
    earlier = as_evaluated(this, step)
    return earlier, reference if by_time else as_evaluated(reference, step)


Compared = tuple[EvalRecord, EvalRecord, str]  # both evaluations, and when they were


def _at_equal_steps(this: RunSnapshot, reference: RunSnapshot) -> Compared | None:
    step = min(this.history.last_step, reference.history.last_step)
    mine, theirs = this.history.evaluation_at(step), reference.history.evaluation_at(step)
    if mine is None or theirs is None or not mine.step or mine.step != theirs.step:
        return None
    beyond = max(this.history.last_step, reference.history.last_step) > step + 250
    both = ", as far as both go" if beyond and not this.live else ""
    return mine, theirs, f"At step {whole(mine.step)}{both}"


def _at_equal_times(this: RunSnapshot, reference: RunSnapshot) -> Compared | None:
    """Both as far as the shorter of the two times takes them."""
    if not (this.history.evaluations and reference.history.evaluations):
        return None
    seconds = min(run.history.evaluations[-1].seconds for run in (this, reference))
    mine, theirs = (run.history.evaluated_within(seconds) for run in (this, reference))
    if mine is None or theirs is None or not (mine.step and theirs.step):
        return None
    return mine, theirs, (f"After {seconds_text(mine.seconds)} (step {whole(mine.step)}; reference "
                          f"{seconds_text(theirs.seconds)}, step {whole(theirs.step)})")


def _too_slow(this: RunSnapshot, reference: RunSnapshot) -> str:
    """That one run had nothing to show yet when the other was measured last; "" before that."""
    measured = {name: [each for each in run.history.evaluations if each.step]
                for name, run in (("this run", this), ("the reference", reference))}
    if not all(measured.values()):
        return ""
    quick, slow = sorted(measured, key=lambda name: measured[name][-1].seconds)
    last = measured[quick][-1].seconds
    return (f"After {seconds_text(last)}, when {quick} was measured last, {slow} had not been "
            f"measured yet: it first was after {seconds_text(measured[slow][0].seconds)}.")


def _measured(name: str, mine: History, theirs: History) -> str:
    """A headline on both sides; "" for one that the comparison of quality covers anyway."""
    if name in ("frechet", "modes"):
        return ""
    measure = HEADLINES[name]
    values = measure.value_of(mine), measure.value_of(theirs)
    return f"{measure.label} **{measure.text(values[0])}**, reference {measure.text(values[1])}; "


def _compared(mine: EvalRecord, theirs: EvalRecord, config: RunConfig) -> str:
    """The quality of both in numbers, and which is better."""
    modes, counted = _modes(mine, theirs, config)
    noun = config.card.mode_noun + ("" if modes[0] == 1 else "s")
    counts = f"{counted}**{modes[0]:.0f} {noun}**, reference {modes[1]:.0f}"
    if config.card.kind == "points" and 0 in modes:
        counts += " (none where too few points lie near enough to a centre)"
    both = mine.metrics.keys() & theirs.metrics.keys()
    name, label, form = ("frechet", "Fréchet distance", ".0f")
    if name not in both:
        name, label, form = ("kl_uniform", "distance from an even mixture", ".2f")
    if name not in both:  # a damaged file
        return f"{counts}."
    return (
        f"{counts}; {label} "
        f"**{mine.metrics[name]:{form}}**, reference {theirs.metrics[name]:{form}}. "
        f"**{_comparison(mine, theirs, name, modes[0] - modes[1])}**"
    )


def _modes(
    mine: EvalRecord, theirs: EvalRecord, config: RunConfig
) -> tuple[tuple[float, float], str]:
    """How many modes both have, and how they are counted: as both evaluations know."""
    if min(mine.version, theirs.version) > 1:
        return (quality_of(mine, config.card).counted, quality_of(theirs, config.card).counted), ""
    nearest = "samples nearest to " if config.card.kind == "image" else ""
    return (mine.metrics["modes"], theirs.metrics["modes"]), nearest


def _comparison(mine: EvalRecord, theirs: EvalRecord, distance: str, modes: float) -> str:
    """Which samples are better; `modes` is how many more of them this run has."""
    share = max(1, 0.1 * mine.metrics["modes_total"])
    # A KL divergence of less than about 0.05 is an even mixture for 2500 samples.
    floor = 0.05 if distance == "kl_uniform" else 1e-12
    ratio = (mine.metrics[distance] + floor) / (theirs.metrics[distance] + floor)
    if (modes >= share and ratio <= 1.1) or (abs(modes) < share and ratio < 0.8):
        return "This run's samples are better."
    if (modes <= -share and ratio >= 0.9) or (abs(modes) < share and ratio > 1.25):
        return "This run's samples are worse."
    if abs(modes) < share:
        return "No clear difference: the change did not improve the samples."
    return "Mixed: by one measure this run is better, by the other worse."
