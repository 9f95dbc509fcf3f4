"""`verify`: trains the runs of the tables, once, and writes the tables into the document."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from gan_core.cli.main import main
from gan_core.cli.verify import parse_seeds
from gan_core.config.presets import CHALLENGES, Preset
from gan_core.config.run_config import RunConfig
from gan_core.verification import parallel_training, preset_acceptance


@pytest.fixture
def tiny_challenges(monkeypatch):
    small = RunConfig(dataset="ring", steps=40, batch_size=16)
    presets = {
        name: Preset(name, "", small.replace(latent_dim=size))
        for name, size in {"healthy": 2, "broken": 3, "fixed": 4, "report": 5}.items()
    }
    real = CHALLENGES["mode_collapse"]
    table = {
        "mode_collapse": dataclasses.replace(real, presets=presets),
        "baseline": dataclasses.replace(real, presets={"healthy": presets["healthy"]}),
    }
    monkeypatch.setattr(preset_acceptance, "CHALLENGES", table)
    return table


def verify(tmp_path: Path, *arguments: str) -> int:
    common = ["--store", str(tmp_path), "--workers", "1", "--threads", "1", "--device", "cpu"]
    return main(["verify", *arguments, *common])


def test_verify_counts_what_is_as_expected(tiny_challenges, capsys, tmp_path):
    """After 40 steps of a ring nothing is found wrong: right for "healthy", not for "broken"."""
    assert verify(tmp_path, "--seeds", "0,2", "--only", "mode_collapse-healthy") == 0
    out = capsys.readouterr().out
    row, = [line for line in out.splitlines() if line.startswith("| Mode collapse")]
    assert row.split(" | ")[1] == "2 of 2" and "presets: as expected" in out

    assert verify(tmp_path, "--seeds", "0,2", "--json") == 1
    row, = json.loads(capsys.readouterr().out)["presets"]
    assert row["runs"] == {"healthy": 2, "broken": 2, "fixed": 2}, "home has no failure to show"
    assert (row["kept"]["healthy"], row["kept"]["broken"]) == (2, 0)


def test_verify_does_not_train_twice(tiny_challenges, capsys, tmp_path):
    """An hour of measurements must survive being interrupted."""
    verify(tmp_path, "--seeds", "0", "--json")
    logs = {path: path.read_text() for path in tmp_path.glob("*/log.txt")}
    first = capsys.readouterr().out
    verify(tmp_path, "--seeds", "0", "--json")
    assert capsys.readouterr().out == first
    assert logs == {path: path.read_text() for path in tmp_path.glob("*/log.txt")}


def test_several_processes_train_what_one_would(tiny_challenges, capsys, tmp_path):
    """Two workers must give the same table as one, or the document would depend on them."""
    verify(tmp_path / "one", "--seeds", "0", "--json")
    alone = json.loads(capsys.readouterr().out)["presets"]
    verify(tmp_path / "two", "--seeds", "0", "--json", "--workers", "2")
    together = json.loads(capsys.readouterr().out)["presets"]
    for row in (*alone, *together):
        row.pop("seconds")
    assert together == alone


def test_verify_ends_at_once_when_interrupted(tiny_challenges, tmp_path, monkeypatch):
    """Otherwise Ctrl-C would end one run and begin the next."""
    begun = []

    def stopped(root, config, device):
        begun.append(config)
        return False

    monkeypatch.setattr(parallel_training, "_train", stopped)
    assert verify(tmp_path) == 130
    assert len(begun) == 1


def test_a_table_is_written_into_its_place(tiny_challenges, capsys, tmp_path):
    """The rest of the document is prose that must survive."""
    document = tmp_path / "doc.md"
    document.write_text("before\n<!-- table presets -->\nold\n<!-- end presets -->\nafter\n")
    arguments = ("--write", str(document))
    assert verify(tmp_path, *arguments) == 1, "tiny presets break nothing"
    lines = document.read_text().splitlines()
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in lines
    assert any(line.startswith("| Mode collapse | 5 of 5 | 0 of 5 |") for line in lines)

    for part in (("--seeds", "0"), ("--only", "mode_collapse-healthy")):
        assert verify(tmp_path, *arguments, *part) == 2, "half a table would replace a whole one"

    document.write_text("nothing here\n")
    assert verify(tmp_path, *arguments) == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert "--write" in complaint and "<!-- table presets -->" in complaint
    assert document.read_text() == "nothing here\n"


def test_seeds_are_read_as_people_write_them():
    assert parse_seeds("0-4") == [0, 1, 2, 3, 4]
    assert parse_seeds("3") == [3]
    assert parse_seeds("0, 5,5-6") == [0, 5, 6]
