"""Samples of a run at one step, the pictures that look copied, and the pictures on home."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import SampleRecord
from gan_core.runs.store import RunStore
from pages.components import samples
from tests.support.app_pages import (
    PAGES,
    QUICK,
    finished,
    open_sections,
    opened,
    train,
    viewer,
    wait_for_run,
)

pytestmark = pytest.mark.usefixtures("page_server")


def test_the_averaged_generator_can_be_looked_at() -> None:
    """Someone averages G's weights, and the page shows the other generator only."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="21", ema="0.9")
    run = train(app, name)
    wait_for_run(app, run, finished)
    app.run()
    told = viewer(app, "runs")
    assert told["runs"]["this"]["averaged"] and not told["averaged"]
    app.toggle(key=f"{name}/averaged").set_value(True).run()
    assert not app.exception and viewer(app, "runs")["averaged"]


def drawn_neighbours(root: str) -> None:
    """A script for AppTest: the neighbours of the only run in a store, at step 260 and at 0."""
    from gan_core.runs.store import RunStore
    from pages.components import samples
    from pages.components.server import StoredRun

    store = RunStore(root)
    look = StoredRun(store.snapshot(store.digests()[0]), store, False)
    samples.neighbours(look, 260, "this")
    samples.neighbours(look, 0, "reference")


def test_the_pictures_that_look_copied_stand_beside_their_nearest(tmp_path) -> None:
    """D has learned 300 digits by heart, and nobody sees whether G hands them back; or a run from
    before neighbours were stored breaks the page."""
    store = RunStore(tmp_path)
    digest = store.create(RunConfig(training_examples=300))
    pictures = np.zeros((16, 3, 28, 28), np.uint8)
    store.append(digest, [SampleRecord(250, pictures, "neighbours")])
    app = AppTest.from_function(drawn_neighbours, args=(str(tmp_path),), default_timeout=60).run()
    assert not app.exception
    (grid,) = app.get("html")
    assert grid.proto.body.count("<img") == 24
    captions = [caption.value for caption in app.caption]
    assert "step 250" in captions[0] and "A copy" in captions[0] and "not stored" in captions[1]
    (tmp_path / digest / "neighbours" / "000250.png").write_bytes(b"torn")
    assert not app.run().exception


def test_home_maps_every_challenge_with_a_picture_of_its_failure() -> None:
    """The map is a list of words."""
    app = opened("baseline")
    failures = sum("broken" in page.presets for page in PAGES.values())
    assert len(app.get("image")) + len(app.get("imgs")) >= failures


def test_the_nearest_images_stand_on_the_overfitting_page() -> None:
    """The page tells of copying and shows none of it."""
    name = "discriminator_overfitting"
    app = open_sections(opened(name), name, "neighbours")
    assert any("nearest training image" in html.proto.body for html in app.get("html"))


def test_a_copy_stands_beside_its_original_with_its_distance() -> None:
    """A reader cannot tell a theft from a resemblance, or hears nothing of it from a reader."""
    pictures = np.zeros((8, 3, 28, 28), np.uint8)
    pictures[:, 2, 0, :4] = 255  # 4 pixels that differ by 2: distance 4
    text = samples._triples(pictures)
    assert text.count("<img") == text.count("alt=") == 24
    assert text.count("training 0.0<") == text.count("new 4.0<") == 8
    assert text.count("nearest training image, distance 0.0") == 8
