"""How a claim is put to the test: its parts, each counted over seeds, and the verdict. Torch-free.

A claim names runs; each is trained over several seeds and measured. A part compares measured
numbers, seed by seed, and writes its own threshold into its sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.evidence.run_summaries import label, told, written

Values = Mapping[str, Mapping[str, list[float]]]  # of a run, by label: measure -> one value a seed
Shown = tuple[str, str]  # a run's label, and a measure

REPRODUCED, PARTLY, NOT, OPEN = (
    "reproduced", "partly", "not under this recipe", "not measured yet")
WORDS = (REPRODUCED, PARTLY, NOT, OPEN)
SOURCES = {"report": "The report", "notes": "The lecture notes"}


@dataclass(frozen=True)
class Part:
    """One testable part of a claim: `held` tells for which seeds it is so, `shows` on which
    measures of which runs it rests."""

    says: str
    held: Callable[[Values], list[bool]]
    shows: tuple[Shown, ...]


@dataclass(frozen=True)
class Counted:
    """A part as it was measured: in `held` of `of` seeds it is so; `numbers` are what it rests on,
    "" for a symptom, which is counted itself."""

    says: str
    held: int
    of: int
    numbers: str

    @property
    def text(self) -> str:
        numbers = f" ({self.numbers})" if self.numbers else ""
        return f"{self.says}, in {self.held} of {self.of}{numbers}"


@dataclass(frozen=True)
class Verdict:
    """`word` is one of WORDS; `missing` are the labels of runs that were not measured yet."""

    word: str
    counted: tuple[Counted, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        if self.missing:
            return f"Not measured yet: {', '.join(f'*{label}*' for label in self.missing)}."
        return f"{'; '.join(part.text for part in self.counted)}."


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

    def measures(self) -> list[str]:
        """Measures that the parts rest on, in their order."""
        return list(dict.fromkeys(name for part in self.parts for _, name in part.shows))


def judge(claim: Claim, values: Values) -> Verdict:
    """Reproduced if every part holds for every seed; not, if no part holds for more than half of
    the seeds; partly otherwise."""
    counted = tuple(_count(part, values) for part in claim.parts)
    if all(part.held == part.of for part in counted):
        return Verdict(REPRODUCED, counted)
    mostly = any(part.held > part.of / 2 for part in counted)
    return Verdict(PARTLY if mostly else NOT, counted)


def _count(part: Part, values: Values) -> Counted:
    held = part.held(values)
    numbers = [_numbers(values[name][measure], measure) for name, measure in part.shows
               if measure not in SYMPTOMS]
    return Counted(part.says, sum(held), len(held), " against ".join(numbers))


def _numbers(values: list[float], measure: str) -> str:
    known = [value for value in values if not math.isnan(value)]
    return told(measure, known) if known else "not measured"


# --- parts ----------------------------------------------------------------------------------------
# A value that a run does not have is NaN, for which every comparison is false.


def at_least(name: str, measure: str, limit: float) -> Part:
    return Part(f"*{name}*: {label(measure)} at least {written(measure, limit)}",
                lambda values: [value >= limit for value in values[name][measure]],
                ((name, measure),))


def at_most(name: str, measure: str, limit: float) -> Part:
    return Part(f"*{name}*: {label(measure)} at most {written(measure, limit)}",
                lambda values: [value <= limit for value in values[name][measure]],
                ((name, measure),))


def more(name: str, than: str, measure: str, factor: float = 1.0) -> Part:
    """More than `factor` times what the run `than` of the same seed has."""
    how = "higher" if factor == 1 else f"above {factor:g} ×"
    return Part(f"*{name}* beside *{than}*: {label(measure)} {how}",
                lambda values: [mine > factor * other for mine, other in
                                zip(values[name][measure], values[than][measure], strict=True)],
                ((name, measure), (than, measure)))


def less(name: str, than: str, measure: str, factor: float = 1.0) -> Part:
    """Less than `factor` times what the run `than` of the same seed has."""
    how = "lower" if factor == 1 else f"below {factor:g} ×"
    return Part(f"*{name}* beside *{than}*: {label(measure)} {how}",
                lambda values: [mine < factor * other for mine, other in
                                zip(values[name][measure], values[than][measure], strict=True)],
                ((name, measure), (than, measure)))


def differ(name: str, other: str, measure: str, factor: float) -> Part:
    """One of the two runs of a seed has more than `factor` times what the other has."""
    return Part(f"*{name}* beside *{other}*: {label(measure)} apart by more than {factor:g} ×",
                lambda values: [max(pair) > factor * min(pair) for pair in
                                zip(values[name][measure], values[other][measure], strict=True)],
                ((name, measure), (other, measure)))


def differ_by_seed(name: str, measure: str, factor: float) -> Part:
    """The largest value among the seeds is more than `factor` times the smallest: one count."""
    return Part(f"*{name}*: {label(measure)} apart between seeds by more than {factor:g} ×",
                lambda values: [max(values[name][measure]) > factor * min(values[name][measure])],
                ((name, measure),))


def found(name: str, symptom: str) -> Part:
    """The diagnosis finds `symptom`."""
    return Part(f"*{name}*: {SYMPTOMS[symptom].title.lower()} found",
                lambda values: [value == 1 for value in values[name][symptom]],
                ((name, symptom),))


def not_found(name: str, symptom: str) -> Part:
    """The diagnosis does not find `symptom`."""
    return Part(f"*{name}*: no {SYMPTOMS[symptom].title.lower()} found",
                lambda values: [value == 0 for value in values[name][symptom]],
                ((name, symptom),))
