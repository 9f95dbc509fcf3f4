"""What a run leaves, to be compared with what another one leaves."""

from __future__ import annotations

import torch

from gan_core.runs.samples import VIEWS, view_files
from gan_core.runs.store import RunStore


def left_behind(store: RunStore, digest: str) -> dict[str, object]:
    """What a run leaves, but for its times: records, pictures, weights."""
    history = store.snapshot(digest).history
    saved = torch.load(store.checkpoint_path(digest), weights_only=True)
    return {
        "steps": history.steps,
        "evaluations": [(record.step, record.metrics, record.histogram)
                        for record in history.evaluations],
        **{f"{view}/{step}": path.read_bytes() for view in VIEWS
           for step, path in view_files(store.root / digest, view)},
        "weights": {name: value for name, value in _tensors(saved)},
    }


def _tensors(content: object, name: str = "") -> list[tuple[str, list]]:
    if isinstance(content, torch.Tensor):
        return [(name, content.tolist())]
    if isinstance(content, dict):
        return [pair for key, value in content.items() for pair in _tensors(value, f"{name}/{key}")]
    if isinstance(content, list | tuple):
        return [pair for place, value in enumerate(content)
                for pair in _tensors(value, f"{name}/{place}")]
    return []
