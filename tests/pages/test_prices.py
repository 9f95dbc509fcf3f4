"""The parts of the page on computational cost: what they say, and what a press of Measure does."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.cost import price_list
from gan_core.cost.prices import RATIOS, Price, PriceRequest, PriceStore
from gan_core.cost.published import MODELS
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord
from gan_core.runs.store import RunSnapshot, RunStatus
from pages.components import price_charts, prices, server
from tests.support.app_pages import (
    jobs,
    open_sections,
    opened,
    seconds_left,
    wait_until,
    words,
)

pytestmark = pytest.mark.usefixtures("page_server")
PAGE = "computational_cost"

RING = RunConfig(dataset="ring", batch_size=16)


def priced(request: PriceRequest, device: str = "CPU, 1 thread", **ratios: float) -> Price:
    ratios = {**dict.fromkeys(RATIOS, 1.5), **ratios} if request.base else {}
    return Price(request, device, "float32", {"generator": 5, "discriminator": 3}, 2_000_000_000,
                 40.0, 4_000_000, ratios, 1_795_326_195.0)


# --- tables and charts, pure ----------------------------------------------------------------------


def test_the_table_tells_what_was_measured_here_and_what_was_not():
    """A recorded figure passes for this machine's, or a missing one for zero."""
    requests = [price_list.network("mlp"), price_list.network("dcgan"),
                price_list.network("dcgan", 16, "float32")]
    prices_here = {place: priced(request) for place, request in enumerate(requests[:2])}
    table = prices.price_table(requests, prices_here, {0})
    assert list(table["from"]) == ["this machine", "recorded", "not measured"]
    assert list(table["batch"]) == [64, 64, 16]
    assert table["images/s"][0] == 64 / 0.04 and table["GFLOP/step"][1] == 2.0
    assert table["ms/step"].isna().tolist() == [False, False, True]
    assert table["precision"][2] == "float32"


def test_the_dearest_remedy_comes_first_and_every_measure_has_its_bar():
    """A reader looks for what costs most at the top."""
    prices_here = {name: priced(request, time=ratio) for (name, request), ratio
             in zip(price_list.REMEDY_PRICES.items(), (1.0, 3.0, 0.9), strict=False)}
    frame = price_charts.remedy_frame(prices_here, {name: f"<{name}>" for name in prices_here})
    assert len(frame) == 3 * len(RATIOS)
    assert list(frame[frame["measure"] == "time"]["ratio"]) == [3.0, 1.0, 0.9]
    assert price_charts.most(frame) == 10.0
    assert price_charts.most(frame.assign(ratio=12.0)) == 20.0


def test_growth_is_told_with_what_doubling_costs():
    """A slope alone tells a beginner nothing."""
    growth = price_list.GROWTH["side"]
    prices_here = {size: priced(request, flops=(size / 28) ** 2, time=(size / 28) ** 1.5)
             for size, request in growth.requests.items()}
    slopes = price_charts.growth_slopes(growth, prices_here)
    assert slopes == {"FLOPs": pytest.approx(2), "time": pytest.approx(1.5)}
    words = prices.growth_words(growth, slopes)
    assert "**FLOPs**: slope 2.00: doubling the side costs 4×" in words
    assert "slope 1.50: doubling the side costs 2.8×" in words
    frame = price_charts.growth_frame(growth, prices_here)
    assert list(frame["cost"]) == pytest.approx(list(frame["fitted"]))
    assert set(frame["size"]) == {16, 28, 56, 112}


@pytest.mark.parametrize("spec", [
    price_charts.remedy_spec(("label smoothing", "dropout"), 10.0),
    *(price_charts.growth_spec(growth.label, growth.networks,
                               tuple(sorted({*growth.requests, growth.default})), growth.default)
      for growth in price_list.GROWTH.values())])
def test_every_chart_says_what_it_shows(spec):
    """A chart without title or units teaches nothing, and cannot be quoted."""
    text = json.dumps(spec, ensure_ascii=False)
    assert spec["title"]["text"] and spec["title"]["subtitle"]
    assert "log scale" in text and ("÷" in text or "cost, 1 ×" in text)
    assert "$schema" not in spec


def run(name: int, *seconds: float) -> RunSnapshot:
    config = RunConfig(seed=name)
    history = History([], [
        EvalRecord(250 * i, {"modes": 10.0 if i else 1.0, "modes_total": 10.0,
                             "frechet": 400.0 - 150 * i}, (), each)
        for i, each in enumerate(seconds)])
    return RunSnapshot(config.digest(), config, history, RunStatus("finished"), ())


def test_time_to_quality_puts_both_runs_side_by_side():
    """The page's point: the cheaper step is not always the shorter wait."""
    table = prices.quality_table({"this run": run(0, 1.0, 9.0), "reference": run(1, 1.0, 4.0, 8.0)})
    rows = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
            for line in table.splitlines()}
    both = "all modes, and Fréchet distance ≤ 300"
    assert rows[both] == ["9 s", "4 s"]
    assert rows["Fréchet distance ≤ 300"] == ["9 s", "4 s"]
    assert rows["Fréchet distance ≤ 100"] == ["not reached", "8 s"]
    assert f"| {both} | no run yet | no run yet |" in prices.quality_table({})


# --- the page -------------------------------------------------------------------------------------


def unfolded() -> AppTest:
    """The page with everything of its own opened."""
    return open_sections(opened(PAGE), PAGE, "here", "remedies", "growth", "published")


def test_the_page_opens_with_recorded_prices_named_as_such():
    """A newcomer finds empty sections, or takes another machine's times for this one's."""
    app = unfolded()
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["networks"]) == [ARCHITECTURES[name].label
                                       for name in price_list.IMAGE_NETWORKS]
    assert set(table["from"]) == {"recorded"}
    device = next(iter(price_list.recorded().values())).device
    assert words(app).replace("\\", "").count(device) >= 5
    for growth in price_list.GROWTH.values():
        assert f"doubling the {growth.subject} costs" in words(app)


def test_every_published_figure_has_its_source():
    """A figure without a source cannot be checked."""
    text = words(unfolded())
    for model in MODELS:
        assert f"]({model.link})" in text and model.duration in text


def test_a_press_of_measure_fills_the_row():
    """The button does nothing, or the table keeps the recorded figure."""
    app = unfolded()
    app.multiselect[0].set_value(["mlp"])
    app.multiselect[1].set_value([16]).run()
    assert list(app.dataframe[0].value["from"]) == ["not measured"]
    app.button(key="prices/networks/measure").click().run()
    assert not app.exception and app.button(key="prices/networks/measure").disabled
    wait_until(app, lambda: list(app.dataframe[0].value["from"]) == ["this machine"])
    assert app.dataframe[0].value["ms/step"][0] > 0
    assert app.button(key="prices/networks/measure").label == "Measure again"
    again = unfolded()  # another visitor: what was measured is there
    again.multiselect[0].set_value(["mlp"])
    again.multiselect[1].set_value([16]).run()
    assert list(again.dataframe[0].value["from"]) == ["this machine"]


def test_a_visitor_has_few_prices_in_the_queue_at_a_time(monkeypatch):
    """Fifteen remedies at once would leave the visitor no run to train beside them."""
    asked = []
    monkeypatch.setattr(server.queue(), "measure", lambda request, *of: asked.append(request))
    app = unfolded()
    app.button(key="prices/remedies/measure").click().run()
    assert 0 < len(set(asked)) <= prices.PENDING
    assert f"0 of {len(price_list.REMEDY_PRICES)} measured here …" in words(app)


def test_a_hidden_tab_goes_on_measuring(short_leases):
    """A browser lets it ask once a minute: what it waits for is dropped meanwhile. After *Stop
    measuring* nothing may go on for that long."""
    app = unfolded()
    app.button(key="prices/remedies/measure").click().run()
    assert jobs() and min(seconds_left().values()) > 60
    app.button(key="prices/remedies/stop").click().run()
    assert not app.exception and not any(job.leases for job in jobs().values())


def test_what_was_measured_here_takes_the_place_of_the_record():
    """The price list would show another machine's figures after a measurement."""
    store, name = PriceStore(server.settings().store), "r1"
    wait_until(unfolded(), lambda: server.queue().pool().device)
    request = price_list.REMEDY_PRICES[name]
    store.write(priced(request, server.queue().pool().device, time=7.5))
    text = words(unfolded())
    assert f"1 of {len(price_list.REMEDY_PRICES)} measured on this machine" in text
    store.remove(request)


def test_a_failure_is_told_and_the_rest_goes_on(monkeypatch):
    """One network that does not fit into memory would leave the button grey for ever."""
    request = price_list.network("dcgan", 16)
    monkeypatch.setitem(
        server.queue()._prices._failures, request.name, "The measurement ran out of memory.")
    monkeypatch.setattr(server.queue(), "forget", lambda request: None)
    app = unfolded()
    app.multiselect[0].set_value(["dcgan"])
    app.multiselect[1].set_value([16]).run()
    app.button(key="prices/networks/measure").click().run()
    app.run()
    assert "ran out of memory" in words(app)
    assert not app.button(key="prices/networks/measure").disabled


def test_recorded_prices_may_be_missing(monkeypatch):
    """A copy without the file would open with a stack trace."""
    monkeypatch.setattr(prices, "recorded", lambda: {})
    app = unfolded()
    assert not app.exception
    assert "not measured yet" in words(app)
