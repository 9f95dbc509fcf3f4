"""The last good checkpoints of a run: `good/000750.pt` was taken where its samples were good.

A run that fails later can be forked from there with a remedy. At most KEPT stay, the newest: each
takes twelve bytes a parameter, 13 MB for the report's MLP. Files only, torch-free.
"""

from __future__ import annotations

import re
from pathlib import Path

from gan_core.system import files

FOLDER = "good"
KEPT = 3

_NAME = re.compile(r"(\d{6,})\.pt")


def good_checkpoints(run: Path) -> dict[int, Path]:
    """The files below a run's folder by their step, the newest first."""
    named = ((path, _NAME.fullmatch(path.name)) for path in (run / FOLDER).glob("*.pt"))
    found = {int(name.group(1)): path for path, name in named if name is not None}
    return dict(sorted(found.items(), reverse=True))


def good_checkpoint_path(run: Path, step: int) -> Path:
    """Where the one of `step` belongs; its folder is made."""
    path = run / FOLDER / f"{step:06d}.pt"
    path.parent.mkdir(exist_ok=True)
    return path


def remove_oldest(run: Path, keep: int = KEPT) -> int:
    """Remove all but the newest `keep`; returns the bytes that became free."""
    return _remove(list(good_checkpoints(run).values())[keep:])


def remove_later(run: Path, step: int) -> None:
    """Remove those after `step`: the run is trained again from there."""
    _remove([path for at, path in good_checkpoints(run).items() if at > step])


def _remove(paths: list[Path]) -> int:
    freed = sum(files.stamp(path)[1] for path in paths if files.stamp(path))
    for path in paths:
        path.unlink(missing_ok=True)
    return freed
