"""A page with an experiment, as it is opened and as its runs go on."""

from __future__ import annotations

import re
import time

import pytest

from gan_core.config.fields import KNOBS
from gan_core.config.presets import MAIN_KNOBS
from gan_core.diagnosis.diagnose import SYMPTOMS, diagnose
from gan_core.runs.store import StoreError
from pages.components import controls, server
from tests.support.app_pages import (
    PAGES,
    QUICK,
    button,
    finished,
    jobs,
    opened,
    shown,
    train,
    unfold,
    viewer,
    wait_for_run,
    wait_until,
    words,
)

pytestmark = pytest.mark.usefixtures("page_server")
BROKEN = [name for name, challenge in PAGES.items() if "broken" in challenge.presets]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_with_everything_in_place(name: str) -> None:
    """A newcomer sees an error, misses the question, a slider, a chart or what the page is about,
    finds a page that is empty until somebody trains, or takes a recording for a live run."""
    app = opened(name)
    assert not app.exception
    assert app.title[0].value == PAGES[name].title
    assert PAGES[name].question in words(app)
    widgets = (*app.slider, *app.select_slider, *app.selectbox, *app.number_input, *app.toggle)
    labels = {widget.label for widget in widgets}
    assert {KNOBS[knob].label for knob in (*MAIN_KNOBS, *PAGES[name].knobs)} <= labels
    told = viewer(app, "runs")
    assert len(told["charts"]) == 2 and all(chart["words"] for chart in told["charts"])
    kind, chart = told["evidence"]["kind"], told["evidence"]["chart"]
    assert kind == PAGES[name].evidence and told["histogram"]["words"]
    assert (chart is None) == (kind in ("histogram", "cards")), "nothing stands beside the sheets"
    assert chart is None or (chart["words"] and chart not in told["charts"])
    for run in ("this", "reference"):
        assert told["runs"][run]["address"].startswith("recorded/")
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", told["captions"][run]["recorded"])
    assert "Evidence" in [link.proto.label for link in app.get("page_link")], "not in the menu"


@pytest.mark.parametrize("name", BROKEN)
def test_every_page_shows_its_failure_beside_its_remedy_before_any_click(name: str) -> None:
    """A class whose workers are all busy sees nothing of the failure it is told about."""
    app = opened(name)
    shown_first, beside = (app.session_state[f"{name}/state"].shown_run(),
                           app.session_state[f"{name}/state"].reference_run())
    presets = PAGES[name].presets
    assert shown_first.recorded and beside.recorded
    assert shown_first.snapshot.digest == presets["broken"].config.digest()
    assert beside.snapshot.digest == presets["fixed"].config.digest()
    findings = diagnose(shown_first.snapshot.history, shown_first.snapshot.config)
    assert name in {SYMPTOMS[finding.symptom].challenge for finding in findings}
    mended = diagnose(beside.snapshot.history, beside.snapshot.config)
    assert name not in {SYMPTOMS[finding.symptom].challenge for finding in mended}


def test_train_stop_free_sliders_and_verdict() -> None:
    """The main job: press Train, watch, move a slider meanwhile, read the verdict."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="11")
    run = train(app, name)
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    assert shown(app, name) == run, "moving a slider changed the run that is shown"
    wait_for_run(app, run, finished)
    app.run()
    assert "modes" in words(app) and not button(app, "Continue").disabled
    assert len(viewer(app, "runs")["runs"]["this"]["plane"]["centres"]) == 8
    assert server.queue().snapshot(run.digest()).history.last_step == 150


def test_continue_goes_further() -> None:
    """A finished run cannot be trained further."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="12")
    run = train(app, name)
    wait_for_run(app, run, finished)
    app.run()
    button(app, "Continue").click().run()
    wait_for_run(app, run, lambda it: it.history.last_step == 300)


def test_stop_ends_a_run_and_keeps_what_there_is() -> None:
    """Stop does nothing, or throws the run away."""
    name = "mode_collapse"
    app = opened(name, **{**QUICK, "steps": "50000"}, seed="13")
    run = train(app, name)
    wait_for_run(app, run, lambda it: it.history.last_step > 100)
    button(app, "Stop").click().run()
    wait_until(app, lambda: server.queue().snapshot(run.digest()).status.state == "stopped")
    app.run()
    assert server.queue().snapshot(run.digest()).history.last_step > 100
    assert not button(app, "Continue").disabled


def test_a_run_trained_further_by_others_is_shown_as_far_as_asked() -> None:
    """A preset of 150 steps shows what somebody else's 600 steps made of it."""
    start = PAGES["mode_collapse"].presets["broken"].config
    config = start.replace(dataset="ring", batch_size=16, steps=600, seed=32)
    server.queue().submit(config, "somebody else")
    app = opened("mode_collapse", **QUICK, seed="32")
    wait_for_run(app, config, finished)
    run = server.stored_run(shown(app.run(), "mode_collapse"))
    assert run.snapshot.history.last_step == 150 and not run.live
    assert finished(run.snapshot) and max(run.snapshot.samples) == 150


def test_a_stub_of_the_preset_does_not_replace_the_recorded_run() -> None:
    """Whoever presses Train and leaves takes the recorded run from all who come later."""
    config = PAGES["mode_collapse"].presets["broken"].config
    elsewhere = opened("baseline")  # a page that does not watch this run
    server.queue().submit(config, "somebody")
    wait_until(elsewhere, lambda: server.queue().snapshot(config.digest()).history.last_step > 0)
    server.queue().stop(config.digest(), "somebody")
    wait_until(elsewhere, lambda: not server.queue().snapshot(config.digest()).live)
    assert server.queue().snapshot(config.digest()).status.state == "stopped"
    again = opened("mode_collapse")
    assert words(again).count("recorded/") >= 2 and "Mode collapse" in words(again)
    assert not button(again, "Apply remedy").disabled


def test_a_run_whose_files_cannot_be_read_for_a_moment_can_be_stopped(monkeypatch) -> None:
    """*Stop* is gone in mid-run, and the page says that the run has failed, while it trains on."""
    app = opened("mode_collapse", **{**QUICK, "steps": "50000"}, seed="36")
    button(app, "Train").click().run()
    run = shown(app, "mode_collapse")
    wait_for_run(app, run, lambda it: it.history.last_step > 0)

    def unreadable(digest: str) -> None:
        raise StoreError("history.jsonl cannot be read: too many open files.")

    with monkeypatch.context() as patch:
        patch.setattr(server.queue().store, "snapshot", unreadable)
        app.run()
        assert not app.exception and not button(app, "Stop").disabled
    button(app, "Stop").click().run()
    wait_for_run(app, run, lambda it: it.status.state == "stopped")


def test_both_runs_on_the_page_stay_alive() -> None:
    """A live run that was kept as reference stops after the grace time, in plain view."""
    name, endless = "mode_collapse", {**QUICK, "steps": "50000"}
    app = opened(name, **endless, seed="33")
    button(app, "Train").click().run()
    button(app, "Pin").click().run()
    pinned = shown(app, name)
    unfold(app, name).number_input(key=controls.key(name, "seed")).set_value(34).run()
    button(app, "Train").click().run()
    job = jobs()[pinned.digest()]
    before = dict(job.leases)
    time.sleep(0.05)
    app.run()
    assert job.leases and all(job.leases[viewer] > end for viewer, end in before.items())
    for config in (pinned, shown(app, name)):
        server.queue().stop(config.digest(), next(iter(before)))


def test_a_failure_of_another_page_leads_there() -> None:
    """The verdict names a failure, and the student must look for the page that explains it."""
    config = PAGES["mode_collapse"].presets["broken"].config
    query = config.to_query(base=PAGES["training_instability"].presets["broken"].config)
    server.queue().store.delete(config.digest())  # a stub that another test left; the recorded one
    app = opened("training_instability", **query)
    told = viewer(app, "status")["first"]["verdict"]
    assert told["tone"] == "error" and "Mode collapse" in told["headline"]
    links = [link.proto for link in app.get("page_link")]
    assert any(link.label == "Mode collapse" and "explains" in link.help for link in links)


@pytest.mark.parametrize(("name", "preset"), [
    (name, preset) for name, challenge in PAGES.items() for preset in challenge.presets])
def test_every_preset_trains_on_its_page(name: str, preset: str) -> None:
    """A preset's button leads to settings that the trainer or the page cannot deal with."""
    app = opened(name)
    app.button_group[0].set_value(preset).run()
    unfold(app, name).select_slider(key=controls.key(name, "steps")).set_value(2).run()
    run = train(app, name)
    assert run == PAGES[name].presets[preset].config.replace(steps=2)
    wait_for_run(app, run, lambda it: it.status.step >= 2)
    wait_for_run(app, run, lambda it: not it.live)
    app.run()
    assert not app.exception
    assert "The Fréchet distance is" in words(app)
