"""`folds`: trained into a store, resumed, told in words and as JSON; refused in one sentence."""

from __future__ import annotations

import json

import pytest

from gan_core.cli.main import main
from tests.cli.calls import refusal

RING, R1 = "training_instability-ring", "training_instability-ring-r1"
SMALL = ("folds", "--vary", "dropout=0,0.4", "--folds", "2", "--set", "dataset=ring",
         "batch_size=16", "steps=60", "--device", "cpu", "--threads", "1", "--workers", "1")


def test_folds_are_trained_once_and_told(capsys, tmp_path):
    """The same command trains all of it again; or JSON and words disagree."""
    assert main([*SMALL, "--store", str(tmp_path), "--measure", "modes", "--json"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert [len(values) for values in told["values"]] == [2, 2] and told["tested"] is not None
    assert told["best"] in ("0", "0.4") and len(told["comparisons"]) == 1
    assert "runs left" in captured.err
    assert main([*SMALL, "--store", str(tmp_path), "--measure", "modes"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "fold 0" in captured.out and "Trained on all examples" in captured.out
    assert "**" not in captured.out


def test_presets_are_candidates(capsys, tmp_path):
    """Only one setting at a time could be compared."""
    assert main(["folds", "--candidates", RING, R1, "--folds", "2", "--set",
                 "steps=40", "batch_size=16", "--device", "cpu", "--threads", "1", "--workers",
                 "1", "--store", str(tmp_path), "--json"]) == 0
    assert [name for name, _ in json.loads(capsys.readouterr().out)["candidates"]] == [
        RING, R1]


BAD = {
    "nothing to compare": (["folds"], "either --candidates NAME NAME … or --vary AXIS"),
    "both": ([*SMALL, "--candidates", RING], "either --candidates"),
    "one candidate": (["folds", "--candidates", RING], "2 to 12 different settings, not 1"),
    "no such preset": (["folds", "--candidates", RING, "x"], "--candidates must be one of"),
    "two data sets": (["folds", "--candidates", RING, "baseline-healthy"], "one data set"),
    "no folds": ([*SMALL, "--folds", "1"], "from 2 to 10"),
    "no such measure": ([*SMALL, "--measure", "beauty"], "frechet"),
    "a measure of images": ([*SMALL, "--measure", "frechet"], "one of quality, modes, high"),
    "a shipped one changed": (["folds", "--shipped", "--set", "steps=5"], "whole comparison"),
    "another one cannot ship": ([*SMALL, "--write"], "--write takes --shipped"),
    "a table by itself": (["verify", "folds", "presets"], "folds is a table by itself"),
    "seeds of its own": (["verify", "folds", "--seeds", "1"], "folds takes neither --seeds nor"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_one_sentence(capsys, case):
    arguments, expected = BAD[case]
    code = main(arguments)
    assert refusal(code, capsys.readouterr(), expected) == ""
