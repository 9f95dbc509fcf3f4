"""The widgets of all settings, the presets that move them, and settings as one value of a URL."""

from __future__ import annotations

import pytest

from gan_core.config.fields import KNOBS
from gan_core.config.presets import presets
from gan_core.config.run_config import RunConfig
from pages.components import controls
from tests.support.app_pages import PAGES, button, opened, said_in_error, slider_values

pytestmark = pytest.mark.usefixtures("page_server")


@pytest.mark.parametrize("name", PAGES)
def test_a_preset_sets_every_slider(name: str) -> None:
    """The button of a preset leaves a knob where it was, so that another run would be trained."""
    app, wrong = opened(name), []
    for preset, offer in PAGES[name].offered.items():
        if preset in PAGES[name].presets:
            app.button_group[0].set_value(preset).run()
        else:
            app.radio(key=f"{name}/experiment").set_value(preset).run()
        assert not app.exception, preset
        if slider_values(app, name) != offer.config:
            wrong.append(preset)
    assert not wrong


def test_every_knob_is_on_every_page() -> None:
    """A setting can be reached by URL and command line only."""
    missing = {}
    for name in PAGES:
        app = opened(name)
        kinds = (app.slider, app.select_slider, app.selectbox, app.number_input, app.toggle,
                 app.text_input)
        keys = {widget.key for kind in kinds for widget in kind}
        missing[name] = {controls.key(name, knob) for knob in KNOBS} - keys
    assert not any(missing.values()), missing


def test_packs_of_any_size_can_be_chosen() -> None:
    """Three samples at a time do not go into a batch of 64: the slider leads to a refusal."""
    name = "mode_collapse"
    app = opened(name)
    app.slider(key=controls.key(name, "packing")).set_value(3).run()
    assert not app.exception and not any("batch_size" in error.value for error in app.error)
    assert app.select_slider(key=controls.key(name, "batch_size")).value % 3 == 0


def test_ds_momentum_can_be_its_own_and_follow_gs_again() -> None:
    """The slider shows a bare −1, or once moved cannot be moved back to it."""
    name = "mode_collapse"
    app = opened(name)
    where = controls.key(name, "discriminator_beta1")
    slider = app.select_slider(key=where)
    assert slider.value == -1.0 and slider.options[:2] == ["as G's", "0"]
    assert not any("-1" in option or "−1" in option for option in slider.options)
    slider.set_value(0.9).run()
    assert not app.exception and app.select_slider(key=where).value == 0.9
    app.select_slider(key=where).set_value(-1.0).run()
    assert not app.exception and slider_values(app, name).discriminator_beta1 == -1.0


@pytest.mark.parametrize("name", PAGES)
def test_settings_that_do_not_go_together_are_refused_in_words(name: str) -> None:
    """An impossible combination ends in a stack trace, or trains something else."""
    app = opened(name, dataset="ring", architecture="mlp", training_examples="100000")
    app.selectbox(key=controls.key(name, "dataset")).set_value("mnist").run()
    assert not app.exception
    assert any("training" in error.value and "examples" in error.value for error in app.error)
    assert button(app, "Train").disabled


def test_a_schedule_can_be_typed_and_a_bad_one_is_named() -> None:
    """A teacher plans a rescue, and a typo in it breaks the page."""
    name = "mode_collapse"
    app = opened(name)
    box = app.text_input(key=controls.key(name, "schedule"))
    box.set_value("@500 dropout=2").run()
    assert not app.exception
    assert "at step 500 dropout must be" in said_in_error(app)
    assert button(app, "Train").disabled
    app.text_input(key=controls.key(name, "schedule")).set_value("@500 dropout=0.4").run()
    assert not any("schedule" in error.value for error in app.error)
    assert not button(app, "Train").disabled


def test_a_config_survives_its_url_value() -> None:
    """The reference of a link is another run than the one that was pinned."""
    changed = [name for name, preset in presets().items()
               if controls.read(controls.written(preset.config)) != (preset.config, [])]
    assert not changed
    assert controls.read("default") == (RunConfig(), [])


def test_garbage_for_a_config_is_named_not_raised() -> None:
    """A mistyped reference breaks the page."""
    config, problems = controls.read("dropout:9,nonsense,:,steps")
    assert config == RunConfig() and len(problems) >= 2
