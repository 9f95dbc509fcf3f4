"""A queue of fake workers in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.queues import Fakes


@pytest.fixture
def fakes(tmp_path: Path):
    fakes = Fakes(tmp_path)
    yield fakes
    for queue in fakes.queues:
        queue.close()
