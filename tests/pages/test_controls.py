"""The widgets of all settings, the presets that move them, and settings as one value of a URL."""

from __future__ import annotations

import pytest

from gan_core.config.fields import KNOBS
from gan_core.config.presets import MAIN_KNOBS, presets
from gan_core.config.run_config import RunConfig
from pages.components import controls
from tests.support.app_pages import (
    HOME,
    PAGES,
    QUICK,
    address_of,
    button,
    choose,
    fold,
    opened,
    said_in_error,
    slider_values,
    unfold,
)

pytestmark = pytest.mark.usefixtures("page_server")


@pytest.mark.parametrize("name", PAGES)
def test_a_preset_sets_every_slider(name: str) -> None:
    """The button of a preset leaves a knob where it was, so that another run would be trained."""
    app, wrong = opened(name), []
    for preset, offer in PAGES[name].offered.items():
        choose(app, name, preset)
        assert not app.exception, preset
        if slider_values(app, name) != offer.config:
            wrong.append(preset)
    assert not wrong


def test_every_knob_is_on_every_page() -> None:
    """A setting can be reached by URL and command line only."""
    missing = {}
    for name in PAGES:
        app = unfold(opened(name), name)
        kinds = (app.slider, app.select_slider, app.selectbox, app.number_input, app.toggle,
                 app.text_input)
        keys = {widget.key for kind in kinds for widget in kind}
        missing[name] = {controls.key(name, knob) for knob in KNOBS} - keys
    assert not any(missing.values()), missing


def test_packs_of_any_size_can_be_chosen() -> None:
    """Three samples at a time do not go into a batch of 64: the slider leads to a refusal."""
    name = "mode_collapse"
    app = unfold(opened(name), name)
    app.slider(key=controls.key(name, "packing")).set_value(3).run()
    assert not app.exception and not any("batch_size" in error.value for error in app.error)
    assert app.select_slider(key=controls.key(name, "batch_size")).value % 3 == 0


@pytest.mark.parametrize("name", PAGES)
def test_what_is_folded_away_is_not_built(name: str) -> None:
    """Opening a page takes twice as long, for forty widgets that nobody looks at."""
    app = opened(name)
    kinds = (app.slider, app.select_slider, app.selectbox, app.number_input, app.text_input)
    built = {widget.key for kind in kinds for widget in kind}
    folded = [knob for knob in KNOBS if knob not in (*MAIN_KNOBS, *PAGES[name].knobs)]
    assert not built & {controls.key(name, knob) for knob in folded}
    assert {controls.key(name, knob) for knob in MAIN_KNOBS} <= built


def test_a_setting_that_is_folded_away_is_kept_and_named() -> None:
    """Folding the settings away sets them back, or trains with a value that no one can see."""
    name = "mode_collapse"
    app = unfold(opened(name, **QUICK), name)
    app.number_input(key=controls.key(name, "seed")).set_value(77).run()
    app.toggle(key=controls.key(name, "spectral_norm")).set_value(True).run()
    fold(app, name)
    for _ in range(3):  # Streamlit forgets a widget in the run in which it is not built
        app.slider(key=controls.key(name, "dropout")).set_value(0.3).run()
    config = slider_values(app, name)
    assert (config.seed, config.spectral_norm, config.dropout) == (77, True, 0.3)
    assert address_of(app)["seed"] == "77" and address_of(app)["spectral_norm"] == "true"
    said = next(each.value for each in app.caption if each.value.startswith("Changed there"))
    assert "Seed 77" in said and "Spectral normalisation" in said and "Dropout" not in said
    unfold(app, name)
    assert app.number_input(key=controls.key(name, "seed")).value == 77
    assert not any(each.value.startswith("Changed there") for each in app.caption)


def test_a_link_sets_what_it_never_unfolds() -> None:
    """A link's settings are lost where their widgets are not built; a look at another page too."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="78", r1="0.5", schedule="@50 dropout=0.4")
    config = slider_values(app, name)
    assert (config.seed, config.r1, config.schedule) == (78, 0.5, "@50 dropout=0.4")
    app.query_params.clear()
    app.switch_page(str(HOME)).run()
    app.query_params.clear()
    app.switch_page(PAGES[name].page).run()
    assert not app.exception and slider_values(app, name) == config
    unfold(app, name)
    assert app.text_input(key=controls.key(name, "schedule")).value == "@50 dropout=0.4"


def test_settings_that_did_not_go_together_survive_a_look_at_another_page() -> None:
    """What was typed is gone, and with it the reason why it was refused."""
    name = "mode_collapse"
    app = opened(name, dataset="ring", architecture="mlp", training_examples="100000")
    app.selectbox(key=controls.key(name, "dataset")).set_value("mnist").run()
    app.switch_page(str(HOME)).run()
    app.switch_page(PAGES[name].page).run()
    assert not app.exception and "training" in said_in_error(app)
    assert app.selectbox(key=controls.key(name, "dataset")).value == "mnist"


def test_networks_follow_the_data_while_they_are_folded_away() -> None:
    """Changing the data on a page that folds the networks away leads to a refusal."""
    name = "mode_collapse"
    app = opened(name, dataset="mnist", architecture="dcgan")
    app.selectbox(key=controls.key(name, "dataset")).set_value("ring").run()
    assert not app.exception and not app.error
    assert slider_values(app, name).dataset == "ring"


def test_many_changed_settings_are_counted() -> None:
    """A link that changes thirty settings pushes the rest of the sidebar off the screen."""
    values = RunConfig(seed=5, r1=0.5, width=0.5, ema=0.99, packing=2, schedule="@9 dropout=0.1 "
                       + " ".join(f"@{step} dropout=0.2" for step in range(10, 17))).to_dict()
    start = PAGES["mode_collapse"]
    named = [name for name in values if name not in (*MAIN_KNOBS, *start.knobs)]
    words = controls.changed_text(start, values, named)
    assert words.startswith("Changed there: ") and words.endswith(" more")
    assert words.count("·") == controls.NAMED and len(words) < 300
    alike = start.presets[start.start].config.to_dict()
    assert controls.changed_text(start, alike, named) == ""


def test_ds_momentum_can_be_its_own_and_follow_gs_again() -> None:
    """The slider shows a bare −1, or once moved cannot be moved back to it."""
    name = "mode_collapse"
    app = unfold(opened(name), name)
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
    app = unfold(opened(name, dataset="ring", architecture="mlp", training_examples="100000"), name)
    app.selectbox(key=controls.key(name, "dataset")).set_value("mnist").run()
    assert not app.exception
    assert any("training" in error.value and "examples" in error.value for error in app.error)
    assert button(app, "Train").disabled


def test_a_schedule_can_be_typed_and_a_bad_one_is_named() -> None:
    """A teacher plans a rescue, and a typo in it breaks the page."""
    name = "mode_collapse"
    app = unfold(opened(name), name)
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
