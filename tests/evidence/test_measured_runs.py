"""What was measured of the claims: kept in a file, up to date with them, and their verdicts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch

from gan_core.evidence import measured_runs
from gan_core.evidence.claim_verdicts import NOT_REPRODUCED, OPEN, REPRODUCED, WORDS, Claim
from gan_core.evidence.claims import CLAIMS, runs_needed
from gan_core.evidence.measured_runs import run_key
from gan_core.runs.store import RunStore
from gan_core.verification.parallel_training import train_all
from tests.evidence.tiny_claims import RING, TINY, measured

DOCUMENT = Path(__file__).parents[2] / "docs" / "verification.md"


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
    assert set(measured_runs.read()) <= {run_key(config) for config in runs_needed(CLAIMS.values())}


def test_the_evidence_was_measured_with_these_summaries():
    """After a change of the summaries all evidence is silently gone."""
    content = json.loads(measured_runs.EVIDENCE.read_text(encoding="utf-8"))
    assert set(content["measures"]) <= set(measured_runs.NAMES)
    assert measured_runs.read()


def test_the_document_says_what_the_pages_say():
    """docs/verification.md and the Evidence page contradict each other."""
    text = DOCUMENT.read_text(encoding="utf-8")
    table = re.search(r"<!-- table claims -->\n(.*?)\n<!-- end claims -->", text, re.DOTALL)[1]
    assert table == measured_runs.markdown_table(CLAIMS, measured_runs.read())


# --- verdicts -------------------------------------------------------------------------------------


def test_a_claim_is_open_until_every_seed_is_there():
    """Two seeds of five pass for the verdict."""
    claim, known = TINY["never"], measured(TINY["never"], modes=41.0)
    assert measured_runs.verdict(claim, known).word == REPRODUCED
    known.popitem()
    verdict = measured_runs.verdict(claim, known)
    assert verdict.word == OPEN and "*ring*" in verdict.sentence


def test_changed_settings_need_new_evidence():
    """A claim keeps the verdict of runs that it no longer has; a longer run is another run too."""
    known = measured(TINY["never"], modes=41.0)
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
    path, known = tmp_path / "evidence.json", measured(TINY["ring"], least=0.25)
    assert measured_runs.read(path) == {}
    measured_runs.write(known, path)
    assert measured_runs.read(path) == known
    lines = path.read_text().splitlines()
    assert sum("@40" in line for line in lines) == 2, "one line a run"
    path.write_text(path.read_text().replace('"least"', '"lost"', 1))
    assert measured_runs.read(path) == {}, "made with other summaries"


def test_verdicts_are_counted_in_order():
    """The badges of the page jump about, or count wrongly."""
    verdicts = [measured_runs.verdict(TINY["never"], measured(TINY["never"], modes=modes))
                for modes in (1.0, 41.0)]
    counts = measured_runs.count_verdicts(verdicts)
    assert counts == {word: int(word in (REPRODUCED, NOT_REPRODUCED)) for word in WORDS}
    assert list(counts) == list(WORDS)


def test_runs_of_several_stores_are_found(tmp_path):
    """The recorded 50 epochs that ship with the project are trained again, for a quarter hour."""
    first, second = RunStore(tmp_path / "first"), RunStore(tmp_path / "second")
    train_all([RING], second, torch.device("cpu"), 1)
    runs = measured_runs.gather([RING, RING.replace(seed=9)], [first, second])
    assert set(runs) == {run_key(RING)}
    assert set(runs[run_key(RING)].values) >= {"modes", "norm_g"}
