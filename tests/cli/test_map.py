"""`map`: trained into a store, resumed, written in every form; refused in one sentence."""

from __future__ import annotations

import csv
import json
import signal
import time

import pytest
from PIL import Image

from gan_core.cli.main import main
from gan_core.exploration.study_results import StudyResults
from gan_core.runs.store import RunStore
from tests.cli.calls import refusal, started

SMALL = ("map", "--x", "learning_rate=0.001,0.01", "--y", "dropout=0,0.4", "--set", "dataset=ring",
         "batch_size=16", "steps=60", "--device", "cpu", "--threads", "1", "--workers", "1")


def drawn(capsys, *arguments: str) -> tuple[dict, str]:
    """What `map --json` prints, and says besides."""
    assert main([*SMALL, "--json", *arguments]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_a_map_is_trained_once_and_written_in_every_form(capsys, tmp_path):
    """The same command trains all of it again; or the files lack cells."""
    store, table, image = tmp_path / "runs", tmp_path / "map.csv", tmp_path / "map.png"
    told, said = drawn(capsys, "--store", str(store), "--csv", str(table), "--png", str(image))
    assert (told["runs"], told["measured"]) == (4, 4) and "4 of 4 runs" in said
    assert [cell["state"] for cell in told["cells"]] == ["too_early"] * 4
    assert {run["digest"] for cell in told["cells"] for run in cell["runs"]} == set(
        RunStore(store).folders())
    with open(table, encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 4
    with Image.open(image) as opened:
        assert opened.size[0] > 500
    again, said = drawn(capsys, "--store", str(store))
    assert "0 of them to be trained" in said
    assert again["cells"] == told["cells"]


def test_more_seeds_train_only_the_new_ones(capsys, tmp_path):
    drawn(capsys, "--store", str(tmp_path))
    told, said = drawn(capsys, "--store", str(tmp_path), "--seeds", "2")
    assert "8 runs of 60 steps, 4 of them" in said
    assert [len(cell["runs"]) for cell in told["cells"]] == [2] * 4


def test_the_table_has_its_first_row_at_the_bottom(capsys, tmp_path):
    assert main([*SMALL, "--store", str(tmp_path), "--colour", "modes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("share of modes present")
    assert lines[2].split()[0] == "0.4" and lines[3].split()[0] == "0"
    assert "4 too early" in lines[-1]


def test_a_map_that_was_killed_goes_on(capsys, tmp_path):
    """An hour of training is lost with the terminal."""
    arguments = [*SMALL, "--store", str(tmp_path), "--x", "batch_size=16,32,64", "--set",
                 "dataset=ring", "steps=400"]
    process = started(*arguments)
    results = StudyResults(tmp_path)
    deadline = time.monotonic() + 120
    while not list(results.root.glob("maps/*.jsonl")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert main(arguments) == 0
    said = capsys.readouterr().err
    assert "6 runs of 400 steps, 6 of them" not in said and "6 runs of 400 steps" in said


def test_interrupted_is_told_by_the_exit_code(tmp_path):
    process = started(*SMALL[:-2], "--workers", "1", "--store", str(tmp_path), "--set",
                      "dataset=ring", "batch_size=16", "steps=50000")
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_budget_leaves_the_rest(capsys, tmp_path, monkeypatch):
    clock = iter(range(0, 100_000, 30))
    monkeypatch.setattr("gan_core.cli.parameter_map.time.monotonic", lambda: float(next(clock)))
    told, said = drawn(capsys, "--store", str(tmp_path), "--budget", "60", "--x",
                       "batch_size=16,32,64")
    assert 0 < told["measured"] < told["runs"] and "the budget is used up" in said


BAD = {
    "no axes": (["map"], "--x AXIS and --y AXIS"),
    "no such field": (["map", "--x", "smoothness=0,1", "--y", "dropout=0,0.1"],
                      "--x cannot vary 'smoothness'"),
    "one field twice": (["map", "--x", "r1=0,1", "--y", "r1=0,2"], "two settings"),
    "too many seeds": ([*SMALL, "--seeds", "6"], "1 to 5"),
    "no budget": ([*SMALL, "--budget", "0"], "1 to 1000000"),
    "no such colour": ([*SMALL, "--colour", "loss"], "verdict"),
    "no such folder": ([*SMALL, "--png", "/nowhere/map.png"], "--png: there is no folder /nowhere"),
    "beyond the last seed": ([*SMALL, "--set", "seed=2147483647", "--seeds", "2"], "seed must be"),
    "a change after the end": ([*SMALL, "--x", "@90 r1=0,1"], "x must begin before step 60"),
    "no such shipped map": (["map", "--shipped", "all"], "rate-ratio"),
    "a shipped map changed": (["map", "--shipped", "rate-ratio", "--set", "steps=5"], "whole map"),
    "a shipped map with seeds": (["map", "--shipped", "rate-ratio", "--seeds", "2"], "whole map"),
    "another map cannot ship": ([*SMALL, "--write"], "--write takes --shipped"),
    "nothing goes together": (["map", "--x", "architecture=dcgan,mlp_reference", "--y",
                               "dropout=0,0.1", "--set", "dataset=ring"], "allowed here"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_one_sentence(capsys, case):
    arguments, expected = BAD[case]
    code = main(arguments)
    assert refusal(code, capsys.readouterr(), expected) == ""
