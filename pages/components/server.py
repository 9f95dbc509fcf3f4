"""What all visitors of this server share: settings, queue, recorded runs, counts; a tab's name."""

from __future__ import annotations

import gc
import uuid
from dataclasses import dataclass

import streamlit as st

from gan_core.assets import RECORDED_RUNS
from gan_core.config.run_config import RunConfig
from gan_core.runs.opened_runs import opened_runs
from gan_core.runs.snapshots import RunSnapshot, empty_snapshot
from gan_core.runs.status import StoreError
from gan_core.runs.store import RunStore
from gan_core.serving.health import StoreProbe
from gan_core.serving.live_channel import Answers
from gan_core.serving.meters import Meters
from gan_core.serving.past_verdicts import PastVerdicts
from gan_core.serving.queue import JobQueue
from gan_core.serving.study_jobs import StudyJobs
from gan_core.system.secret import shared_secret
from gan_core.system.settings import Settings
from gan_core.system.web_settings import WebSettings
from pages.components.visitor_names import VisitorNames


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    return Settings.from_environment()


@st.cache_resource(show_spinner=False)
def queue() -> JobQueue:
    """The one queue of this server; creating it starts the workers, without waiting for them."""
    # What has been imported by now stays for good: without it in the search for garbage, a search
    # is some ten times shorter.
    gc.collect()
    gc.freeze()
    return JobQueue(RunStore(settings().store, settings().store_megabytes), settings())


@st.cache_resource(show_spinner=False)
def recorded() -> RunStore:
    """The runs that ship with the project, read-only."""
    return RunStore(RECORDED_RUNS)


@st.cache_resource(show_spinner=False)
def opened() -> RunStore:
    """The runs that visitors have opened from files; each is named by its key."""
    return opened_runs(settings().store, settings().store_megabytes)


@st.cache_resource(show_spinner=False)
def meters() -> Meters:
    """What this server counts of itself."""
    return Meters()


@st.cache_resource(show_spinner=False)
def answers() -> Answers:
    """What the live channel said last."""
    return Answers()


@st.cache_resource(show_spinner=False)
def past_verdicts() -> PastVerdicts:
    """What was said of runs on their way."""
    return PastVerdicts()


@st.cache_resource(show_spinner=False)
def store_probe() -> StoreProbe:
    """Says whether the store takes files."""
    return StoreProbe(settings().store)


@st.cache_resource(show_spinner=False)
def visitor_names() -> VisitorNames:
    """By them tabs of one person are known as such. Raises SettingsError."""
    secret = WebSettings.from_environment().secret.encode()
    return VisitorNames(secret or shared_secret(settings().store))


@st.cache_resource(show_spinner=False)
def viewers() -> set[str]:
    """The names of the tabs that are open."""
    return set()


class _Visit:
    """A browser tab. It keeps the queue itself: `_leave` is called outside any script run."""

    def __init__(self) -> None:
        # The session keeps it: a tab whose lost connection comes back holds the same leases.
        self.name: str = st.session_state.setdefault("viewer", uuid.uuid4().hex)
        self.queue, self.viewers = queue(), viewers()
        self.viewers.add(self.name)
        person = visitor_names().person(st.context.cookies) or self.name
        self.ticket = visitor_names().ticket(self.name, person)
        self.queue.arrive(self.name, person)


@st.cache_resource(show_spinner=False)
def studies() -> StudyJobs:
    """The studies that are being filled, and those that pages show."""
    return StudyJobs(queue(), viewers())


def _leave(visit: _Visit) -> None:
    visit.queue.leave(visit.name)
    visit.viewers.discard(visit.name)


@st.cache_resource(scope="session", on_release=_leave, show_spinner=False)
def _visit() -> _Visit:
    return _Visit()


def viewer() -> str:
    """The name under which this tab holds its leases; gone when the tab closes."""
    return _visit().name


def ticket() -> str:
    """By which the live channel knows this tab, also while its connection is lost: Streamlit then
    ends the visit, and a page without a timer does not run again when it comes back."""
    return _visit().ticket


@dataclass(frozen=True)
class StoredRun:
    """A run as far as one visitor asks for it, and the store that holds its samples."""

    snapshot: RunSnapshot
    store: RunStore
    recorded: bool

    @property
    def opened(self) -> bool:
        """Whether it came out of a file, and nobody here has seen it train."""
        return self.snapshot.opened

    @property
    def own(self) -> bool:
        """Whether this server trains it, and can train it further."""
        return not self.recorded and not self.opened

    @property
    def kind(self) -> str:
        """The beginning of its address in the live channel."""
        return "opened" if self.opened else "recorded" if self.recorded else "runs"

    @property
    def live(self) -> bool:
        return self.snapshot.live

    @property
    def complete(self) -> bool:
        return self.snapshot.status.step >= self.snapshot.config.steps


def stored_run(config: RunConfig, *, recorded_first: bool = False) -> StoredRun | None:
    """The run of `config` as far as its `steps`, whoever has trained it further meanwhile.

    A run of this server comes before a recorded one; with `recorded_first` only if it is worth
    seeing: live, or complete. One whose files are damaged has failed, and can be trained again.
    """
    digest = config.digest()
    shipped = recorded().snapshot(digest)
    snapshot = _snapshot(config)
    if snapshot is not None:
        trained = StoredRun(snapshot.until(config.steps), queue().store, False)
        if shipped is None or not recorded_first or trained.live or trained.complete:
            return trained
    return None if shipped is None else StoredRun(shipped.until(config.steps), recorded(), True)


def opened_run(key: str, config: RunConfig | None = None) -> StoredRun | None:
    """The opened run of that key, as far as the `steps` of `config` or all of it; None where there
    is none, or it is of other settings."""
    try:
        snapshot = opened().snapshot(key)
    except StoreError:
        return None
    if snapshot is None or (config and config.digest() != snapshot.config.digest()):
        return None
    if config is not None:
        snapshot = snapshot.until(config.steps)
    return StoredRun(snapshot, opened(), False)


def _snapshot(config: RunConfig) -> RunSnapshot | None:
    """The run of this server; None if there is none."""
    try:
        return queue().snapshot(config.digest())
    except StoreError as error:
        return empty_snapshot(
            config, "failed", f"Of this run, {error.cause}; press Train to train it again.")
