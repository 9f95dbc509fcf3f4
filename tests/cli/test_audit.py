"""`verify audit`: one command trains, measures, judges, and writes the table into its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gan_core.cli.main import main
from gan_core.config.run_config import RunConfig
from gan_core.verification import audit
from gan_core.verification.audit_draws import GROUPS, REPORTING_SEED, Drawn

TINY = RunConfig(dataset="ring", steps=20, batch_size=8)
DOCUMENT = Path(__file__).parents[2] / "docs" / "verification.md"


@pytest.fixture(autouse=True)
def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of the draws; each has one tiny run in two groups."""
    seeds: list[int] = []

    def draw(seed: int) -> list[Drawn]:
        seeds.append(seed)
        return [Drawn(group, "depth", TINY.replace(depth=depth, seed=seed))
                for group, depth in (("ring", 1), ("random", 3))]

    monkeypatch.setattr(audit, "draw", draw)
    return seeds


def verify(folder: Path, *arguments: str) -> int:
    common = ["--store", str(folder), "--workers", "1", "--threads", "1", "--device", "cpu"]
    return main(["verify", "audit", *arguments, "--remedies", "0", *common])


def test_the_audit_prints_a_row_a_group_and_what_went_worst(
    asked_for: list[int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nobody could read off how right the verdict is, or look at where it is not."""
    assert verify(tmp_path) == 1, "nothing is good after 20 steps"
    out = capsys.readouterr().out
    assert asked_for == [REPORTING_SEED]
    assert [row.split(" | ")[0] for row in out.splitlines() if row.startswith("| ")] == [
        "| runs", "| ---", "| ring: 1", "| random: 1", "| all: 2"]
    assert "audit: NOT as expected" in out

    verify(tmp_path, "--seeds", "3-4", "--only", "ring", "--json")
    content = json.loads(capsys.readouterr().out)
    assert [row["runs"] for row in content["audit"]] == [2, 2]
    assert [run["label"] for run in content["runs"]] == ["bad", "bad"]
    assert content["runs"][0]["command"].startswith("python -m gan_core run --set dataset=ring")


def test_the_audit_refuses_what_it_cannot_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Half an audit would be written over a whole one, or a typing error cost an hour."""
    for arguments, complaint in {
        ("remedies",): "by itself", ("--only", "mars"): ", ".join(GROUPS),
        ("--write", "docs.md"): "whole tables", ("--seeds", "x"): "whole numbers",
    }.items():
        assert verify(tmp_path, *arguments) == 2, arguments
        assert complaint in capsys.readouterr().err, arguments
    assert main(["verify", "presets", "--remedies", "3"]) == 2
    assert not list(tmp_path.iterdir()), "nothing was trained"


def test_the_audit_has_its_place_in_the_document(tmp_path: Path) -> None:
    """The one command that makes the table again would fail at its end."""
    copy = tmp_path / "copy.md"
    copy.write_text(DOCUMENT.read_text(encoding="utf-8"), encoding="utf-8")
    common = ["--store", str(tmp_path / "runs"), "--workers", "1", "--threads", "1"]
    assert main(["verify", "audit", "--write", str(copy), *common]) == 1
    assert "| ring: 1 | 0 / 0 / 1 |" in copy.read_text(encoding="utf-8")
