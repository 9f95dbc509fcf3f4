"""One verdict, one place: the page, the command line and JSON say the same of every run."""

from __future__ import annotations

import dataclasses

import pytest

from gan_core.cli.run import in_words
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.diagnosis.verdict import STATES, verdict
from gan_core.runs.history import History
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.status import RunStatus
from gan_core.serving.run_words import spoken_verdict
from gan_core.verification.results import Result
from tests.diagnosis.histories import (
    ENDED,
    JUDGED,
    NOISE,
    NON_SATURATING,
    SHOWN,
    SKEWED,
    evaluations,
    recognised,
    rising,
    steps,
)
from tests.support.said import Said, said_of

RUNS = {**JUDGED, **SHOWN}
TONES = {"healthy": "success", "too_early": "info", "improving": "info", "diverged": "error",
         "failed": "error"}


def snapshot(history: History, config: RunConfig, state: str = "") -> RunSnapshot:
    """The run as a page gets it; `state` is that of its outcome if nothing else is said."""
    outcome = history.outcome
    kind, reason = (outcome.kind, outcome.reason) if outcome else ("stopped", "")
    step = outcome.step if outcome else history.last_step
    status = RunStatus(state or kind, step, config.steps, 50.0, 20.0, 12.0, "CPU", reason)
    return RunSnapshot(config.digest(), config, history, status, {}).with_status(status)


def on_page(history: History, config: RunConfig, state: str = "") -> Said:
    return said_of(snapshot(history, config, state))


def result(history: History, config: RunConfig) -> Result:
    shown = snapshot(history, config)
    return Result(config, shown.history, shown.history.outcome, "CPU")


def test_every_state_is_tried_here() -> None:
    """A state could be told differently in two places, and nobody would see it."""
    assert list(JUDGED) == list(STATES)
    assert [verdict(*JUDGED[state]).state for state in STATES] == list(STATES)


@pytest.mark.parametrize("name", RUNS)
def test_page_command_line_and_json_agree(name: str) -> None:
    """The page calls a run healthy that the command line says has failed, or of another cause."""
    history, config = RUNS[name]
    told, shown = result(history, config), on_page(history, config)
    judged = told.to_dict()["verdict"]
    assert set(judged) == {"state", "headline", "cause"} and judged["state"] in STATES
    cause = f" ({judged['cause']})" if judged["cause"] else ""
    assert shown.headline == judged["headline"]
    assert f"\nverdict: {judged['state']}{cause}\n{shown.text}" in in_words(told)
    assert shown.tone == TONES.get(judged["state"], shown.tone)
    severe = judged["state"] == "failing" and told.findings[0].severity == "severe"
    assert severe <= (shown.tone == "error")
    assert (judged["state"] == "failing") <= (shown.tone in ("error", "warning"))
    assert list(shown.remedies) == list(told.verdict.remedies)
    for remedy in shown.remedies:
        assert f"  remedy: {remedy.label}, {remedy.why}" in in_words(told), remedy.label


def test_five_steps_are_too_early() -> None:
    """"Nothing found wrong" is said of a run that has hardly begun."""
    history, config = JUDGED["too_early"]
    text = in_words(result(history, config))
    assert "verdict: too_early\nToo early to tell. Every generator begins with noise" in text
    assert "The samples show no recognisable digit." in text and "nothing found wrong" not in text


def test_unrecognisable_samples_are_no_digits_in_words() -> None:
    """Noise is nearest to four digits, and the verdict counts them as drawn."""
    history, config = JUDGED["failing"]
    for text in (on_page(history, config).text, in_words(result(history, config))):
        assert "The samples show no recognisable digit." in text
        assert "G makes" not in text and "4 of 10" not in text
    some = History(steps(), recognised(evaluations(**NOISE), 0.62), ENDED)
    assert "62% of the samples are recognised as digits; they show 4 of 10." in on_page(
        some, NON_SATURATING).text


def test_an_old_record_says_once_what_was_not_measured() -> None:
    """A recorded run's nearest digits pass for digits that can be recognised."""
    for name, (history, config) in SHOWN.items():
        text = on_page(history, config).text
        told = text.lower().count("this older recording does not know")
        assert told == (0 if name == "divergence" else 1), name
        assert "of the samples are recognised" not in text, name


def test_rare_digits_are_named_and_whether_g_draws_them() -> None:
    """A model of skewed data looks healthy, and that it never draws a nine is not seen."""
    drawn = History(steps(), recognised(evaluations(), 0.9, SKEWED), ENDED)
    assert "Digit 9 is rare: 1.0% of the training set; G draws it in 9.0% of its samples." in (
        on_page(drawn, NON_SATURATING).text)
    missed = History(steps(), recognised(evaluations(modes=9.0), 0.9, SKEWED), ENDED)
    text = on_page(missed, NON_SATURATING).text
    assert "1.0% of the training set; G does not draw it." in text
    assert "they show 9 of the 9 digits that are not rare in the training set" in text
    two = (*(0.12,) * 8, 0.02, 0.02)
    text = on_page(History(steps(), recognised(evaluations(modes=9.0), 0.9, two), ENDED),
                   NON_SATURATING).text
    assert ("Digits 8 and 9 are rare: 2.0% and 2.0% of the training set; G draws them in 10% and "
            "0% of its samples.") in text
    none = on_page(History(steps(), recognised(evaluations(modes=8.0), 0.9, two), ENDED),
                   NON_SATURATING).text
    assert "2.0% of the training set; G draws none of them." in none
    assert "rare" not in on_page(*JUDGED["healthy"]).text
    better = History(steps(), [dataclasses.replace(record, training=SKEWED)
                               for record in rising()], ENDED)
    assert "Not there yet" in on_page(better, NON_SATURATING).text
    assert "Digit 9 is rare" in on_page(better, NON_SATURATING).text


def test_digits_that_the_training_set_lacks_are_not_missed() -> None:
    """G is blamed for digits that it was never shown."""
    nine = (*(1 / 9,) * 9, 0.0)
    history = History(steps(), recognised(evaluations(modes=9.0), 0.9, nine), ENDED)
    said = on_page(history, NON_SATURATING).text
    assert "they show 9 of the 9 digits in the training set" in said


def test_an_improving_run_says_what_improved() -> None:
    """"Improving" is claimed, and no number shows it."""
    text = on_page(*JUDGED["improving"]).text
    assert "24% of the samples are recognised as digits; they show 10 of 10." in text
    assert ("Up to step 500 at most 14% of the samples were recognised as digits. "
            ) in text and text.endswith("Train it further.")
    nearer = [dataclasses.replace(record, metrics={**record.metrics, "frechet": distance})
              for record, distance in zip(recognised(evaluations(), 0.2),
                                          (1300, 1100, 900, 800, 700), strict=True)]
    text = on_page(History(steps(), nearer, ENDED), NON_SATURATING).text
    assert "is 700. Up to step 500 the Fréchet distance was 900 at best." in text
    wavering = [dataclasses.replace(record, metrics={**record.metrics, "frechet": distance})
                for record, distance in zip(recognised(evaluations(), 0.2),
                                            (1300, 1100, 900, 700, 720), strict=True)]
    text = on_page(History(steps(), wavering, ENDED), NON_SATURATING).text
    assert "at best; the better of the last two evaluations has 700." in text


def test_a_run_that_goes_on_is_healthy_so_far() -> None:
    """A run is acquitted before it is over."""
    history, config = JUDGED["healthy"]
    live = on_page(history, config, "running")
    assert live.text.startswith("No failure found so far.") and live.tone == "success"


def test_points_are_measured_against_chance() -> None:
    """A third of the points near a centre sounds like much or little: nobody knows what chance
    gives."""
    shares = (0.08,) * 8
    metrics = {"modes": 8.0, "modes_total": 8.0, "high_quality": 0.34, "near_modes": 0.64,
               "kl_uniform": 0.01, "quality_above_chance": 0.64, "modes_supported": 8.0,
               "centre_distance": 3.0}
    last = dataclasses.replace(evaluations(0)[0], step=1000, metrics=metrics, histogram=shares,
                               supported=shares, training=(0.125,) * 8)
    text = on_page(History(steps(), [last], ENDED), RunConfig(dataset="ring", r1=0.1)).text
    assert ("64% of the samples lie near a mode, where chance would put 12%; they show "
            "8 of 8 modes.") in text


def test_a_ratio_is_printed_only_where_it_means_something() -> None:
    """D's memory is told as 81.9 on a scale from 0 to 1, or samples as 130% as different as real
    ones."""
    history, config = SHOWN["discriminator_overfitting"]
    assert "the new ones stand at 0.70" in on_page(history, config).text
    for wild in (81.9, float("inf")):
        records = [dataclasses.replace(e, metrics={**e.metrics, "r_v": wild})
                   if e.metrics["r_v"] > 0.5 else e for e in history.evaluations]
        text = on_page(History(history.steps, records), config).text
        assert "images it never saw." in text and f"{wild:.2f}" not in text, wild
    gradient = HEADLINES["gradient_left"]
    silent, config = SHOWN["vanishing_gradient"]
    for tiny in (gradient.value_of(silent), 8e-15):
        assert gradient.text(tiny) == "less than a millionth"
    assert gradient.text(1 / 340) == "1/340" and gradient.text(0.25) == "0.25"
    never = History(steps(grad_norm_g=0.0))
    assert gradient.text(gradient.value_of(never)) == "–"
    for state, (history, config) in RUNS.items():
        text = on_page(history, config).text
        assert "130%" not in text and "nan" not in text and "inf" not in text.replace(
            "infinite", ""), state


def test_the_command_line_says_the_sentence_of_the_page() -> None:
    """A student at a terminal reads the ledger, and not what is wrong."""
    for history, config in RUNS.values():
        said = spoken_verdict(snapshot(history, config)).sentence
        assert f"\n{said}\nverdict: " in in_words(result(history, config))
