"""The routes of films and of single images: what they answer, to whom, and what they refuse."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Iterator

import pytest
from PIL import Image
from starlette.applications import Starlette

from gan_core.config.presets import RECORDED
from gan_core.runs.records import EvalRecord
from gan_core.system.web_settings import WebSettings
from pages.channel.films import FILMS
from pages.channel.routes import routes
from pages.components import server
from tests.support.asgi import get
from tests.support.made_up_records import CONFIG, evaluation, images, step

SHOWN, BESIDE = (RECORDED[name].digest() for name in ("collapse", "remedy"))
STEPS = RECORDED["collapse"].steps


@pytest.fixture
def channel(page_server: None) -> Starlette:
    return Starlette(routes=routes("", WebSettings()))


@pytest.fixture
def stored(page_server: None) -> Iterator[str]:
    """A run with a sheet of which every image is known; its digest."""
    store = server.queue().store
    digest = store.create(CONFIG)
    plain = evaluation(0)
    tiles = EvalRecord(0, plain.metrics, plain.histogram, sheet_modes=(3.0, -1.0),
                       sheet_scores=(0.25, float("nan")))
    store.append(digest, [tiles, images(0), step(1)])
    yield digest
    store.delete(digest)


def test_each_image_of_a_sheet_is_told(channel: Starlette, stored: str) -> None:
    """An image that is clicked has no digit, or another one's; or a score that is no number breaks
    the answer."""
    answer = get(channel, f"/runs/{stored}/tiles/0")
    assert answer.status == 200
    assert answer.content == {"modes": [3.0, -1.0], "scores": [0.25, None]}


@pytest.mark.parametrize("address", ["{run}/tiles/1", "{run}/tiles/x", "{run}/tiles/-1",
                                     "{run}/tiles/999999999", "0123456789abcdef/tiles/0"])
def test_of_a_step_without_evaluation_nothing_is_told(
    channel: Starlette, stored: str, address: str
) -> None:
    """The digits of another step stand beside an image."""
    answer = get(channel, f"/runs/{address.format(run=stored)}")
    assert answer.status == 404 and answer.content["problem"].endswith(".")


def film(channel: Starlette, query: str = "", run: str = SHOWN):
    return get(channel, f"/recorded/{run}/film.gif?page=mode_collapse&steps={STEPS}{query}")


def test_a_film_shows_one_run_or_two(channel: Starlette) -> None:
    """The button saves nothing, or the reference is missing."""
    one = film(channel)
    assert one.status == 200 and one.headers["content-type"] == "image/gif"
    assert f"gan-mode-collapse-{SHOWN}.gif" in one.headers["content-disposition"]
    two = film(channel, f"&reference=recorded/{BESIDE}&reference_steps={STEPS}")
    widths = [Image.open(io.BytesIO(answer.body)).width for answer in (one, two)]
    assert widths[1] > 2 * widths[0]


def test_a_film_is_made_once_for_a_class(channel: Starlette, monkeypatch) -> None:
    """Thirty students save the same film, and the server computes for half a minute."""
    first = film(channel)
    monkeypatch.setattr("pages.channel.films.film", lambda *_: pytest.fail("made again"))
    assert film(channel).body == first.body


def test_an_address_cannot_have_the_same_film_made_again_and_again(
    channel: Starlette, monkeypatch
) -> None:
    """A thousand addresses of one run keep the server busy for a thousand seconds."""
    first = film(channel)
    monkeypatch.setattr("pages.channel.films.film", lambda *_: pytest.fail("made again"))
    address = f"/recorded/{SHOWN}/film.gif?page=mode_collapse&steps="
    assert get(channel, f"{address}{STEPS + 17}").body == first.body


def test_whoever_comes_while_many_films_are_made_is_told_so(
    channel: Starlette, monkeypatch
) -> None:
    """Forty films at once take every thread of the server."""
    monkeypatch.setattr("pages.channel.films.PATIENCE", 0.01)
    monkeypatch.setattr(FILMS, "_kept", OrderedDict())
    with FILMS._lock:
        answer = film(channel)
    assert answer.status == 503 and "try again" in answer.content["problem"]


@pytest.mark.parametrize(("query", "status"), [
    ("&reference=elsewhere/0123456789abcdef", 400),
    (f"&reference_steps=x&reference=recorded/{BESIDE}", 400),
    ("&reference=recorded/0123456789abcdef", 404)])
def test_what_cannot_be_filmed_is_refused_in_one_sentence(
    channel: Starlette, query: str, status: int
) -> None:
    """A mistyped address ends in a stack trace."""
    answer = film(channel, query)
    assert answer.status == status
    assert answer.content["problem"].endswith(".")


def test_a_page_that_is_not_there_and_a_run_without_samples_are_refused(
    channel: Starlette,
) -> None:
    """A film without a picture is sent, and no program opens it."""
    assert get(channel, f"/recorded/{SHOWN}/film.gif?page=nowhere").status == 400
    store, config = server.queue().store, CONFIG.replace(seed=77)
    digest = store.create(config)
    answer = get(channel, f"/runs/{digest}/film.gif?page=mode_collapse")
    store.delete(digest)
    assert answer.status == 404 and "no samples" in answer.content["problem"]
