"""What a visitor does to a run: apply a remedy, change a setting in mid-run."""

from __future__ import annotations

import urllib.parse

import pytest

from gan_core.diagnosis.verdict import verdict
from pages.components import controls, server
from tests.support.app_pages import (
    QUICK,
    button,
    finished,
    opened,
    shown,
    slider_values,
    train,
    wait_for_run,
    wait_until,
    words,
)

pytestmark = pytest.mark.usefixtures("page_server")


def test_apply_remedy_pins_the_broken_run_and_trains_the_mended_one() -> None:
    """The remedy is named but not at hand, or the broken run is lost from view."""
    name = "mode_collapse"
    app = opened(name)
    broken, run = shown(app, name), app.session_state[f"{name}/state"].shown_run().snapshot
    remedy = verdict(run.history, run.config).remedies[0]
    button(app, "Apply remedy").click().run()
    assert not app.exception
    mine = app.session_state[f"{name}/state"]
    assert mine.pinned == broken
    assert mine.shown == broken.replace(**remedy.changes)
    sliders = slider_values(app, name)
    assert sliders == sliders.replace(**remedy.changes)
    assert server.queue().snapshot(mine.shown.digest()).live
    button(app, "Stop").click().run()


def test_a_slider_moved_in_mid_run_changes_the_run() -> None:
    """A rescue starts from the beginning, is not part of the link, or loses the broken run."""
    name = "training_instability"
    app = opened(name, **{**QUICK, "steps": "20000"}, seed="31")
    broken = train(app, name)
    wait_for_run(app, broken, lambda it: it.history.last_step > 30)
    assert button(app, "Change now").disabled, "no slider was moved"
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    button(app, "Change now").click().run()
    assert not app.exception
    rescued = shown(app, name)
    (_, before), (step, after) = rescued.stages
    assert step > 30 and (before.dropout, after.dropout) == (0.0, 0.4)
    assert before.digest() == broken.digest()
    wait_for_run(app, rescued, lambda it: it.history.last_step > step)
    before, after = (server.queue().snapshot(run.digest()).history for run in (broken, rescued))
    assert after.steps[:30] == before.steps[:30]
    assert f"from step {step}: Dropout in D 0.4" in words(app)
    assert "schedule=" in urllib.parse.unquote_plus(app.code[-1].value)
    assert app.session_state[f"{name}/state"].pinned == broken
    button(app, "Stop").click().run()
    wait_for_run(app, rescued, lambda it: not it.live)


def test_a_change_looks_back_to_where_the_slider_of_steps_stands() -> None:
    """Who looks back to step 100 and changes a setting changes the end of the run instead."""
    name = "training_instability"
    app = opened(name, **QUICK, seed="32")
    first = train(app, name)
    wait_for_run(app, first, finished)
    app.run()
    app.session_state[f"{name}/at/{first.digest()}/150"] = 100  # as the viewer's slider says
    app.run()
    app.slider(key=controls.key(name, "dropout")).set_value(0.2).run()
    button(app, "Change now").click().run()
    assert shown(app, name) == first.changed(100, dropout=0.2)
    wait_until(app, lambda: server.queue().snapshot(
        shown(app, name).digest()).status.state == "finished")
