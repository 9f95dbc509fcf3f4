"""A run's folder made fit for training: what is missing is written, what is damaged is replaced.

Whatever stands where a file or a folder of the run belongs and is none is set aside: a link, a
pipe, a folder called history.jsonl. Torch-free.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from gan_core.config.run_config import RunConfig
from gan_core.runs.good_checkpoints import FOLDER as GOOD
from gan_core.runs.samples import VIEWS
from gan_core.runs.snapshots import read_config
from gan_core.runs.status import RunStatus, StoreError, read_status, write_status
from gan_core.system import files

FOLDERS = (*(view.folder for view in VIEWS.values()), GOOD)
FILES = ("config.json", "status.json", "history.jsonl", "checkpoint.pt", "log.txt", "lock")


def make_sound(run: Path, config: RunConfig) -> None:
    """Make the folder of the run of `config`, or mend it. Raises OSError if it cannot be written.

    A sound folder stays as it is, and so do records and checkpoints: what reads them copes with
    damage in them.
    """
    if not run.is_dir():
        _set_aside(run)
    run.mkdir(parents=True, exist_ok=True)
    _allow(run)
    for name in FILES:
        _keep(run / name, stat.S_ISREG)
    for name in FOLDERS:
        _keep(run / name, stat.S_ISDIR)
        if (run / name).is_dir():
            for path in (run / name).iterdir():
                _keep(path, stat.S_ISREG)
    (run / "samples").mkdir(exist_ok=True)
    if not _has_status(run):
        write_status(run, RunStatus("queued", steps=config.steps))
    try:
        read_config(run)
    except StoreError:  # last: it makes the run exist
        files.write(run / "config.json", config.to_json().encode())


def _has_status(run: Path) -> bool:
    try:
        return read_status(run) is not None
    except StoreError:
        return False


def _keep(path: Path, is_kind: Callable[[int], bool]) -> None:
    """Set aside what is of another kind; make usable what is of this one."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if is_kind(mode):
        _allow(path)
    else:
        _set_aside(path)


def _allow(path: Path) -> None:
    """Let ourselves read and write what is ours."""
    needed = stat.S_IRUSR | stat.S_IWUSR | (stat.S_IXUSR if path.is_dir() else 0)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & needed != needed:
        with contextlib.suppress(OSError):  # not ours: whoever uses it will say so
            path.chmod(mode | needed)


def _set_aside(path: Path) -> None:
    """Rename it to .NAME.damaged, beside it; only the latest is kept."""
    if not os.path.lexists(path):
        return
    aside = path.with_name(f".{path.name}.damaged")
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside)
    else:
        aside.unlink(missing_ok=True)
    path.rename(aside)
