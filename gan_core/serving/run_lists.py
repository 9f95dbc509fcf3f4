"""Run lists: which runs a person has trained or was sent, with their names, notes and stars.

    <store>/lists/<person>.json

A run belongs to nobody: equal settings share one. What a person calls it, and whether it is in
their list at all, is theirs; removing a run takes it out of the list, and its files stay until they
are evicted. Runs that somebody starred or named are evicted after all others. Torch-free.

Several servers may share a store: whoever changes a list locks it. A damaged file is set aside, and
said once. The list of somebody who has gone is removed after GONE_SECONDS; that of HOME stays.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gan_core.system import files, locks

FOLDER = "lists"
HOME = "home"  # the list of whoever has the server to themselves
MOST_RUNS = 1000  # of one list; those without star and name that were added first go
MOST_KEPT = 50  # starred or named runs of one visitor's list that are evicted after others
MOST_LISTS = 2000
MOST_BYTES = 1_500_000  # of one list
LONGEST_NAME, LONGEST_NOTE = 80, 500  # letters
GONE_SECONDS = 172_800.0  # a visitor's cookie ends after a day
LOCK_SECONDS = 5.0
TRAINED, SHARED = "trained", "shared"

_PERSON = re.compile(r"[0-9a-f]{32}|home")
_RUN = re.compile(r"(?:[a-z]{1,16}-)?[0-9a-f]{16}")  # of a store, or of another kind by its prefix
DAMAGED = ("Your list of runs was damaged and has been set aside; stars, names and notes begin "
           "anew.")


class ListError(ValueError):
    """What cannot be written into a list; the message is one sentence."""


@dataclass(frozen=True)
class Listed:
    """What a person's list says of one run. `how` it came there is TRAINED or SHARED, by a link;
    `added` is Unix time."""

    name: str = ""
    note: str = ""
    starred: bool = False
    removed: bool = False
    added: float = 0.0
    how: str = TRAINED

    @property
    def kept(self) -> bool:
        """Whether the person wants the run to stay."""
        return (self.starred or bool(self.name)) and not self.removed


@dataclass(frozen=True)
class RunList:
    """A person's list as it is now, by run; `problem` is one sentence if it could not be read."""

    runs: Mapping[str, Listed] = field(default_factory=dict)
    problem: str = ""

    def of(self, run: str) -> Listed:
        """What is said of a run; nothing of one that is not in the list."""
        return self.runs.get(run, NOTHING)


NOTHING = Listed()


class RunLists:
    """The lists in the store at `root`. Any thread may use them."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER
        self._read: dict[str, tuple[tuple[int, ...], RunList]] = {}  # by person, with the stamp
        self._lock = threading.Lock()

    # --- reading ---------------------------------------------------------------------------------

    def read(self, person: str) -> RunList:
        """The list of a person; empty where there is none. Never raises."""
        path = self._path(person)
        stamp = files.stamp(path)
        with self._lock:
            known = self._read.get(person)
        if known is not None and known[0] == stamp:
            return known[1]
        found = _parsed(path) if stamp else RunList()
        with self._lock:
            self._read[person] = (stamp, found)
            while len(self._read) > MOST_LISTS:
                self._read.pop(next(iter(self._read)))
        return found

    def kept(self) -> set[str]:
        """Runs that somebody starred or named, of each visitor the latest MOST_KEPT."""
        kept: set[str] = set()
        for person in self._people():
            wanted = [(said.added, run) for run, said in self.read(person).runs.items()
                      if said.kept]
            most = MOST_RUNS if person == HOME else MOST_KEPT
            kept.update(run for _, run in sorted(wanted, reverse=True)[:most])
        return kept

    # --- writing: each raises ListError -----------------------------------------------------------

    def add(self, person: str, run: str, how: str) -> None:
        """A person has trained a run, or was sent it; one that was removed is back if trained."""
        def added(said: Listed | None) -> Listed | None:
            if said is None:
                return Listed(added=time.time(), how=how)
            return replace(said, removed=False, how=TRAINED) if how == TRAINED else said

        self._change(person, [run], added)

    def describe(self, person: str, run: str, name: str, note: str) -> None:
        """Give a run a name and a note, "" for none."""
        name = _checked("name", name, LONGEST_NAME).replace("\n", " ")
        note = _checked("note", note, LONGEST_NOTE)
        self._change(person, [run], lambda said: replace(_now(said), name=name, note=note))

    def star(self, person: str, run: str, starred: bool) -> None:
        self._change(person, [run], lambda said: replace(_now(said), starred=starred))

    def remove(self, person: str, runs: Iterable[str]) -> None:
        """Take runs out of the list; their names and notes come back with them."""
        self._change(person, runs, lambda said: replace(_now(said), removed=True))

    def bring_back(self, person: str, runs: Iterable[str]) -> None:
        self._change(person, runs, lambda said: replace(_now(said), removed=False))

    def forget_the_gone(self) -> None:
        """Remove the lists of visitors whose cookies have ended, the oldest where they are many."""
        people = sorted((files.modified(self._path(person)), person)
                        for person in self._people() if person != HOME)
        now = time.time()
        for place, (changed, person) in enumerate(people):
            if now - changed > GONE_SECONDS or len(people) - place > MOST_LISTS:
                for path in self.folder.glob(f"*{person}*"):
                    with contextlib.suppress(OSError):
                        path.unlink()

    # --- inside ----------------------------------------------------------------------------------

    def _path(self, person: str) -> Path:
        if not _PERSON.fullmatch(person):
            raise ListError("There is no list of such a person.")
        return self.folder / f"{person}.json"

    def _people(self) -> list[str]:
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        return [name[:-5] for name in names
                if name.endswith(".json") and _PERSON.fullmatch(name[:-5])]

    def _change(
        self, person: str, runs: Iterable[str], change: Callable[[Listed | None], Listed | None]
    ) -> None:
        path, runs = self._path(person), list(runs)
        if not all(map(_RUN.fullmatch, runs)):
            raise ListError("A list holds runs by their sixteen hexadecimal digits.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locks.lock(self.folder / f"{person}.lock", LOCK_SECONDS):
                self._write(path, runs, change)
        except TimeoutError:
            raise ListError("Your list of runs is in use just now; try again.") from None
        except OSError as error:
            raise ListError(
                f"Your list of runs cannot be kept: {files.cause(error)}.") from None

    def _write(
        self, path: Path, runs: list[str], change: Callable[[Listed | None], Listed | None]
    ) -> None:
        before = _parsed(path)
        if before.problem == DAMAGED:
            os.replace(path, path.with_name(f".{path.name}.damaged"))  # nothing of it is lost
        elif before.problem:
            raise ListError(before.problem)
        listed = dict(before.runs)
        for run in runs:
            said = change(listed.get(run))
            if said is not None:
                listed[run] = said
        if listed != before.runs or before.problem:
            files.write(path, _as_json(_bounded(listed)))


def _now(said: Listed | None) -> Listed:
    return said if said is not None else Listed(added=time.time(), how="")


def _bounded(listed: dict[str, Listed]) -> dict[str, Listed]:
    """At most MOST_RUNS: starred and named ones stay longest, then those added last."""
    if len(listed) <= MOST_RUNS:
        return listed
    chosen = sorted(listed, key=lambda run: (listed[run].kept, listed[run].added))[-MOST_RUNS:]
    return {run: listed[run] for run in listed if run in set(chosen)}


def _checked(what: str, text: str, longest: int) -> str:
    """A text without control characters and blanks around it. Raises ListError."""
    text = "".join(letter for letter in text.replace("\r\n", "\n")
                   if letter == "\n" or unicodedata.category(letter)[0] != "C").strip()
    if len(text) > longest:
        raise ListError(f"The {what} of a run may have at most {longest} characters, not "
                        f"{len(text)}.")
    return text


def _as_json(listed: Mapping[str, Listed]) -> bytes:
    plain = {run: {name: value for name, value in asdict(said).items()
                   if value != getattr(NOTHING, name)} for run, said in listed.items()}
    return json.dumps({"version": 1, "runs": plain}, ensure_ascii=False).encode(errors="replace")


def _parsed(path: Path) -> RunList:
    """A list from its file; an entry that makes no sense is left out. Never raises."""
    try:
        content = json.loads(files.read(path, MOST_BYTES))["runs"]
        return RunList({run: _listed(said) for run, said in content.items()
                        if _RUN.fullmatch(run) and isinstance(said, dict)})
    except FileNotFoundError:
        return RunList()
    except OSError as error:
        return RunList(problem=f"Your list of runs cannot be read: {files.cause(error)}.")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return RunList(problem=DAMAGED)


def _listed(said: Mapping[str, Any]) -> Listed:
    added = said.get("added", 0.0)
    sound = isinstance(added, int | float) and math.isfinite(added)
    return Listed(
        str(said.get("name", ""))[:LONGEST_NAME], str(said.get("note", ""))[:LONGEST_NOTE],
        said.get("starred") is True, said.get("removed") is True,
        float(added) if sound else 0.0,
        said["how"] if said.get("how") in (TRAINED, SHARED, "") else TRAINED)
