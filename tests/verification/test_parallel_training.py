"""Many runs trained into a store, alone or in batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan_core.config.run_config import RunConfig
from gan_core.runs.store import RunStore
from gan_core.training.ensemble import Ensemble
from gan_core.verification.parallel_training import train_all

RING = RunConfig(dataset="ring", steps=30, batch_size=16)


@pytest.mark.parametrize("batched", [True, False])
def test_what_shares_a_batch_trains_as_one_where_that_is_asked_for(
    batched: bool, tmp_path: Path, monkeypatch
) -> None:
    """Remedies in the plane take as long as one after another, or a table's last digits change."""
    sizes: list[int] = []

    class Counted(Ensemble):
        def __init__(self, members, device=None) -> None:
            sizes.append(len(members))
            super().__init__(members, device)

    monkeypatch.setattr("gan_core.training.ensemble.Ensemble", Counted)
    configs = [RING, RING.replace(learning_rate=1e-3), RING.replace(batch_size=32)]
    store, told = RunStore(tmp_path), []
    assert train_all(configs, store, torch.device("cpu"), 1, lambda *counts: told.append(counts),
                     batched=batched)
    assert sizes == ([2] if batched else [])
    assert told[-1] == (3, 3)
    assert all(store.snapshot(config.digest()).holds(30) for config in configs)
