"""Runs in words: progress, verdict, and the difference between two of them."""

from __future__ import annotations

import dataclasses
import itertools
import re

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.runs.history import History
from gan_core.runs.store import RunSnapshot
from gan_core.serving.run_words import progress
from pages.components import verdict, viewer
from tests.support.said import said_of
from tests.support.snapshots import STEP, evaluation, snapshot


def test_no_run_asks_to_train() -> None:
    """A newcomer does not know what to press."""
    assert "Train" in str(viewer.NOTHING_YET["verdict"])
    assert progress(None, False)[0] == 0


def test_progress_says_where_a_run_stands() -> None:
    """A student waits without knowing for what."""
    expected = {"queued": "place 3 in the queue", "starting": "Downloading Fashion-MNIST: 40 %",
                "running": "12 s left", "finished": "Finished",
                "stopped": "Stopped: you pressed it", "failed": "Failed", "diverged": "Diverged"}
    reasons = {"starting": "downloading Fashion-MNIST: 40 %"}
    for state, part in expected.items():
        reason = reasons.get(state, "you pressed it")
        share, text = progress(snapshot(state, place=3, reason=reason), False)
        assert part in text and 0 <= share <= 1, state
    assert progress(snapshot("starting"), False)[1] == "Starting …"


def test_a_recorded_run_is_called_recorded_with_device_and_date() -> None:
    """A recording passes for a live run."""
    assert "Recorded 1970-01-01 on CPU, 1 thread" in progress(snapshot(), True)[1]


def test_a_run_is_acquitted_only_when_it_is_over() -> None:
    """A run is praised before it had time to fail."""
    assert said_of(snapshot()).tone == "success"
    assert "No failure found so far" in said_of(snapshot("running")).text
    assert "so far" not in said_of(snapshot()).text


def test_a_young_run_gets_no_verdict() -> None:
    """Every generator begins with one digit: that is no collapse, and no success."""
    for state in ("running", "stopped", "finished"):
        young = said_of(snapshot(state, steps=250, modes=1, diversity=0.2))
        assert young.tone == "info" and "to tell" in young.text and not young.remedies, state


def test_a_collapse_is_named_with_numbers_and_remedies() -> None:
    """The failure is on the screen, but the page does not say so."""
    collapsed = said_of(snapshot(modes=1, diversity=0.01, frechet=1000.0,
                                   config=RunConfig(learning_rate_ratio=0.1, steps=1000)))
    assert collapsed.tone == "error"
    assert "Mode collapse" in collapsed.text and "1 of 10 digits" in collapsed.text
    assert collapsed.remedies[0].changes == {"discriminator_steps": 3}
    assert {"learning_rate_ratio": 1.0} in [remedy.changes for remedy in collapsed.remedies]


def test_a_failed_run_says_why_and_how_to_go_on() -> None:
    """A crash of the worker looks like a result."""
    failed = said_of(snapshot("failed", reason="The worker was killed."))
    assert failed.tone == "error" and failed.text.endswith("The worker was killed.")


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        ({"modes": 10, "frechet": 100.0}, {"modes": 1, "frechet": 900.0}, "samples are better"),
        ({"modes": 1, "frechet": 900.0}, {"modes": 10, "frechet": 100.0}, "samples are worse"),
        ({"modes": 1, "frechet": 900.0}, {"modes": 1, "frechet": 880.0}, "did not improve"),
        ({"modes": 10, "frechet": 50.0}, {"modes": 10, "frechet": 100.0}, "samples are better"),
        ({"modes": 10, "frechet": 900.0}, {"modes": 5, "frechet": 100.0}, "Mixed"),
    ],
)
def test_the_difference_between_two_runs_is_put_in_words(mine, theirs, words) -> None:
    """A remedy that did not help is praised, or one that did is not seen."""
    other = RunConfig(steps=1000, seed=1)
    assert words in verdict.difference(snapshot(**mine), snapshot(**theirs, config=other))


def test_runs_are_compared_at_equal_steps() -> None:
    """A longer run looks better for its length alone."""
    longer = snapshot(steps=2000)
    shorter = snapshot(steps=500, config=RunConfig(steps=500, seed=1))
    for pair in ((longer, shorter), (shorter, longer)):
        assert "At step 500, as far as both go" in verdict.difference(*pair)


def test_runs_on_different_data_are_not_compared() -> None:
    """Digits are counted against Gaussians."""
    assert "same run" in verdict.difference(snapshot(), snapshot())
    ring = snapshot(config=RunConfig(dataset="ring", steps=1000))
    assert "other data" in verdict.difference(snapshot(), ring)


def test_the_difference_names_what_was_changed() -> None:
    """Two runs stand side by side, and nobody knows what is different about them."""
    mended = snapshot(config=RunConfig(steps=1000, discriminator_steps=3))
    assert "D steps per round 1 → 3" in verdict.difference(mended, snapshot())


def test_a_generator_that_has_learned_little_is_not_praised() -> None:
    """One digit of ten after 1500 steps gets a green box."""
    for state, steps in itertools.product(("finished", "stopped"), (500, 1500, 3000)):
        slow = snapshot(state, steps=steps, modes=1, diversity=0.3)
        assert said_of(slow).tone != "success", (state, steps)


def test_text_of_a_link_stays_text() -> None:
    """A link of a stranger puts a clickable address under our name."""
    for text in ("www.evil.tld", "a@evil.tld", "![x](http://evil)", "$x$", "<b>`x`</b>", "**x**"):
        listed = verdict.listed([f"loss must be one of a, not '{text}'."])
        assert re.search(r"^- `[^`]*`$", listed.splitlines()[-1]), text


def test_many_problems_stay_a_short_list() -> None:
    """Garbage in every parameter pushes the page out of sight."""
    text = verdict.listed([f"problem {i}" for i in range(400)])
    assert len(text.splitlines()) == 62 and text.endswith("340 more")


def frozen_history(steps: int = 10) -> History:
    norms = [dataclasses.replace(STEP, step=step, grad_norm_minimax=10.0 ** -step,
                                 grad_norm_non_saturating=float(step))
             for step in range(3, steps + 1)]
    return History([dataclasses.replace(STEP, step=step) for step in (1, 2)] + norms)


def test_the_verdict_on_a_frozen_generator_tells_of_its_gradients():
    """It stands still by design, and the verdict calls it a young generator."""
    config = RunConfig(steps=10, freeze_generator=2)
    frozen = said_of(dataclasses.replace(snapshot(config=config), history=frozen_history()))
    assert "stands still since step 2" in frozen.text
    assert "minimax loss would give G has fallen to less than a millionth" in frozen.text
    assert "non-saturating loss has grown 3.3 times" in frozen.text


def test_the_headline_of_a_page_is_compared():
    """A remedy restores the gradient, and the page tells only that the digits are as poor."""
    this = snapshot(config=RunConfig(steps=1000, loss="minimax"))
    text = verdict.difference(this, snapshot(), "missed")
    assert "D accepts new images less often" in text and "Fréchet distance" in text


def timed(each: float, steps: int, modes: int) -> RunSnapshot:
    run = snapshot(config=RunConfig(steps=steps, width=each))
    evaluations = [dataclasses.replace(evaluation(step, modes=modes), seconds=each * step)
             for step in range(0, steps + 1, 250)]
    return dataclasses.replace(run, history=History(run.history.steps[:steps], evaluations))


def test_where_time_is_what_counts_runs_are_compared_after_equal_times():
    """A network that takes four times as long is compared as if its steps were free."""
    slow, quick = timed(0.4, 500, 3), timed(0.25, 1000, 10)
    text = verdict.difference(slow, quick, "step_seconds", by_time=True)
    assert "After 3 min (step 500; reference 3 min, step 750)" in text
    assert "3 digits" in text and "reference 10" in text
    assert "At step 500" in verdict.difference(slow, quick, "step_seconds")


@pytest.mark.parametrize(("step", "seconds", "words"), [
    (600, 0.0, None), (600, 1e-9, None), (600, 2.0, "300 steps/s"), (1, 3.0, "0.33 steps/s")])
def test_a_rate_is_said_only_where_it_is_known(step, seconds, words) -> None:
    """*600000000000 steps/s* for a run whose seconds were lost."""
    run = snapshot("failed")
    status = dataclasses.replace(run.status, step=step, seconds=seconds)
    _, text = progress(run.with_status(status), False)
    assert words in text if words else "steps/s" not in text


def test_the_difference_can_be_told_as_of_an_earlier_step():
    """Playback shows step 500, and the words beside it are those of the end."""
    this = snapshot(config=RunConfig(steps=1000, loss="minimax"))
    other = snapshot(steps=750)
    for step, told in ((250, "At step 250: "), (499, "At step 250: "), (500, "At step 500: "),
                       (760, "At step 750: "), (5000, "At step 750: ")):
        assert told in verdict.difference(this, other, at=step), step
    for step in (0, 1, 249):
        assert verdict.difference(this, other, at=step) == "", step


def test_the_difference_as_of_a_step_is_taken_after_equal_times_where_time_counts():
    """At the slow run's step 250 the quick one is shown as it was long before."""
    slow, quick = timed(0.75, 1000, 3), timed(0.25, 1000, 10)
    text = verdict.difference(slow, quick, "step_seconds", by_time=True, at=250)
    assert "(step 250; reference" in text and "step 750)" in text


def test_points_that_show_no_mode_are_explained():
    """"0 of 8 modes" stands beside bars of 60 % and 40 %."""
    ring = RunConfig(dataset="ring", steps=1000)
    good = snapshot(modes=8, config=ring.replace(seed=1))
    none = [dataclasses.replace(e, metrics={**e.metrics, "modes": 0.0})
            for e in good.history.evaluations]
    lost = dataclasses.replace(snapshot(config=ring), history=History(good.history.steps, none))
    text = verdict.difference(lost, good)
    assert "**0 modes**" in text and "too few points lie near enough to a centre" in text
