"""A small copy of a run: thinned, without checkpoint, log and lock. Torch-free.

The recorded runs in `gan_core/assets/recorded` are such copies.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from gan_core.runs.records import EvalRecord, StepRecord
from gan_core.runs.samples import VIEWS, view_files, view_folder
from gan_core.runs.snapshots import RunSnapshot
from gan_core.runs.store import RunStore
from gan_core.system import files


def copy_thinned(
    store: RunStore, digest: str, destination: str | os.PathLike[str], points: int = 600
) -> Path:
    """Copy a run, thinned, into the store at `destination`; returns the run's folder there.

    The copy has about `points` step records and of each view at most as many files as VIEWS says,
    evenly spaced, first and last included. Raises StoreError if there is no such
    run, or if the copy cannot be written.
    """
    snapshot = store.existing_snapshot(digest)
    source, copies = store.root / digest, RunStore(destination)
    copies.delete(digest)
    folder = copies.root / digest
    (folder / "samples").mkdir(parents=True)
    shutil.copyfile(source / "config.json", folder / "config.json")
    thin = snapshot.history.thinned(points, _first_steps_of_stages(snapshot))
    records: list[StepRecord | EvalRecord] = [*thin.steps, *thin.evaluations]
    copies.append(digest, sorted(records, key=lambda record: record.step))
    for view in VIEWS:
        _copy_view(source, folder, view, VIEWS[view].exported)
    files.write(folder / "status.json", snapshot.status.to_json().encode())
    return folder


def _first_steps_of_stages(snapshot: RunSnapshot) -> list[int]:
    """Where settings change, and where G's freeze begins, the first step tells most."""
    config = snapshot.config
    return [*(step + 1 for step, _ in config.stages), config.freeze_generator + 1]


def _copy_view(run: Path, destination: Path, view: str, most: int) -> None:
    """At most `most` files of the view, evenly spaced."""
    paths = [path for _, path in view_files(run, view)]
    folder = view_folder(destination, view)
    count = min(len(paths), most)
    for index in np.linspace(0, len(paths) - 1, count).round().astype(int):
        folder.mkdir(exist_ok=True)
        shutil.copyfile(paths[index], folder / paths[index].name)
