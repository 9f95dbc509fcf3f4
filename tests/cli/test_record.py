"""`record`: the runs that ship are trained, and exported as the pages read them."""

from __future__ import annotations

from gan_core.cli.main import main, parse
from gan_core.config import presets
from gan_core.config.run_config import RunConfig
from gan_core.runs.store import RunStore
from tests.cli.calls import ROOT


def test_record_trains_and_exports_what_a_page_can_read(capsys, tmp_path, monkeypatch):
    small = RunConfig(dataset="ring", steps=40, batch_size=16)
    monkeypatch.setattr(presets, "RECORDED", {"one": small, "two": small.replace(seed=1)})
    monkeypatch.setattr(presets, "BAND", {"three": small.replace(seed=2)})
    arguments = ["record", "--store", str(tmp_path / "runs"), "--destination",
                 str(tmp_path / "recorded")]
    assert main([*arguments, "one"]) == 0
    recorded = RunStore(tmp_path / "recorded")
    assert recorded.digests() == [small.digest()]
    snapshot = recorded.snapshot(small.digest())
    assert snapshot.status.state == "finished"
    assert snapshot.history.last_step == 40
    assert snapshot.samples[0] == 0
    assert not recorded.checkpoint_path(small.digest()).exists()

    log = tmp_path / "runs" / small.digest() / "log.txt"
    before = log.read_text()
    assert main(arguments) == 0
    assert len(recorded.digests()) == 3
    assert len(recorded.snapshot(small.replace(seed=2).digest()).samples) == 2, "heavy, for a band"
    assert log.read_text() == before, "a finished run was trained again"


def test_recorded_runs_go_where_the_pages_look_for_them():
    assert parse(["record"]).destination == (
        ROOT / "gan_core" / "assets" / "recorded")
