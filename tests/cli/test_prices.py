"""`prices`: the prices that ship can be measured again."""

from __future__ import annotations

import json

from gan_core.cli.main import main
from gan_core.config.run_config import RunConfig
from gan_core.cost import price_list
from gan_core.cost.prices import PriceRequest


def test_prices_are_written_as_the_page_reads_them(capsys, monkeypatch, tmp_path):
    """The figures that ship could not be measured again, or the page not read them."""
    small = RunConfig(dataset="ring", batch_size=16)
    request = PriceRequest(small.replace(r1=1), small)
    monkeypatch.setattr(price_list, "GROUPS", {"one": (request,), "two": (request,)})
    monkeypatch.setattr("gan_core.benchmarks.price_measurement.BLOCKS", 1)
    path = tmp_path / "prices.json"
    machine = ["--device", "cpu", "--threads", "1", "--milliseconds", "1"]
    assert main(["prices", *machine, "--write", str(path)]) == 0
    written = price_list.recorded(path)
    assert list(written) == [request.name] and written[request.name].device.endswith("1 thread")
    assert capsys.readouterr().out == ""
    assert main(["prices", *machine, "--only", "one"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["request"] == request.to_dict()
