"""Evidence: gathered from runs, kept in a file, up to date with the claims, and the command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from gan_core import __main__ as cli
from gan_core.config.run_config import RunConfig
from gan_core.evidence import measured_runs
from gan_core.evidence.claim_verdicts import NOT, OPEN, REPRODUCED, WORDS, Claim, at_least
from gan_core.evidence.claims import CLAIMS, needed
from gan_core.evidence.measured_runs import Measured
from gan_core.runs.store import RunStore
from gan_core.verification import tables

DOCUMENT = Path(__file__).parents[2] / "docs" / "verification.md"
RING = RunConfig(dataset="ring", batch_size=16, steps=40)
TINY = {
    "ring": Claim("report", "here", "baseline", "A ring has a mode.", {"ring": RING},
                  (at_least("ring", "least", 0.0), at_least("ring", "loss_d", -100)), over=(0, 1)),
    "never": Claim("notes", "there", "mode_collapse", "A ring has forty modes.", {"ring": RING},
                   (at_least("ring", "modes", 40),), over=(0, 1)),
}


@pytest.fixture(autouse=True)
def _threads_restored():
    """Commands set the process's number of threads; other tests count on theirs."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


# --- the file that ships --------------------------------------------------------------------------


def test_every_claim_has_been_measured():
    """A card says "not measured yet". Run `python -m gan_core claims --write
    docs/verification.md`, which trains what is missing."""
    known = measured_runs.read()
    missing = [name for name, claim in CLAIMS.items()
               if measured_runs.verdict(claim, known).word == OPEN]
    assert not missing, missing


def test_no_evidence_is_of_runs_that_no_claim_has():
    """The file grows with runs of former settings, and a person who reads it is misled."""
    assert set(measured_runs.read()) <= {measured_runs.key(each) for each in needed(CLAIMS.values())}


def test_the_evidence_was_measured_with_these_measures():
    """After a change of the measures all evidence is silently gone."""
    content = json.loads(measured_runs.EVIDENCE.read_text(encoding="utf-8"))
    assert content["measures"] == measured_runs.NAMES
    assert measured_runs.read()


def test_the_document_tells_what_the_pages_tell():
    """docs/verification.md and the Evidence page contradict each other."""
    text = DOCUMENT.read_text(encoding="utf-8")
    table = re.search(r"<!-- table claims -->\n(.*?)\n<!-- end claims -->", text, re.DOTALL)[1]
    assert table == measured_runs.table(CLAIMS, measured_runs.read())


# --- gathering and telling ------------------------------------------------------------------------


def run(values: dict[str, float]) -> Measured:
    return Measured("CPU", "2026-01-01", values)


def of(claim: Claim, **values: float) -> dict[str, Measured]:
    return {measured_runs.key(config): run(values)
            for configs in claim.configs().values() for config in configs}


def test_a_claim_is_open_until_every_seed_is_there():
    """Two seeds of five pass for the verdict."""
    claim, known = TINY["never"], of(TINY["never"], modes=41.0)
    assert measured_runs.verdict(claim, known).word == REPRODUCED
    known.popitem()
    told = measured_runs.verdict(claim, known)
    assert told.word == OPEN and "*ring*" in told.sentence


def test_changed_settings_need_new_evidence():
    """A claim keeps the verdict of runs that it no longer has; a longer run is another run too."""
    known = of(TINY["never"], modes=41.0)
    for change in ({"dropout": 0.1}, {"steps": 41}):
        changed = Claim("notes", "", "baseline", "", {"ring": RING.replace(**change)},
                        TINY["never"].parts, over=(0, 1))
        assert measured_runs.verdict(changed, known).word == OPEN


def test_a_run_labelled_once_has_one_seed():
    """The report's 50 epochs would be trained five times."""
    claim = Claim("report", "", "baseline", "", {"a": RING, "b": RING.replace(dropout=0.1)}, (),
                  over=(3, 4), once=("b",))
    seeds = {run: [config.seed for config in configs] for run, configs in claim.configs().items()}
    assert seeds == {"a": [3, 4], "b": [3]}


def test_what_is_written_is_read_again(tmp_path):
    """The page shows other numbers than were measured."""
    path, known = tmp_path / "evidence.json", of(TINY["ring"], least=0.25)
    assert measured_runs.read(path) == {}
    measured_runs.write(known, path)
    assert measured_runs.read(path) == known
    lines = path.read_text().splitlines()
    assert sum("@40" in line for line in lines) == 2, "one line a run"
    path.write_text(path.read_text().replace('"least"', '"lost"', 1))
    assert measured_runs.read(path) == {}, "made with other measures"


def test_verdicts_are_counted_in_order():
    told = [measured_runs.verdict(TINY["never"], of(TINY["never"], modes=each)) for each in (1.0, 41.0)]
    assert measured_runs.summary(told) == {word: int(word in (REPRODUCED, NOT)) for word in WORDS}
    assert list(measured_runs.summary(told)) == list(WORDS)


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(cli, "CLAIMS", TINY)


def claims(tmp_path: Path, *arguments: str) -> int:
    common = ["--store", str(tmp_path / "store"), "--data", str(tmp_path / "evidence.json"),
              "--workers", "1", "--threads", "1", "--device", "cpu"]
    return cli.main(["claims", *arguments, *common])


def test_the_command_trains_judges_and_writes(tiny, tmp_path, capsys):
    """The one command that makes the evidence does not make it."""
    document = tmp_path / "doc.md"
    document.write_text("before\n<!-- table claims -->\nold\n<!-- end claims -->\nafter\n")
    assert claims(tmp_path, "--write", str(document)) == 0
    out = capsys.readouterr().out
    assert f"ring: {REPRODUCED}" in out and f"never: {NOT}" in out
    assert "1 reproduced" in out and "forty modes" in document.read_text()
    known = measured_runs.read(tmp_path / "evidence.json")
    assert set(known) == {measured_runs.key(RING.replace(seed=seed)) for seed in (0, 1)}
    measured = next(iter(known.values()))
    assert "CPU" in measured.device and re.fullmatch(r"\d{4}-\d\d-\d\d", measured.day)
    assert {"modes", "loss_d", "seconds"} <= set(measured.values) <= set(measured_runs.NAMES)


def test_the_command_resumes(tiny, tmp_path, capsys, monkeypatch):
    """Half an hour of training is lost when one claim is added."""
    assert claims(tmp_path, "ring", "--json") == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(tables, "_train", None)  # nothing is trained again
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
    stale = {"0123456789abcdef@40": run({}), **of(TINY["never"], modes=3.0)}
    measured_runs.write(stale, tmp_path / "evidence.json")
    assert claims(tmp_path, "--no-training", "--write", str(document)) == 0
    assert set(measured_runs.read(tmp_path / "evidence.json")) == set(of(TINY["never"]))


def test_an_unknown_claim_is_refused(tiny, tmp_path, capsys):
    """A typing error trains everything."""
    assert claims(tmp_path, "nonsense") == 2
    assert "CLAIM must be one of ring, never, not 'nonsense'." in capsys.readouterr().err


def test_runs_of_several_stores_are_found(tmp_path):
    """The recorded 50 epochs that ship with the project are trained again, for a quarter hour."""
    first, second = RunStore(tmp_path / "first"), RunStore(tmp_path / "second")
    tables.train_all([RING], second, torch.device("cpu"), 1)
    found = measured_runs.gather([RING, RING.replace(seed=9)], [first, second])
    assert set(found) == {measured_runs.key(RING)}
    assert set(found[measured_runs.key(RING)].values) >= {"modes", "norm_g"}
