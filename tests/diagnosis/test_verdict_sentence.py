"""The verdict in one sentence, in three words, and in chips: of every state, symptom and cause."""

from __future__ import annotations

import dataclasses
import math
import re
from itertools import product

import pytest

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.causes import CAUSES, OUTRUN
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.diagnosis.findings import Finding
from gan_core.diagnosis.judged import Judged
from gan_core.diagnosis.no_learning import HELD_BACK, NEVER, STILL, WORSE
from gan_core.diagnosis.quality_words import quality_words
from gan_core.diagnosis.suspects import FIND
from gan_core.diagnosis.verdict import STATES, Verdict, verdict
from gan_core.diagnosis.verdict_chips import MOST, OF_SYMPTOMS, Chip, chips
from gan_core.diagnosis.verdict_name import (
    NAMES,
    NAMES_OF_NO_LEARNING,
    NAMES_OF_SYMPTOMS,
    name,
)
from gan_core.diagnosis.verdict_sentence import EFFECTS, REASONS, SENTENCES, sentence
from gan_core.diagnosis.verdict_words import sentences
from gan_core.runs.history import History
from gan_core.runs.records import Outcome
from tests.diagnosis.histories import (
    ENDED,
    JUDGED,
    NON_SATURATING,
    SHOWN,
    evaluations,
    noise,
    recognised,
    rising,
    rotating,
    steps,
)

RING = RunConfig(dataset="ring")
# Words that a third-year student need not know, numbers that nobody reads, and what is no word.
JARGON = re.compile(
    r"logit|\d?e[-+]\d|saturat(?!ing loss)|equilibrium|\bKL\b|\br_v\b|σ|percentile|norm\b|\bnan\b|"
    r"\binf\b|[{}*_`]", re.IGNORECASE)
RUNS = {**JUDGED, **SHOWN,
        "noise of points": (History(steps(2000), noise(kind="points")), RING),
        "old points": (History(steps(1750), rotating()), RING),
        "no evaluation": (History(steps(5)), NON_SATURATING),
        "nothing": (History(), NON_SATURATING)}


def judged(history: History, config: RunConfig, live: bool = False) -> Judged:
    return Judged(verdict(history, config), history, config, live)


def is_one_plain_sentence(words: str) -> bool:
    stops = re.findall(r"[.!?](?=\s|$)", words)
    return len(stops) == 1 and words.endswith(".") and words[0].isupper() and (
        not JARGON.search(words)) and len(words) <= 170


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("run", RUNS)
def test_every_run_has_one_plain_sentence_and_a_short_name(run: str, live: bool) -> None:
    """A student reads "2.8e-19 per logit", or a projector shows a paragraph."""
    about = judged(*RUNS[run], live)
    assert is_one_plain_sentence(sentence(about)), sentence(about)
    assert 1 <= len(name(about).split()) <= 3 and not name(about).endswith(".")


def test_the_tables_are_whole() -> None:
    """A new symptom or cause ends in a stack trace where its verdict should stand."""
    assert set(SENTENCES) == set(STATES) and set(NAMES) | {"failing"} == set(STATES)
    assert set(EFFECTS) == set(NAMES_OF_SYMPTOMS) == set(OF_SYMPTOMS) == set(SYMPTOMS)
    assert set(CAUSES) <= set(REASONS)
    assert set(NAMES_OF_NO_LEARNING) == {NEVER, STILL, WORSE, HELD_BACK}


@pytest.mark.parametrize(("symptom", "cause"), [*product(SYMPTOMS, ["", *CAUSES, OUTRUN])])
def test_every_symptom_and_cause_has_its_sentence(symptom: str, cause: str) -> None:
    """The reason and the effect do not make one sentence."""
    because = OUTRUN if cause == OUTRUN else CAUSES.get(cause, "")
    known = "discriminator_too_weak" if cause == OUTRUN else cause
    titles = NAMES_OF_NO_LEARNING if symptom == "no_learning" else [""]
    said = set()
    for title in titles:
        finding = Finding(symptom, "severe", 250, "", cause=known, because=because, title=title)
        about = dataclasses.replace(
            judged(*JUDGED["failing"]), verdict=Verdict("failing", "", known, (finding,)))
        assert is_one_plain_sentence(sentence(about)), sentence(about)
        said.add(sentence(about))
    assert len(said) == len(titles)


def test_every_reason_that_a_setting_gives_is_known() -> None:
    """A cause is said more closely, and the sentence falls back on words that are not true."""
    configs = [
        RunConfig(loss="wasserstein"), RING.replace(loss="wasserstein", r1=0.01),
        RunConfig(generator_steps=5), RunConfig(discriminator_optimizer="sgd")]
    closer = {suspect.words for config, find in product(configs, FIND)
              if (suspect := find(config)) is not None and suspect.words}
    assert len(closer) == 4 and closer <= set(REASONS)


@pytest.mark.parametrize(("run", "words", "called"), [
    ("vanishing_gradient",
     "D catches every fake, so the minimax loss sends G practically no signal.",
     "Vanishing gradient"),
    ("healthy", "The samples are good: ten digits, and none is missing.", "No failure"),
    ("mode_collapse", "G draws one picture for every latent.", "Mode collapse"),
    ("mode_rotation", "G jumps from digit to digit instead of covering them all.",
     "Mode rotation"),
    ("instability",
     "The samples are good, but D and G take turns in winning instead of settling.",
     "Good but unstable"),
    ("computational_cost",
     "A step takes so long on this machine that a short session is out of reach.",
     "Costly steps"),
    ("diverged", "The training has blown up: its numbers grew beyond all bounds.", "Diverged"),
])
def test_what_a_student_reads(run: str, words: str, called: str) -> None:
    """The sentence says something else than what happened."""
    about = judged(*RUNS[run])
    assert (sentence(about), name(about)) == (words, called)


def test_the_reason_comes_before_the_effect() -> None:
    """A collapse is named, and not that G outran D."""
    history, _ = SHOWN["mode_collapse"]
    about = judged(history, RunConfig(learning_rate_ratio=0.1))
    assert sentence(about) == (
        "G learns so much faster than D that it draws one picture for every latent.")
    few = History(steps(), recognised(evaluations(after=250, modes=2.0, frechet=340.0)), ENDED)
    assert "only two of the ten digits" in sentence(judged(few, RunConfig(learning_rate_ratio=0.1)))


def test_what_is_said_of_a_live_run_is_true_of_one_that_goes_on() -> None:
    """A run is acquitted, or said to have ended, while it trains."""
    for run in ("healthy", "too_early", "improving"):
        live, ended = (judged(*JUDGED[run], live) for live in (True, False))
        assert sentence(live) != sentence(ended) and "ended" not in sentence(live)
    healthy = judged(*JUDGED["healthy"], live=True)
    assert "so far" in sentence(healthy) and name(healthy) == "Good so far"


def test_noise_is_no_digit() -> None:
    """Grey fog has "3 of 10 digits"."""
    fog = History(steps(), recognised(evaluations(modes=3.0, frechet=900.0), 0.03))
    told = {chip.label: chip for chip in chips(judged(fog, NON_SATURATING))}
    assert told["digits"].value == "0 of 10" and "noise" in told["digits"].help
    assert told["recognised"].value == "3 %"
    points = {chip.label: chip for chip in chips(judged(*RUNS["noise of points"]))}
    assert points["modes"].value == "0 of 8" and "near enough" in points["modes"].help


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("run", RUNS)
def test_chips_are_few_short_and_explained(run: str, live: bool) -> None:
    """A chip says NaN, or a number that nobody explains; or there are nine of them."""
    made = chips(judged(*RUNS[run], live))
    assert len(made) <= MOST and len({chip.label for chip in made}) == len(made)
    for chip in made:
        assert is_readable(chip), chip
    assert bool(made) == (run != "nothing")


def is_readable(chip: Chip) -> bool:
    sentences = len(re.findall(r"[.](?=\s|$)", chip.help))
    short = len(chip.label) <= 24 and len(chip.value) <= 40
    plain = not re.search(r"\bnan\b|\binf\b|\de[-+]?\d|logit", f"{chip.value} {chip.help}")
    return short and plain and 1 <= sentences <= 2 and chip.help.endswith(".")


@pytest.mark.parametrize("run", RUNS)
def test_the_evidence_has_no_powers_of_ten(run: str) -> None:
    """"2.8e-19 per logit" one click away."""
    about = judged(*RUNS[run])
    said = sentences(about.verdict, about.history, about.config)
    assert not re.search(r"\de[-+]?\d|logit|equilibrium|\bnan\b", said), said
    for finding in about.verdict.findings:
        assert all(not JARGON.search(remedy.why) for remedy in finding.remedies)


def test_noise_is_no_digit_in_the_evidence() -> None:
    """"3% of the samples are recognised; they show 3 of 10", of grey fog."""
    fog = recognised(evaluations(modes=3.0, frechet=900.0), 0.03)[-1]
    assert quality_words(fog, NON_SATURATING.card).startswith(
        "3.0% of the samples are recognised as digits, hardly more than of noise.")
    assert quality_words(recognised([fog], 0.0)[0], NON_SATURATING.card).startswith(
        "The samples show no recognisable digit.")
    old = SHOWN["mode_collapse"]
    assert "are nearest to digit 0" in judged(*old).verdict.findings[0].evidence


def test_no_mode_is_explained_where_samples_have_a_nearest_one() -> None:
    """"0 of 8 modes" beside bars of 60 % and 40 %."""
    for near, words in ((0.0, "No sample lies near enough to the centre of a mode to count."),
                        (0.05, "too few to count for any mode.")):
        last = noise(kind="points", near_modes=near)[-1]
        assert quality_words(last, RING.card).endswith(words)


@pytest.mark.parametrize(("run", "labels"), [
    ("vanishing_gradient", ["D is right", "G's gradient", "nearest digits", "since"]),
    ("discriminator_overfitting",
     ["D calls real", "D is right", "Fréchet distance", "since"]),
    ("instability", ["swing", "D is right", "nearest digits", "since"]),
    ("computational_cost", ["time of a step", "a session", "nearest digits", "Fréchet distance"]),
    ("healthy", ["digits", "recognised", "Fréchet distance", "D is right"]),
])
def test_chips_are_those_of_what_was_found(run: str, labels: list[str]) -> None:
    """Of a vanished gradient one reads how many digits there are, and nothing of the gradient."""
    assert [chip.label for chip in chips(judged(*RUNS[run]))] == labels


@pytest.mark.parametrize(("left", "value"), [
    (0.0, "exactly zero"), (1e-9, "less than a millionth of its largest"),
    (1e-3, "1/1 000 of its largest"), (0.02, "2 % of its largest")])
def test_a_gradient_is_said_without_powers_of_ten(left: float, value: str) -> None:
    """1e-09 on a chip."""
    history = History(steps(after=300, accuracy_real=1.0, accuracy_fake=1.0, grad_norm_g=left,
                            saturation_minimax=1e-6), evaluations())
    made = chips(judged(history, RunConfig(loss="minimax")))
    if left:  # a gradient of exactly zero is another finding
        assert value in [chip.value for chip in made]


def test_what_was_not_measured_has_no_chip() -> None:
    """"Fréchet distance nan"."""
    records = [dataclasses.replace(e, metrics={**e.metrics, "frechet": math.nan})
               for e in recognised(evaluations())]
    history = History(steps(accuracy_real=math.nan), records, Outcome("finished", 1000))
    labels = [chip.label for chip in chips(judged(history, NON_SATURATING))]
    assert "Fréchet distance" not in labels and "D is right" not in labels


def test_a_frozen_generator_is_told_by_what_its_gradient_does() -> None:
    """G stands still because that was set, and the verdict says that it is too early."""
    records = [dataclasses.replace(step, grad_norm_minimax=10.0 ** -step.step,
                                   grad_norm_non_saturating=float(step.step))
               for step in steps(10)[2:]]
    history = History([*steps(10)[:2], *records])
    about = judged(history, RunConfig(steps=10, freeze_generator=2))
    assert name(about) == "G is frozen" and "the minimax loss sends G ever less" in sentence(about)
    assert [(chip.label, chip.value) for chip in chips(about)][:2] == [
        ("minimax gradient", "less than a millionth left"),
        ("non-saturating gradient", "grew 3.3 times")]


def test_networks_that_are_too_deep_are_not_called_small() -> None:
    """"capacity" means both."""
    assert "depth" in ARCHITECTURES["mlp"].resizable
    finding = Finding("no_learning", "severe", 0, "", cause="capacity",
                      because=CAUSES["capacity"], title=STILL)
    history = History(steps(), rising())
    for depth, word in ((6, "deep"), (1, "small")):
        about = Judged(Verdict("failing", "", "capacity", (finding,)), history,
                       RunConfig(depth=depth))
        assert word in sentence(about)
