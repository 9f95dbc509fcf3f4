"""What the tests of the commands share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _threads_restored():
    """Commands set the process's number of threads; other tests count on theirs."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
