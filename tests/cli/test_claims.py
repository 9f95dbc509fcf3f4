"""`claims`: trains what is missing, gives the verdicts, and keeps what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gan_core.cli.main import main
from gan_core.evidence import measured_runs
from gan_core.evidence.claim_verdicts import NOT_REPRODUCED, REPRODUCED
from gan_core.evidence.measured_runs import run_key
from gan_core.verification import parallel_training
from tests.evidence.tiny_claims import RING, TINY, measured, measured_run


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr("gan_core.cli.claims.CLAIMS", TINY)


def claims(tmp_path: Path, *arguments: str) -> int:
    common = ["--store", str(tmp_path / "store"), "--data", str(tmp_path / "evidence.json"),
              "--workers", "1", "--threads", "1", "--device", "cpu"]
    return main(["claims", *arguments, *common])


def test_the_command_trains_gives_verdicts_and_writes(tiny, tmp_path, capsys):
    """The one command that makes the evidence does not make it."""
    document = tmp_path / "doc.md"
    document.write_text("before\n<!-- table claims -->\nold\n<!-- end claims -->\nafter\n")
    assert claims(tmp_path, "--write", str(document)) == 0
    out = capsys.readouterr().out
    assert f"ring: {REPRODUCED}" in out and f"never: {NOT_REPRODUCED}" in out
    assert "1 reproduced" in out and "forty modes" in document.read_text()
    known = measured_runs.read(tmp_path / "evidence.json")
    assert set(known) == {run_key(RING.replace(seed=seed)) for seed in (0, 1)}
    run = next(iter(known.values()))
    assert "CPU" in run.device and re.fullmatch(r"\d{4}-\d\d-\d\d", run.day)
    assert {"modes", "loss_d", "seconds"} <= set(run.values) <= set(measured_runs.NAMES)


def test_the_command_resumes(tiny, tmp_path, capsys, monkeypatch):
    """Half an hour of training is lost when one claim is added."""
    assert claims(tmp_path, "ring", "--json") == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(parallel_training, "_train", None)  # nothing is trained again
    assert claims(tmp_path, "ring", "--json") == 0
    assert capsys.readouterr().out == first


def test_without_training_what_is_missing_is_named(tiny, tmp_path, capsys):
    """An incomplete list passes for a complete one."""
    assert claims(tmp_path, "--no-training") == 1
    assert "Not measured yet: *ring*" in capsys.readouterr().out
    assert not list((tmp_path / "store").glob("*/config.json"))


def test_one_claim_keeps_the_evidence_of_the_others(tiny, tmp_path, capsys):
    """Measuring one claim again throws away what was measured for the rest."""
    document = tmp_path / "doc.md"
    document.write_text("<!-- table claims -->\n<!-- end claims -->\n")
    stale = {"0123456789abcdef@40": measured_run(), **measured(TINY["never"], modes=3.0)}
    measured_runs.write(stale, tmp_path / "evidence.json")
    assert claims(tmp_path, "--no-training", "--write", str(document)) == 0
    assert set(measured_runs.read(tmp_path / "evidence.json")) == set(measured(TINY["never"]))


def test_an_unknown_claim_is_refused(tiny, tmp_path, capsys):
    """A typing error trains everything."""
    assert claims(tmp_path, "nonsense") == 2
    assert "CLAIM must be one of ring, never, not 'nonsense'." in capsys.readouterr().err
