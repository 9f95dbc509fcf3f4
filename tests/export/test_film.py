"""A film of runs: every frame names its step, two runs stand at equal steps or equal times."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from gan_core.config.presets import RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.export import film as films
from gan_core.export.film import MOST_FRAMES, film
from gan_core.export.sheets import SIDE, NothingToShow, Reel
from gan_core.runs.store import RunStore
from pages.components import server


def reel(name: str) -> Reel:
    store = server.recorded()
    snapshot = store.snapshot(RECORDED[name].digest())
    assert snapshot is not None
    return Reel("This run", snapshot.until(RECORDED[name].steps), store)


def frames(content: bytes) -> list[Image.Image]:
    picture = Image.open(io.BytesIO(content))
    assert picture.format == "GIF"
    found = []
    for place in range(picture.n_frames):
        picture.seek(place)
        found.append(picture.convert("L"))
    return found


def test_a_film_shows_the_sheets_in_order() -> None:
    """The film begins at its end, or shows one sheet again and again."""
    run = reel("collapse")
    shown = frames(film([run]))
    assert 2 <= len(shown) <= MOST_FRAMES
    first, last = (Image.open(io.BytesIO(run.store.sheet(run.snapshot.digest, step))).convert("L")
                   for step in (run.steps[0], run.steps[-1]))
    for frame, sheet in ((shown[0], first), (shown[-1], last)):
        part = frame.crop((0, frame.height - SIDE, SIDE, frame.height))
        difference = [abs(a - b) for a, b in zip(part.tobytes(), sheet.tobytes(), strict=True)]
        assert sum(difference) / len(difference) < 12, "greys are rounded, and nothing else"


def test_two_runs_stand_side_by_side() -> None:
    """The reference is missing from the film, or covers the run."""
    shown = frames(film([reel("collapse"), reel("remedy")]))
    assert all(frame.width > 2 * SIDE for frame in shown)


def test_points_are_drawn_and_those_outside_counted() -> None:
    """A run on the ring has no film, or one of an empty plane."""
    shown = frames(film([reel("rotation")]))
    assert all(min(frame.tobytes()) < 100 for frame in shown)


def test_runs_of_different_pace_are_compared_by_time() -> None:
    """On the cost page twelve steps stand beside twelve steps, and the price is not seen."""
    slow, quick = reel("costly"), reel("dcgan")
    lines = [films._timeline(each, by_time=True) for each in (slow, quick)]
    moments = films._moments(lines, by_time=True)
    assert moments == sorted(moments)
    half = moments[len(moments) // 2]
    at_once = [films._step_at(line, half) for line in lines]
    assert at_once[0] is not None and at_once[1] is not None
    assert at_once[1] > at_once[0]


def test_a_run_without_samples_has_no_film(tmp_path) -> None:
    """A run that waits ends in a stack trace."""
    store, config = RunStore(tmp_path), RunConfig()
    store.create(config)
    with pytest.raises(NothingToShow, match="no samples"):
        film([Reel("This run", store.existing_snapshot(config.digest()), store)])


def test_a_film_is_no_larger_than_asked_for() -> None:
    """A report with a film in it is refused by mail."""
    reels = [reel("collapse")]
    small = film(reels, most_bytes=600_000)
    assert len(small) <= 600_000
    assert films.LEAST_FRAMES <= len(frames(small)) < len(reels[0].steps)
