"""`record`: the runs that ship are trained, and exported as the pages read them."""

from __future__ import annotations

from gan_core.cli import record
from gan_core.cli.main import main, parse
from gan_core.config import presets
from gan_core.config.run_config import RunConfig
from gan_core.exploration.spread import Spread
from gan_core.exploration.study_results import StudyResults
from gan_core.runs.store import RunStore
from tests.cli.calls import ROOT


def test_record_trains_and_exports_what_a_page_can_read(capsys, tmp_path, monkeypatch):
    small = RunConfig(dataset="ring", steps=40, batch_size=16)
    monkeypatch.setattr(presets, "RECORDED", {"one": small, "two": small.replace(seed=1)})
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
    assert len(recorded.digests()) == 2
    assert log.read_text() == before, "a finished run was trained again"


def test_record_trains_spreads_and_keeps_what_a_page_can_read(capsys, tmp_path, monkeypatch):
    small = RunConfig(dataset="ring", steps=40, batch_size=16)
    spreads = {"page/one": Spread(small), "page/two": Spread(small.replace(r1=0.1))}
    monkeypatch.setattr(record, "shipped_spreads", lambda: spreads)
    monkeypatch.setattr(record, "shipped_results", lambda: StudyResults(tmp_path / "shipped"))
    arguments = ["record", "--spreads", "--store", str(tmp_path / "runs")]
    assert main([*arguments, "page/one"]) == 0
    shipped = StudyResults(tmp_path / "shipped")
    assert spreads["page/one"].remaining(shipped.read(spreads["page/one"])) == 0
    assert not shipped.read(spreads["page/two"])
    assert all(run.courses for run in shipped.read(spreads["page/one"]).values())
    assert main([*arguments, "page/three"]) == 2
    assert "page/one, page/two" in capsys.readouterr().err


def test_recorded_runs_go_where_the_pages_look_for_them():
    assert parse(["record"]).destination == (
        ROOT / "gan_core" / "assets" / "recorded")
