"""RunIndex: what is known of every run of a store, without reading their histories. Torch-free.

A look costs one `stat` a run and reads only what has changed. Verdicts that no file holds yet are
worked out one after another by a thread, which leaves most of the processor to the pages; until
then a run's verdict is None, "not read yet". One that cannot be worked out is tried again when the
run has changed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_core.config.config_text import setting_text
from gan_core.config.run_config import RunConfig
from gan_core.runs.snapshots import read_config
from gan_core.runs.status import RunStatus, StoreError, read_status
from gan_core.serving import stored_verdicts
from gan_core.serving.stored_verdicts import StoredVerdict
from gan_core.system import files, locks

LOOK_SECONDS = 1.0  # between two looks at the store, however many visitors ask
REST = 3.0  # seconds that the thread rests for each second that it reads

CUT_OFF_SECONDS = 60.0  # without a word of whoever trains a run

_DIGEST = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class RunEntry:
    """One run: `config` as far as it was asked for last, its `status`, its `verdict` or None while
    that is not known, and `written`, the Unix time of its last record. `folder` is its name in the
    store: its digest or, of a run that was opened from a file, a key."""

    folder: str
    config: RunConfig
    status: RunStatus
    verdict: StoredVerdict | None
    written: float
    opened: bool = False  # from a file: it may say what it likes
    hopeless: bool = False  # its verdict cannot be worked out: there is none, and will be none

    @functools.cached_property
    def digest(self) -> str:
        """That of its settings."""
        return self.config.digest() if self.opened else self.folder

    @functools.cached_property
    def changes(self) -> dict[str, Any]:
        """The settings that are not the default, but for the steps."""
        return {name: value for name, value in self.config.changes().items() if name != "steps"}

    @functools.cached_property
    def words(self) -> dict[str, str]:
        """These settings in words: "Dropout in D 0.4"."""
        return {name: setting_text(name, value) for name, value in self.changes.items()}


@dataclass
class _Known:
    """An entry with the stamps of what it was read from; None where it cannot be read."""

    folder: int  # nanoseconds of the last change
    stamp: tuple[int, ...]
    entry: RunEntry | None
    rests_on: str = ""


class RunIndex:
    """The runs below the folder `root`. Any thread may use it. With `keeps` verdicts that it works
    out are written into the runs' folders, where these can be written; `opened`: the runs came out
    of files."""

    def __init__(self, root: Path, keeps: bool = True, opened: bool = False) -> None:
        self.root = root
        self._keeps, self._opened = keeps, opened
        self._known: dict[str, _Known] = {}
        self._entries: Mapping[str, RunEntry] = {}
        self._looked = 0.0  # monotonic time; 0 for never
        self._looking = threading.Lock()
        self._reader: threading.Thread | None = None

    def entries(self) -> Mapping[str, RunEntry]:
        """All runs that can be read, by digest; at most LOOK_SECONDS old. Not to be changed."""
        with self._looking:
            if not self._looked or time.monotonic() - self._looked >= LOOK_SECONDS:
                self._look()
                self._looked = time.monotonic()
            if self._missing() and (self._reader is None or not self._reader.is_alive()):
                self._reader = threading.Thread(
                    target=self._read_missing, daemon=True, name="verdicts")
                self._reader.start()
            return self._entries

    def look_anew(self) -> None:
        """Something was just written: the next answer does not rest on an earlier look."""
        with self._looking:
            self._looked = 0.0

    def not_read(self) -> int:
        """How many verdicts are still to be worked out."""
        with self._looking:
            return len(self._missing())

    def unreadable(self) -> int:
        """How many runs are damaged, so that they are not among the entries."""
        with self._looking:
            return len(self._known) - len(self._entries)

    def read_all(self, patience: float) -> None:
        """Wait until all verdicts are known, or so many seconds."""
        deadline = time.monotonic() + patience
        while self.entries() is not None and self.not_read() and time.monotonic() < deadline:
            time.sleep(0.02)

    # --- looking; the lock is held ---------------------------------------------------------------

    def _look(self) -> None:
        found = self._folders()
        changed = found.keys() != self._known.keys()
        known: dict[str, _Known] = {}
        for digest, time_of_folder in found.items():
            before = self._known.get(digest)
            if before is None or before.folder != time_of_folder:
                known[digest] = self._read(digest, time_of_folder, before)
                changed |= known[digest] is not before
            else:
                known[digest] = before
        self._known = known
        if changed:
            self._show()

    def _show(self) -> None:
        self._entries = {digest: each.entry for digest, each in self._known.items()
                         if each.entry is not None}

    def _folders(self) -> dict[str, int]:
        """When each folder that is called like a run was last changed. What is written into a
        folder by replacing a file, as a status, changes it."""
        found: dict[str, int] = {}
        with contextlib.suppress(OSError), os.scandir(self.root) as folders:
            for folder in folders:
                if _DIGEST.fullmatch(folder.name):
                    with contextlib.suppress(OSError):  # removed a moment ago
                        found[folder.name] = folder.stat(follow_symlinks=False).st_mtime_ns
        return found

    def _read(self, digest: str, folder: int, before: _Known | None) -> _Known:
        """What is known of a run whose folder has changed: perhaps somebody has only looked."""
        run = self.root / digest
        stamp = files.stamp(run / "status.json") + files.stamp(run / "config.json")
        if before is not None and before.stamp == stamp:
            before.folder = folder
            return before
        try:
            config = before.entry.config if before and before.entry else read_config(
                run, not self._opened)
            status = read_status(run)
        except StoreError:
            return _Known(folder, stamp, None)
        rests_on = stored_verdicts.basis(run, status)
        status = status or RunStatus("stopped", 0, config.steps)
        if status.steps > 0 and status.steps != config.steps:
            with contextlib.suppress(ValueError):  # a damaged status
                config = config.replace(steps=status.steps)
        judged = None if status.live else stored_verdicts.read(run, rests_on)
        written = status.updated or files.modified(run / "history.jsonl")
        entry = RunEntry(digest, config, status, judged, written, self._opened)
        return _Known(folder, stamp, entry, rests_on)

    def _missing(self) -> list[str]:
        """Runs whose verdict is to be worked out, those written last first."""
        missing = [each for each in self._known.values() if self._is_missing(each)]
        return [each.entry.folder for each in sorted(
            missing, key=lambda each: -each.entry.written if each.entry else 0.0) if each.entry]

    def _is_missing(self, known: _Known) -> bool:
        entry = known.entry
        if entry is None or entry.verdict is not None or entry.hopeless:
            return False
        return not entry.status.live or self._is_cut_off(entry)

    def _is_cut_off(self, entry: RunEntry) -> bool:
        """Whether nobody trains a run any more whose status says so."""
        quiet = abs(time.time() - entry.status.updated) > CUT_OFF_SECONDS
        return quiet and not locks.is_held(self.root / entry.folder / "lock")

    # --- the thread that works verdicts out ------------------------------------------------------

    def _read_missing(self) -> None:
        while True:
            with self._looking:
                missing = self._missing()
                if not missing:
                    return
                known = self._known[missing[0]]
            began = time.monotonic()
            try:
                judged = stored_verdicts.judge(self.root / missing[0], self._opened)
            except Exception:  # a fault of this server: it costs this verdict alone
                traceback.print_exc()
                judged = None
            if judged is not None and self._keeps:
                stored_verdicts.keep(self.root / missing[0], judged, known.rests_on)
            with self._looking:
                if known.entry is not None:
                    known.entry = dataclasses.replace(
                        known.entry, verdict=judged, hopeless=judged is None)
                    self._show()
            time.sleep(REST * (time.monotonic() - began))
