"""Challenges and presets: every button sets something that can be trained and compared."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from gan_core.assets import RECORDED_RUNS
from gan_core.config.fields import KNOBS
from gan_core.config.presets import CHALLENGES, MAIN_KNOBS, RECORDED, REPORT_BASELINE, presets
from gan_core.config.run_config import RunConfig
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings

RECORDED_STORE = RunStore(RECORDED_RUNS)

WITH_PAGE = [name for name, challenge in CHALLENGES.items() if challenge.page]


def test_every_challenge_can_be_put_on_the_map():
    """Otherwise home would show a tile without a title or a sentence."""
    wrong = [name for name, challenge in CHALLENGES.items()
             if not (challenge.title and challenge.summary.endswith(".")
                     and challenge.icon.startswith(":material/")
                     and bool(challenge.page) == bool(challenge.presets))]
    assert not wrong


def test_every_page_has_its_question_and_its_start():
    """Otherwise a page would open on settings that no button of it sets."""
    wrong = [name for name in WITH_PAGE
             if not (CHALLENGES[name].question.rstrip().endswith("?")
                     and CHALLENGES[name].start in CHALLENGES[name].presets)]
    assert not wrong


def test_a_pages_own_knobs_exist_and_are_not_shown_twice():
    """Otherwise the page would crash, or show two sliders for one setting."""
    for name, challenge in CHALLENGES.items():
        knobs = challenge.knobs
        assert set(knobs) <= set(KNOBS), name
        assert not set(knobs) & set(MAIN_KNOBS), name
        assert len(set(knobs)) == len(knobs), name


def test_the_three_sliders_of_every_page_are_the_promised_ones():
    """Otherwise the briefs' sliders would be missing."""
    assert MAIN_KNOBS == ("learning_rate_ratio", "label_smoothing", "dropout")


def test_every_preset_is_a_run_this_installation_allows():
    """Otherwise a button would ask for more than the server trains."""
    most = Settings.from_environment({}).max_steps
    wrong = [name for name, preset in presets().items()
             if not (preset.label and preset.help.endswith(".") and preset.config.steps <= most)]
    assert not wrong


def test_every_preset_survives_a_link():
    """Otherwise a shared preset would open as another experiment."""
    changed = [name for name, preset in presets().items()
               if RunConfig.from_query(preset.config.to_query()) != (preset.config, [])]
    assert not changed


def test_preset_names_say_challenge_and_preset():
    """Otherwise `--preset mode_collapse-broken` would not be found."""
    assert presets()["mode_collapse-broken"] is CHALLENGES["mode_collapse"].presets["broken"]
    assert presets()["vanishing_gradients-frozen"].config.freeze_generator > 0
    assert len(presets()) == sum(
        len(challenge.presets) + len(challenge.experiments)
        + sum(map(len, challenge.planes.values())) for challenge in CHALLENGES.values())


@pytest.mark.parametrize(("name", "dataset"), [
    (name, dataset) for name, c in CHALLENGES.items() for dataset in c.planes])
def test_a_failure_on_points_stands_beside_its_remedy(name, dataset):
    """On the ring a run stands beside one on digits, or beside other settings than its own."""
    broken, fixed = CHALLENGES[name].side_by_side(dataset)
    assert broken.dataset == fixed.dataset == dataset and broken.steps == fixed.steps
    assert {broken.digest(), fixed.digest()} <= {config.digest() for config in RECORDED.values()}
    assert CHALLENGES[name].side_by_side("mnist")[0].dataset == "mnist"
    assert CHALLENGES[name].side_by_side("fashion_mnist") == ()


@pytest.mark.parametrize(
    "name", [name for name, c in CHALLENGES.items() if {"broken", "fixed"} <= set(c.presets)])
def test_the_remedy_changes_the_training_and_nothing_beside(name):
    """Otherwise broken and fixed would be the same run, or not comparable step by step."""
    made = CHALLENGES[name].presets
    broken, fixed = made["broken"].config, made["fixed"].config
    assert broken.digest() != fixed.digest()
    assert broken.seed == fixed.seed
    assert broken.dataset == fixed.dataset
    # Where the failure is what a run costs, the batch may be what makes it dear.
    assert broken.batch_size == fixed.batch_size or CHALLENGES[name].by_time


def test_presets_come_in_the_promised_order():
    """Otherwise the buttons would read Fix it, Break it."""
    order = ("healthy", "broken", "fixed")
    names = {page: [key for key in CHALLENGES[page].presets if key in order] for page in WITH_PAGE}
    assert not {page: keys for page, keys in names.items() if keys != sorted(keys, key=order.index)}


def test_the_reports_baseline_is_fifty_epochs():
    """50 epochs of MNIST's 60 000 images in batches of 64, the last one short."""
    config = REPORT_BASELINE
    assert config.steps == 50 * math.ceil(60_000 / 64) == 46_900
    assert (config.batch_size, config.learning_rate, config.beta1) == (64, 2e-4, 0.5)
    assert config.learning_rate_ratio == 1.0 and config.latent_dim == 100


def test_recorded_runs_have_different_names():
    """Otherwise two recorded runs would overwrite each other."""
    digests = [config.digest() for config in RECORDED.values()]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_run_ships_whole(name):
    """Otherwise a page would open empty, or with a torn picture, before anybody has trained."""
    config = RECORDED[name]
    snapshot = RECORDED_STORE.snapshot(config.digest())
    assert snapshot is not None, "python -m gan_core record makes it"
    status = snapshot.status
    assert (status.state, status.step, status.steps) == ("finished", config.steps, config.steps)
    assert snapshot.history.last_step == snapshot.history.evaluations[-1].step == config.steps
    assert (snapshot.samples[0], snapshot.samples[-1]) == (0, config.steps)
    for step in snapshot.samples:
        if config.card.kind == "points":
            assert np.isfinite(RECORDED_STORE.points(config.digest(), step)).all()
        else:
            Image.open(io.BytesIO(RECORDED_STORE.sheet(config.digest(), step))).load()
    assert not RECORDED_STORE.checkpoint_path(config.digest()).exists()
