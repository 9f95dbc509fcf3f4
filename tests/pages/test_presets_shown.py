"""A press of a preset shows its run at once; what the page says then fits the sliders."""

from __future__ import annotations

import pytest

from gan_core.config.presets import RECORDED, Challenge
from gan_core.config.run_config import RunConfig
from gan_core.runs.store import RunSnapshot
from pages.components import controls, server
from tests.support.app_pages import (
    PAGES,
    QUICK,
    button,
    choose,
    finished,
    opened,
    shown,
    slider_values,
    train,
    viewer,
    wait_for_run,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("page_server")
FAILING = [name for name, challenge in PAGES.items() if "broken" in challenge.presets]
DIFFERING = "These settings are not those of the run shown"


def of_both(app, name: str) -> tuple[RunSnapshot | None, RunSnapshot | None]:
    """The recorded runs on the page, left and right; None where there is none, or a trained one."""
    state = app.session_state[f"{name}/state"]
    runs = (state.shown_run(), state.reference_run())
    left, right = (run.snapshot if run is not None and run.recorded else None for run in runs)
    return left, right


def differing(app) -> bool:
    """Whether the sidebar says that the sliders are not where the shown run was."""
    return any(DIFFERING in caption.value for caption in app.sidebar.caption)


@pytest.mark.parametrize("name", PAGES)
def test_a_preset_shows_its_recorded_run_and_moves_the_sliders(name: str) -> None:
    """*Break it* is pressed, and there is nothing to see before half a minute of training; or the
    sliders stand elsewhere than the run."""
    app, missing = opened(name), []
    for preset, offer in PAGES[name].offered.items():
        choose(app, name, preset)
        assert not app.exception, preset
        assert slider_values(app, name) == shown(app, name) == offer.config, preset
        assert not differing(app), preset
        run, _ = of_both(app, name)
        told = viewer(app, "runs")
        if run is None:
            missing.append(preset)
            assert button(app, "Train").label == "Train", preset
            continue
        assert button(app, "Train").label == "Train it yourself", preset
        assert run.digest == offer.config.digest(), preset
        assert told["runs"]["this"]["address"] == f"recorded/{run.digest}", preset
        assert told["captions"]["this"]["recorded"], preset
    shipped = {config.digest() for config in RECORDED.values()}
    assert not [preset for preset in missing if preset in PAGES[name].presets
                or PAGES[name].offered[preset].config.digest() in shipped]


def beside(challenge: Challenge, preset: str) -> str:
    """The preset that a page is to show beside one of its main ones."""
    return {"broken": "fixed", "fixed": "broken", "healthy": "broken"}[preset]


@pytest.mark.parametrize("name", FAILING)
def test_beside_a_preset_stands_what_it_is_to_be_compared_with(name: str) -> None:
    """A failure stands alone, or beside itself."""
    challenge, app = PAGES[name], opened(name)
    for preset in challenge.offered:
        choose(app, name, preset)
        run, reference = of_both(app, name)
        told = viewer(app, "runs")
        pair = challenge.side_by_side(challenge.offered[preset].config.dataset)
        if not pair:
            assert reference is None and told["runs"]["reference"] is None, preset
            continue
        assert reference is not None, preset
        if preset in challenge.presets:
            other = challenge.presets[beside(challenge, preset)].config
            assert reference.digest == other.digest(), preset
        assert told["runs"]["reference"]["address"] == f"recorded/{reference.digest}", preset
        assert reference.digest != challenge.offered[preset].config.digest(), preset
        if run is not None:
            assert told["difference"], f"{preset}: what sets the two apart is not said"


@pytest.mark.parametrize("name", PAGES)
def test_sliders_run_and_verdict_agree_on_opening(name: str) -> None:
    """Home shows a run at one rate beside a slider at another."""
    app = opened(name)
    assert slider_values(app, name) == shown(app, name)
    assert not differing(app)
    assert button(app, "Train").label == "Train it yourself"


def test_sliders_that_were_moved_away_from_the_run_are_said() -> None:
    """A visitor takes the verdict for that of the settings on the left."""
    name = "mode_collapse"
    app = opened(name)
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    assert differing(app) and button(app, "Train").label == "Train"
    app.slider(key=controls.key(name, "dropout")).set_value(0.0).run()
    assert not differing(app) and button(app, "Train").label == "Train it yourself"


def test_train_is_called_so_where_the_run_is_ones_own() -> None:
    """*Train it yourself*, says the page of a run that the visitor has just trained."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="81")
    assert button(app, "Train").label == "Train" and not differing(app)
    run = train(app, name)
    wait_for_run(app, run, finished)
    app.run()
    assert button(app, "Train").label == "Train" and not differing(app)


def test_a_reference_that_somebody_pinned_stays() -> None:
    """One press of a preset, and the run that was kept for comparison is gone."""
    name = "mode_collapse"
    kept = RunConfig(dataset="ring", batch_size=16, steps=150, seed=82)
    app = opened(name, reference=controls.written(kept))
    choose(app, name, "fixed")
    assert app.session_state[f"{name}/state"].pinned == kept
    choose(app, name, "broken")
    assert app.session_state[f"{name}/state"].pinned == kept


def test_a_reference_that_is_a_preset_makes_room_for_the_right_one() -> None:
    """*Break it*, pinned, and *Break it* once more: a failure beside itself."""
    name = "mode_collapse"
    broken = PAGES[name].presets["broken"].config
    app = opened(name, reference=controls.written(broken))
    assert app.session_state[f"{name}/state"].pinned == broken
    choose(app, name, "healthy")
    assert app.session_state[f"{name}/state"].pinned is None
    assert of_both(app, name)[1].digest == broken.digest()


def test_a_preset_lets_go_of_what_a_link_got_wrong() -> None:
    """The warning about a mistyped link stays above runs that it has nothing to do with."""
    name = "mode_collapse"
    app = opened(name, dropout="nonsense")
    assert app.warning
    choose(app, name, "fixed")
    assert not app.warning


def test_a_preset_lets_go_of_a_live_run() -> None:
    """A run that no button reaches any more keeps a worker, and the visitor's place."""
    name = "mode_collapse"
    app = opened(name, **{**QUICK, "steps": "50000"}, seed="83")
    run = train(app, name)
    wait_for_run(app, run, lambda it: it.history.last_step > 0)
    choose(app, name, "fixed")
    assert not app.exception and shown(app, name) == PAGES[name].presets["fixed"].config
    assert not any(one.label == "Stop" for one in app.button)
    wait_until(app, lambda: not server.queue().snapshot(run.digest()).live)
