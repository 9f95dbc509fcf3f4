"""Try remedies: the first remedies of a failing run are trained side by side, and compared."""

from __future__ import annotations

import time

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config.validation import ConfigError
from gan_core.diagnosis import remedy_trials
from gan_core.runs.store import RunStatus, StoreError
from gan_core.serving.admission import QueueFull
from pages.components import server
from pages.components.try_remedies import Comparison
from tests.support.app_pages import (
    button,
    jobs,
    opened,
    seconds_left,
    shown,
    wait_until,
    words,
)
from tests.support.made_up_records import step

pytestmark = pytest.mark.usefixtures("page_server")

NAME = "mode_collapse"
# It diverges within seconds.
BROKEN = {"v": "1", "dataset": "ring", "steps": "300", "batch_size": "16", "optimizer": "sgd",
          "learning_rate": "1.0", "learning_rate_ratio": "100", "beta1": "0.9"}


@pytest.fixture(autouse=True)
def _short(monkeypatch) -> None:
    """Short trials."""
    monkeypatch.setattr(remedy_trials, "LEAST_STEPS", {"image": 300, "points": 300})


def failing(**query: str) -> AppTest:
    """The page with a run that fails."""
    app = opened(NAME, **{**BROKEN, **query})
    button(app, "Train").click().run()
    run = shown(app, NAME)
    wait_until(app, lambda: not server.queue().snapshot(run.digest()).live)
    return app.run()


def comparison(app: AppTest) -> Comparison:
    return app.session_state[f"{NAME}/trials"]


def rows(app: AppTest) -> list[str]:
    """The rows of the table, without its head."""
    found = next(each.value for each in app.markdown if "What was changed" in each.value)
    return found.replace("\\", "").splitlines()[2:]


def test_one_click_trains_the_remedies_and_says_which_to_take() -> None:
    """A student sees one remedy at a time, and must keep in mind what the others did."""
    app = failing(seed="41")
    broken = shown(app, NAME)
    button(app, "Try remedies").click().run()
    assert not app.exception
    compared = comparison(app)
    assert compared.trials[0].config == broken
    assert len(compared.trials) == len(rows(app)) > 1
    assert "as it is" in rows(app)[0] and "1 of" in words(app)
    wait_until(app, lambda: "Take: " in words(app).replace("\\", ""))
    assert "waits" not in "".join(rows(app)) and " of 8" in rows(app)[1]
    for trial in compared.trials:
        assert server.queue().snapshot(trial.config.digest()).holds(trial.config.steps)

    button(app, "1").click().run()
    assert not app.exception
    mine = app.session_state[f"{NAME}/state"]
    assert (mine.shown, mine.pinned) == (compared.trials[1].config, broken)
    assert mine.sliders == compared.trials[1].config, "the sliders show other settings"
    assert rows(app), "the table is gone as soon as one of its runs is opened"
    button(app, "Close").click().run()
    assert "What was changed" not in words(app)


def test_a_hidden_tab_keeps_what_it_tries(short_leases: None) -> None:
    """A browser lets it refresh once a minute: its runs end with "nobody was watching"."""
    app = opened(NAME, **BROKEN, seed="46")
    store, config = server.queue().store, shown(app, NAME)
    store.append(store.create(config), [step(1), step(2)])
    store.write_status(config.digest(), RunStatus("diverged", 3, config.steps))
    app.run()
    button(app, "Try remedies").click().run()
    assert not app.exception and len(jobs()) > 1
    assert min(seconds_left().values()) > 60


def test_trials_end_when_the_visitor_turns_to_another_run() -> None:
    """Runs that nobody looks at any more keep the workers, and the visitor's places."""
    app = failing(seed="42")
    button(app, "Try remedies").click().run()
    other = shown(app, NAME).replace(seed=99)
    app.session_state[f"{NAME}/state"].shown = other
    app.run()
    assert not app.exception and f"{NAME}/trials" not in app.session_state
    deadline = time.monotonic() + 60
    while set(jobs()) - {other.digest()}:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_healthy_or_young_run_has_no_remedies_to_try() -> None:
    """Whoever's run goes well is told to mend it."""
    app = opened(NAME, **{**BROKEN, "optimizer": "adam", "learning_rate": "0.001"}, seed="43")
    button(app, "Train").click().run()
    run = shown(app, NAME)
    wait_until(app, lambda: not server.queue().snapshot(run.digest()).live)
    assert all(each.label != "Try remedies" for each in app.button)


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

    app = failing(seed="44")
    monkeypatch.setattr(server.queue(), "submit_together", refuse)
    button(app, "Try remedies").click().run()
    assert not app.exception and message in words(app).replace("\\", "")
