"""The app as a visitor without a screen meets it: what is sent, and what is not sent again."""

from __future__ import annotations

import urllib.parse

import pytest

from gan_core.config.run_config import RunConfig
from tests.app_bench.openings import runs_of_a_full_store
from tests.app_bench.server import Server
from tests.app_bench.visitor import Run, Visitor

CHART = "vega_lite_chart"
PATIENCE = 300.0  # seconds; generous, since the machine may be busy


@pytest.fixture(scope="module")
def server():
    """The app with one worker."""
    with Server(GAN_LAB_WORKERS="1", GAN_LAB_THREADS="1", GAN_LAB_DEVICE="cpu") as running:
        yield running


def trained(server: Server, config: RunConfig) -> Visitor:
    """A visitor who has pressed Train and watched the run to its end."""
    visitor = Visitor(server.url)
    visitor.open("mode_collapse", urllib.parse.urlencode({"v": "1", **config.to_query(full=True)}))
    visitor.press("Train")
    visitor.watch(lambda: "Finished" in visitor.words, PATIENCE)
    return visitor


def news(run: Run) -> int:
    """Charts, and bytes of pictures, that the visitor did not have."""
    return run.kinds.count(CHART) + run.pictures


@pytest.mark.parametrize("dataset", ["mnist", "ring"])
def test_a_refresh_in_which_nothing_is_new_sends_no_chart_and_no_picture(
    server: Server, dataset: str
) -> None:
    """Forty students who watch one run get the page again at every turn."""
    visitor = trained(server, RunConfig(dataset=dataset, steps=60, batch_size=16, seed=31))
    visitor.refresh()
    again = visitor.refresh()
    assert not news(again) and again.references >= 1
    visitor.rerun()
    whole = visitor.rerun()  # a slider was moved
    assert not news(whole) and whole.references >= 1
    visitor.close()


def test_a_live_run_is_watched_by_small_looks_and_no_reruns(server: Server) -> None:
    """A class of a hundred makes the server run a hundred pages every second."""
    config = RunConfig(dataset="ring", steps=50_000, batch_size=16, seed=32, optimizer="sgd",
                       learning_rate=1e-5)
    visitor = Visitor(server.url)
    visitor.open("mode_collapse", urllib.parse.urlencode({"v": "1", **config.to_query(full=True)}))
    visitor.press("Train")
    visitor.watch(lambda: "Training" in visitor.words, PATIENCE)
    reruns, seen = len(visitor.runs), len(visitor.looks)
    visitor.watch(lambda: len(visitor.looks) >= seen + 10, PATIENCE)
    assert len(visitor.runs) - reruns <= 2 and not visitor.intervals
    assert max(look.bytes for look in visitor.looks[seen:]) < 5000
    visitor.press("Stop")
    visitor.watch(lambda: "Stopped" in visitor.words, PATIENCE)
    visitor.close()


def test_a_full_store_is_listed_and_filtered_in_a_moment(server: Server) -> None:
    """The page of runs takes seconds of the one web process, and all other visitors wait."""
    report = runs_of_a_full_store(server, visitors=4)
    # 380 and 50 ms on the machine on which this was written
    assert report["first_ms"] <= 1000 and report["filter_p50_ms"] <= 150


def test_a_button_that_is_not_there_is_an_error(server: Server) -> None:
    """A measurement of nothing passes for one."""
    visitor = Visitor(server.url)
    visitor.open("evidence")
    with pytest.raises(LookupError, match="Train"):
        visitor.press("Train")
    visitor.close()


def test_a_visitor_stays_on_the_page_they_opened(server: Server) -> None:
    """What a page costs would be measured of home: a rerun of a fragment ended there."""
    visitor = trained(server, RunConfig(dataset="ring", steps=60, batch_size=16, seed=33))
    assert visitor.title == "Mode collapse"
    visitor.refresh()
    visitor.rerun()
    assert visitor.title == "Mode collapse"
    visitor.close()


def test_a_visitor_finds_an_app_below_a_path() -> None:
    """Behind a proxy that serves the app below a path, nothing could be measured."""
    with Server("--server.baseUrlPath", "lab", GAN_LAB_WORKERS="1", GAN_LAB_DEVICE="cpu") as below:
        visitor = Visitor(f"{below.url}/lab", with_files=True)
        visitor.open("mode_collapse")
        visitor.watch(lambda: len(visitor.pictured) == 2)  # the recorded runs
        assert visitor.title == "Mode collapse" and visitor.files > 100_000
        assert all(look.status == 200 and look.pictures for look in visitor.looks)
        visitor.close()
