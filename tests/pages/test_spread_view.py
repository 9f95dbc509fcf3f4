"""One recipe under several seeds: the band's numbers, its chart, and its runs on a page."""

from __future__ import annotations

import dataclasses
import json
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config.choices import LOSSES
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, StepRecord
from gan_core.runs.store import RunSnapshot, RunStatus, StoreError
from gan_core.serving.admission import QueueFull
from pages.components import seed_band, server
from pages.components import seed_band_chart as band_chart
from pages.components.chart_style import THIS
from tests.support.app_pages import jobs, seconds_left

pytestmark = pytest.mark.usefixtures("page_server")

STEP = StepRecord(1, 1.2, 0.8, 0.7, 0.8, 0.6, 0.4, 1.5, 0.9, 0.4, 0.6)
CONFIG = RunConfig(steps=400)
PATIENCE = 120.0  # seconds; generous, since the machine may be busy


def history(loss: float = 1.0, steps: int = 400, frechet: float = 100.0) -> History:
    return History(
        [dataclasses.replace(STEP, step=i + 1, loss_d=loss) for i in range(steps)],
        [EvalRecord(step, {"modes": 8.0, "modes_total": 10.0, "frechet": frechet,
                           "diversity": 0.8}, (0.125,) * 8 + (0.0,) * 2)
         for step in range(0, steps + 1, 200)],
    )


def snapshot(seed: int, state: str = "finished", steps: int = 400, **quality) -> RunSnapshot:
    config = CONFIG.replace(seed=seed)
    status = RunStatus(state, steps, config.steps)
    return RunSnapshot(config.digest(), config, history(steps=steps, **quality), status, ()
                       ).with_status(status)


def band_of(*losses: float, run: str = THIS):
    return band_chart.band_frame(band_chart.METRICS["loss_d"], CONFIG.steps,
                             {run: {seed: history(loss) for seed, loss in enumerate(losses)}})


# --- the frame -----------------------------------------------------------------------------------


def test_the_band_runs_from_the_lowest_to_the_highest_seed() -> None:
    """The band is narrower than the runs, and hides an unlucky seed."""
    frame = band_of(1.0, 5.0, 2.0)
    median = frame[frame["kind"] == "median"]
    assert np.allclose(median["value"], 2.0) and (median["runs"] == 3).all()
    assert np.allclose(median["low"], 1.0) and np.allclose(median["high"], 5.0)
    assert set(frame["seed"]) == {-1, 0, 1, 2}, "a seed's own line is missing"
    assert len(median) <= band_chart.POINTS


def test_the_line_of_a_diverged_seed_ends() -> None:
    """A run that diverged is drawn on to the end, as if it had survived."""
    histories = {THIS: {0: history(1.0), 1: history(3.0, steps=200)}}
    frame = band_chart.band_frame(band_chart.METRICS["loss_d"], CONFIG.steps, histories)
    assert frame[frame["seed"] == 1]["step"].max() <= 200
    late = frame[(frame["kind"] == "median") & (frame["step"] > 200)]
    assert (late["runs"] == 1).all() and np.allclose(late["value"].astype(float), 1.0)


def test_infinite_losses_are_left_out() -> None:
    """One infinite loss empties the whole chart."""
    frame = band_of(1.0, float("inf"))
    assert np.isfinite(frame["value"].astype(float)).all()
    assert set(frame["seed"]) == {-1, 0}


def test_single_steps_are_averaged() -> None:
    """The noise of single batches hides what the seeds differ in."""
    noisy = History([dataclasses.replace(STEP, step=i + 1, score_real=i % 2, score_fake=0.5)
                     for i in range(100)])
    steps, values = band_chart.METRICS["gap"].values(noisy)
    assert steps[0] == band_chart.WINDOW and np.ptp(values) < 0.05
    assert abs(values.mean()) < 0.03


def test_a_young_or_absent_run_has_no_band() -> None:
    """The page fails before the first steps are there."""
    for histories in ({}, {THIS: {}}, {THIS: {0: history(steps=3)}}):
        frame = band_chart.band_frame(band_chart.METRICS["loss_d"], CONFIG.steps, histories)
        domain = band_chart.framed(band_chart.METRICS["loss_d"], CONFIG, frame)
        assert band_chart.inside(frame, domain).empty


@pytest.mark.parametrize("name", band_chart.NAMES)
@pytest.mark.parametrize("dataset", ["mnist", "ring"])
def test_every_metric_can_be_drawn(name: str, dataset: str) -> None:
    """A metric can be chosen whose chart stays empty, or has no title or unit."""
    config = RunConfig(dataset=dataset, steps=400)
    drawn = band_chart.metric(name, config)
    run = history()
    points = [dataclasses.replace(e, metrics={"kl_uniform": 0.5}) for e in run.evaluations]
    run = run if dataset == "mnist" else History(run.steps, points)
    frame = band_chart.band_frame(drawn, 400, {THIS: {0: run, 1: run}})
    assert len(frame)
    domain = band_chart.framed(drawn, config, frame)
    assert band_chart.inside(frame, domain)["drawn"].between(*domain).all()
    spec = band_chart.band_spec(drawn.label, drawn.note, drawn.axis, domain, drawn.log, 400)
    assert drawn.label in json.dumps(spec, ensure_ascii=False)
    assert spec is band_chart.band_spec(drawn.label, drawn.note, drawn.axis, domain, drawn.log, 400)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_frame_holds_the_band_and_no_more_than_the_losses_own(loss: str) -> None:
    """A calm band is a flat line, or a wild one leaves the chart's own frame."""
    config, drawn = CONFIG.replace(loss=loss), band_chart.METRICS["loss_d"]
    low, high = LOSSES[loss].frame
    calm, wild = (band_chart.framed(drawn, config, band_of(value))
                  for value in (high / 20, high * 9))
    assert calm[1] < high and wild == (low, high)


# --- words ---------------------------------------------------------------------------------------


def test_the_numbers_are_told_as_a_range_over_seeds() -> None:
    """The lucky seed alone is told."""
    both = [snapshot(0, frechet=90.0), snapshot(1, frechet=310.0)]
    words = band_chart.numbers("This run", [*both, None])
    assert "2 of 3 seeds trained" in words and "Fréchet distance 90 – 310" in words
    assert "digits 8," in words and "verdicts: 2 × too early to tell" in words
    assert band_chart.numbers("This run", [None, snapshot(0, "running", 200)]) == ""


def test_diverged_seeds_and_verdicts_are_counted() -> None:
    """Runs that blew up are silently left out of the count."""
    words = band_chart.numbers("This run", [snapshot(0), snapshot(1, "diverged", 200)])
    assert "1 × divergence" in words and "1 diverged, and its line ends there" in words


def test_progress_counts_what_is_trained_in_training_and_waiting() -> None:
    """The student waits without knowing for what."""
    share, words = band_chart.progress(
        [snapshot(0), snapshot(1, "running", 200), snapshot(2, "queued", 0), None])
    assert words == "1 of 4 seeds trained · 1 in training · 1 waiting"
    assert share == pytest.approx(1.5 / 4)


# --- on a page -----------------------------------------------------------------------------------


def _page() -> None:
    from gan_core.config.presets import CHALLENGES
    from pages.components.seed_band import band
    from pages.components.state import arrive

    band(arrive("mode_collapse", CHALLENGES["mode_collapse"]))


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def quick(seed: int) -> dict[str, str]:
    """A link to a run of a recipe that differs from every other test's."""
    return {"v": "1", "dataset": "ring", "steps": "60", "batch_size": "16",
            "dropout": f"0.{seed}"}


def words(app: AppTest) -> str:
    return "\n".join([app.get("progress")[0].proto.text, *(m.value for m in app.markdown)])


def wait_for(app: AppTest, text: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while text not in words(app):
        assert time.monotonic() < deadline, (server.queue().pool(), words(app))
        time.sleep(0.05)
        app.run()
        assert not app.exception


def test_recorded_runs_are_there_before_any_click() -> None:
    """The band is empty although runs of the recipe ship with the project."""
    app = opened()
    assert "1 of 5 seeds trained" in words(app) and "Fréchet distance" in words(app)
    assert "Reference" in words(app), "the recorded remedy is not beside it"


def test_eight_seeds_in_the_plane_are_trained_by_one_click() -> None:
    """The button trains fewer seeds than it says, or one after another where one pass would do."""
    app = opened(**quick(1))
    assert "0 of 8 seeds trained" in words(app)
    app.button[0].click().run()
    assert not app.exception and app.button[0].label == "Stop these seeds"
    wait_for(app, "8 of 8 seeds trained")
    app.run()
    assert app.button[0].label == "Train 8 seeds" and app.button[0].disabled
    assert "KL to an even mixture" in words(app)
    for name in band_chart.NAMES:
        app.selectbox[0].select(name).run()
        assert not app.exception


def one_by_one(seed: int) -> dict[str, str]:
    """A recipe that changes in mid-run, whose seeds are not trained together."""
    return {**quick(seed), "schedule": "@30 learning_rate=0.001"}


def test_five_seeds_that_go_one_by_one_are_trained_by_one_click() -> None:
    """The button trains fewer seeds than it says: a viewer may hold four runs at a time."""
    app = opened(**one_by_one(5))
    assert "0 of 5 seeds trained" in words(app)
    app.button[0].click().run()
    wait_for(app, "5 of 5 seeds trained")


@pytest.mark.parametrize(("link", "count"), [(quick(2), 8), (one_by_one(2), seed_band.AT_ONCE)])
def test_the_seeds_leave_a_place_for_train(link, count) -> None:
    """While the band trains, Train is refused."""
    app = opened(**{**link, "steps": "5000"})
    app.button[0].click().run()
    own = RunConfig(dataset="ring", steps=5000, batch_size=32, seed=99)
    viewer = next(iter(jobs().values())).leases
    assert len(jobs()) == count
    assert server.queue().submit(own, next(iter(viewer))) == own.digest()
    server.queue().stop(own.digest(), next(iter(viewer)))
    app.button[0].click().run()  # Stop these seeds
    assert not app.exception
    shown = app.session_state["mode_collapse/state"].shown
    wait_for_end_of_all_but(shown)
    assert "Train" in app.run().button[0].label


def test_a_hidden_tab_keeps_its_seeds(short_leases: None) -> None:
    """A browser lets it refresh once a minute: its seeds end with "nobody was watching"."""
    app = opened(**{**quick(6), "steps": "5000"})
    app.button[0].click().run()
    assert not app.exception
    assert len(seconds_left()) == 8 and min(seconds_left().values()) > 60


def wait_for_end_of_all_but(shown: RunConfig) -> None:
    """The run that the page shows belongs to its own Stop."""
    deadline = time.monotonic() + PATIENCE
    while set(jobs()) - {shown.digest()}:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_turning_to_another_run_ends_the_seeds_of_the_last() -> None:
    """Seeds that nobody looks at any more keep the workers, and the visitor's places."""
    app = opened(**{**quick(3), "steps": "5000"})
    app.button[0].click().run()
    assert jobs()
    other = RunConfig(dataset="ring", steps=30)
    app.session_state["mode_collapse/state"].shown = other
    app.run()
    assert not app.exception
    wait_for_end_of_all_but(other)


@pytest.mark.parametrize(
    ("error", "message"),
    [(QueueFull("100 runs are waiting."), "Waiting for a place"),
     (ConfigError("steps", "steps must be lower."), "steps must be lower"),
     (StoreError("/srv: no.", "permission is missing"), "be stored: permission is missing.")],
)
def test_a_refusal_becomes_words(error, message, monkeypatch) -> None:
    """A full queue or disk ends in a stack trace, or in silence."""
    def refuse(*arguments):
        raise error

    app = opened(**quick(4))
    monkeypatch.setattr(server.queue(), "submit_together", refuse)
    app.button[0].click().run()
    assert not app.exception and message in words(app).replace("\\", "")
