"""The tables of docs/verification.md: every one can be trained, written, and put in its place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from gan_core.runs.history import History
from gan_core.verification.tables import TABLES, configs, markdown, write_into
from tests.verification.made_results import result

DOCUMENT = Path(__file__).parents[2] / "docs" / "verification.md"


def test_the_document_has_a_place_for_every_table(tmp_path):
    """The one command that makes the tables again fails at its end."""
    copy = tmp_path / "copy.md"
    for name in TABLES:
        copy.write_text(DOCUMENT.read_text(encoding="utf-8"), encoding="utf-8")
        write_into(copy, name, "| new |")
        assert "| new |" in copy.read_text(encoding="utf-8"), name


def test_every_table_trains_what_can_be_trained():
    """An hour of training ends in an error."""
    for name, table in TABLES.items():
        runs = configs(table, [3, 4])
        assert len(runs) == 2 * len(table.runs()), name
        assert {config.seed for config in runs.values()} == ({3, 4} if runs else set()), name
        assert all(config.steps <= 20_000 for config in runs.values()), name


def test_every_table_can_be_written_of_any_result():
    """A run that diverged has no metrics; its row must still be written."""
    for name, table in TABLES.items():
        results = {key: dataclasses.replace(result(config), history=History())
                   for key, config in configs(table, [0, 1]).items()}
        rows = table.rows(results)
        lines = markdown(table.columns, rows).splitlines()
        assert len(lines) == 2 + len(rows), name
        assert all(line.count("|") == len(table.columns) + 1 for line in lines), name
        assert isinstance(table.accepted(rows), bool), name
