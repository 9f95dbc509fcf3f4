"""An empty store, and a run in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan_core.runs.store import RunStore
from tests.support.made_up_records import CONFIG


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def digest(store: RunStore) -> str:
    return store.create(CONFIG)
