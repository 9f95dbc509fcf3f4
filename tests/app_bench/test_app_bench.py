"""The app as a visitor without a screen meets it: what is sent, and what is not sent again."""

from __future__ import annotations

import urllib.parse

import pytest

from gan_core.config.run_config import RunConfig
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
    """Forty students who watch one run get its charts again every second."""
    visitor = trained(server, RunConfig(dataset=dataset, steps=60, batch_size=16, seed=31))
    visitor.refresh()
    again = visitor.refresh()
    assert not news(again) and again.references >= 1
    visitor.rerun()
    whole = visitor.rerun()  # a slider was moved
    assert not news(whole) and whole.references >= 10
    assert visitor.kinds.count(CHART) >= 9, "the charts are gone"
    visitor.close()


def test_only_what_has_changed_is_sent_while_a_run_goes_on(server: Server) -> None:
    """The finished reference travels along with every step of the run beside it."""
    config = RunConfig(dataset="ring", steps=50_000, batch_size=16, seed=32)
    visitor = Visitor(server.url)
    visitor.open("mode_collapse", urllib.parse.urlencode({"v": "1", **config.to_query(full=True)}))
    visitor.press("Train")
    visitor.watch(lambda: "Training" in visitor.words, PATIENCE)
    assert visitor.intervals
    # This run's plane and the histogram may be new; the reference's plane is not.
    assert all(visitor.refresh().kinds.count(CHART) <= 2 for _ in range(4))
    visitor.press("Stop")
    visitor.watch(lambda: "Stopped" in visitor.words, PATIENCE)
    assert not visitor.intervals, "the page goes on refreshing a run that has ended"
    visitor.close()


def test_a_button_that_is_not_there_is_an_error(server: Server) -> None:
    """A measurement of nothing passes for one."""
    visitor = Visitor(server.url)
    visitor.open("evidence")
    with pytest.raises(LookupError, match="Train"):
        visitor.press("Train")
    visitor.close()
