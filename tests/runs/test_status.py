"""status.json: what becomes of it when it is damaged or of another version."""

from __future__ import annotations

import pytest

from gan_core.runs.store import RunStatus, StoreError
from tests.support.made_up_records import step

CORRUPT = ["", "[]", '{"state": "dancing"}', '{"state": []}', '{"state": "running", "step": "x"}',
           '{"state": "running", "seconds": 1e999}']


def test_a_corrupt_status_costs_only_itself(store, digest):
    """The samples and curves are there still; the page must show them."""
    store.append(digest, [step(1)])
    for text in CORRUPT:
        (store.root / digest / "status.json").write_text(text)
        status = store.snapshot(digest).status
        assert (status.state, status.step) == ("stopped", 1), text
        with pytest.raises(StoreError, match=r"status\.json"):
            store.status(digest)


def test_status_survives_json():
    """A field lost on the way would be missing on every page."""
    status = RunStatus("running", 3, 10, 2.5, 1.5, 2.75, "CPU", "because", 12.0)
    assert RunStatus.from_json(status.to_json()) == status
    assert RunStatus.from_json('{"state": "failed", "newer": 1}') == RunStatus("failed")
