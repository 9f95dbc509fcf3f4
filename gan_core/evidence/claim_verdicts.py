"""How a claim is tested: its parts, each counted over seeds, and the verdict. Torch-free.

A claim names runs; each is trained over several seeds and summarised. A part compares summaries
with a threshold, seed by seed, and its sentence names the threshold. The thresholds themselves
stand with the claims: in `report_claims` and `notes_claims`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.evidence.run_summaries import label, range_text, value_text
from gan_core.exploration.fold_statistics import ALPHA, PairedTest, corrected_test

Values = Mapping[str, Mapping[str, list[float]]]  # by run, by summary: one value a seed
RunSummary = tuple[str, str]  # a run's label in its claim, and the name of a summary

REPRODUCED, PARTLY, NOT_REPRODUCED, OPEN = (
    "reproduced", "partly", "not under this recipe", "not measured yet")
WORDS = (REPRODUCED, PARTLY, NOT_REPRODUCED, OPEN)
SOURCES = {"report": "The report", "notes": "The lecture notes"}


@dataclass(frozen=True)
class Part:
    """One testable part of a claim: for which seeds it `holds`, and the summaries, of which runs,
    that it `rests_on`. `figure` says what they come to, where that is not their ranges."""

    says: str
    holds: Callable[[Values], list[bool]]
    rests_on: tuple[RunSummary, ...]
    figure: Callable[[Values], str] | None = None


@dataclass(frozen=True)
class CountedPart:
    """A part as it was measured: it holds for `holds` of `seeds` seeds; `numbers` are what it rests
    on, "" for a symptom, which is counted itself."""

    says: str
    holds: int
    seeds: int
    numbers: str

    @property
    def text(self) -> str:
        numbers = f" ({self.numbers})" if self.numbers else ""
        return f"{self.says}, in {self.holds} of {self.seeds}{numbers}"


@dataclass(frozen=True)
class Verdict:
    """`word` is one of WORDS; `missing` are the labels of runs that were not measured yet."""

    word: str
    parts: tuple[CountedPart, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        if self.missing:
            return f"Not measured yet: {', '.join(f'*{label}*' for label in self.missing)}."
        return f"{'; '.join(part.text for part in self.parts)}."


@dataclass(frozen=True)
class Claim:
    """A statement of a document, in our words.

    `where` is the section it stands in, `page` the challenge it belongs to. `runs` are trained
    once for each of `over`, the values that the field `varies` takes; those named in `once` for
    the first of them alone. `shown_by` names the preset or recipe that shows the effect, "" if a
    run of its own does. `note` says in words what the numbers do not.
    """

    source: str
    where: str
    page: str
    says: str
    runs: Mapping[str, RunConfig]
    parts: tuple[Part, ...]
    over: tuple[int, ...] = (0, 1, 2, 3, 4)
    varies: str = "seed"
    once: tuple[str, ...] = ()
    shown_by: str = ""
    note: str = ""

    def configs(self) -> dict[str, list[RunConfig]]:
        """What must be trained, by label."""
        return {
            name: [config.replace(**{self.varies: value})
                   for value in (self.over[:1] if name in self.once else self.over)]
            for name, config in self.runs.items()
        }

    def summary_names(self) -> list[str]:
        """The summaries that the parts rest on, in their order."""
        return list(dict.fromkeys(name for part in self.parts for _, name in part.rests_on))


def judge(claim: Claim, values: Values) -> Verdict:
    """Reproduced if every part holds for every seed; not, if no part holds for more than half of
    the seeds; partly otherwise."""
    parts = tuple(_count(part, values) for part in claim.parts)
    if all(part.holds == part.seeds for part in parts):
        return Verdict(REPRODUCED, parts)
    mostly = any(part.holds > part.seeds / 2 for part in parts)
    return Verdict(PARTLY if mostly else NOT_REPRODUCED, parts)


def _count(part: Part, values: Values) -> CountedPart:
    holds = part.holds(values)
    numbers = [_numbers(values[run][summary], summary) for run, summary in part.rests_on
               if summary not in SYMPTOMS]
    if part.figure is not None:
        numbers = [part.figure(values)]
    return CountedPart(part.says, sum(holds), len(holds), " against ".join(numbers))


def _numbers(values: list[float], summary: str) -> str:
    known = [value for value in values if not math.isnan(value)]
    return range_text(summary, known) if known else "not measured"


# --- parts ----------------------------------------------------------------------------------------
# A value that a run does not have is NaN, and then no part holds.


def at_least(name: str, summary: str, limit: float) -> Part:
    return Part(f"*{name}*: {label(summary)} at least {value_text(summary, limit)}",
                lambda values: [value >= limit for value in values[name][summary]],
                ((name, summary),))


def at_most(name: str, summary: str, limit: float) -> Part:
    return Part(f"*{name}*: {label(summary)} at most {value_text(summary, limit)}",
                lambda values: [value <= limit for value in values[name][summary]],
                ((name, summary),))


def more(name: str, than: str, summary: str, factor: float = 1.0) -> Part:
    """More than `factor` times what the run `than` of the same seed has."""
    how = "higher" if factor == 1 else f"above {factor:g} ×"
    return Part(f"*{name}* beside *{than}*: {label(summary)} {how}",
                lambda values: [mine > factor * other for mine, other in
                                zip(values[name][summary], values[than][summary], strict=True)],
                ((name, summary), (than, summary)))


def less(name: str, than: str, summary: str, factor: float = 1.0) -> Part:
    """Less than `factor` times what the run `than` of the same seed has."""
    how = "lower" if factor == 1 else f"below {factor:g} ×"
    return Part(f"*{name}* beside *{than}*: {label(summary)} {how}",
                lambda values: [mine < factor * other for mine, other in
                                zip(values[name][summary], values[than][summary], strict=True)],
                ((name, summary), (than, summary)))


def differ(name: str, other: str, summary: str, factor: float) -> Part:
    """One of the two runs of a seed has more than `factor` times what the other has."""
    return Part(f"*{name}* beside *{other}*: {label(summary)} apart by more than {factor:g} ×",
                lambda values: [_apart(pair, factor) for pair in
                                zip(values[name][summary], values[other][summary], strict=True)],
                ((name, summary), (other, summary)))


def differ_by_seed(name: str, summary: str, factor: float) -> Part:
    """The largest value among the seeds is more than `factor` times the smallest: one count."""
    return Part(f"*{name}*: {label(summary)} apart between seeds by more than {factor:g} ×",
                lambda values: [_apart(values[name][summary], factor)],
                ((name, summary),))


def _apart(values: Sequence[float], factor: float) -> bool:
    """Never where one is NaN, on whose place `max` and `min` would depend."""
    return not any(map(math.isnan, values)) and max(values) > factor * min(values)


def shows(name: str, symptom: str) -> Part:
    """The diagnosis finds `symptom`."""
    return Part(f"*{name}*: {SYMPTOMS[symptom].title.lower()} found",
                lambda values: [value == 1 for value in values[name][symptom]],
                ((name, symptom),))


def does_not_show(name: str, symptom: str) -> Part:
    """The diagnosis does not find `symptom`."""
    return Part(f"*{name}*: no {SYMPTOMS[symptom].title.lower()} found",
                lambda values: [value == 0 for value in values[name][symptom]],
                ((name, symptom),))


def told_apart_by_folds(name: str, than: str, summary: str) -> Part:
    """Lower than the other run's by the corrected resampled t-test of Nadeau & Bengio (2003), whose
    folds share most of their training sets: one count. The runs are those of a cross-validation,
    one for each of its folds."""
    def test(values: Values) -> PairedTest | None:
        pairs = zip(values[name][summary], values[than][summary], strict=True)
        differences = [mine - other for mine, other in pairs]
        known = len(differences) > 1 and all(map(math.isfinite, differences))
        return corrected_test(differences, len(differences)) if known else None

    def holds(values: Values) -> list[bool]:
        tested = test(values)
        return [tested is not None and tested.mean < 0 and tested.p < ALPHA]

    def figure(values: Values) -> str:
        tested = test(values)
        if tested is None:
            return "not measured"
        gap = value_text(summary, abs(tested.mean))
        return f"{'lower' if tested.mean < 0 else 'higher'} by {gap}, p = {tested.p:.2g}"

    return Part(f"*{name}* beside *{than}*: {label(summary)} lower on average over the folds, and "
                f"the corrected resampled t-test tells them apart (p < {ALPHA:g})",
                holds, ((name, summary), (than, summary)), figure)
