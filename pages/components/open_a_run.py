"""Open a run: a zip that *Take it home* has made, here or on another server, is shown again.

What is in it is checked by `gan_core.export.archive.opening`, strictly and without running
anything. A file can say what it likes, so that what came out of one is never taken for a run of
this server, and is marked wherever it is shown.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import BinaryIO

import streamlit as st

from gan_core.config.config_text import caption
from gan_core.config.presets import CHALLENGES, Page
from gan_core.diagnosis.number_words import whole
from gan_core.export.archive.opening import OpenedRun, open_archive, side_by_side
from gan_core.export.archive.sound_zip import ArchiveError
from gan_core.runs.opened_runs import MOST_RUNS
from gan_core.runs.status import StoreError
from gan_core.serving.run_lists import TRAINED
from gan_core.serving.run_words import spoken_verdict
from pages.components import own_runs, server
from pages.components.markdown import plain
from pages.components.runs_actions import OPENS_ON, opening
from pages.components.runs_rows import pages_of_presets
from pages.components.state import OPENED

KEY = "open-a-run"
MOST_MEGABYTES = 64  # of a file; also server.maxUploadSize, which a server may set lower
PATIENCE = 20.0  # seconds for the files before one's own
BUSY = "Other files are being opened just now; try again in a few seconds."
NOT_KEPT = "The file cannot be kept on this server: {cause}."
WITHOUT_WEIGHTS = (
    "Its weights are left out: nothing in a file is run or unpickled. **Continue** trains the run "
    "from its start, and on the same kind of processor it comes to the same numbers."
)
HELP = (
    "The zip of a run, or of a run and its reference, as **Take it home** makes it. It is shown as "
    "it was, with sheets, charts and verdict, and marked as opened from a file."
)
LIMIT = (
    f"At most {MOST_MEGABYTES} MB. Weights are not read: a zip that is larger can be opened once "
    "checkpoint.pt is taken out of it."
)
STAYS = (
    "Opened runs stay while there is room: all visitors' together take at most {megabytes} MB of "
    "this server, and are at most {runs}. Those used longest ago go first, and last those with a "
    "star or a name. Keep the file."
)
_ONE_AT_A_TIME = threading.Lock()  # each takes a core for a second


@dataclass(frozen=True)
class Told:
    """What became of the last file: the runs in it, or one sentence why it was not opened."""

    name: str
    runs: tuple[OpenedRun, ...] = ()
    refusal: str = ""


def open_a_run() -> None:
    """A button behind which a zip of a run is sent. It stands before the table, which shows what
    was in the file at once; what became of the file is said by `answer`."""
    number: int = st.session_state.setdefault(f"{KEY}/number", 0)
    # Another one takes its place after each file: it is closed, and the server lets go of the file.
    with st.popover("Open a run from a file", icon=":material/folder_open:",
                    key=f"{KEY}/popover/{number}"):
        sent = st.file_uploader(
            "The zip of a run", type="zip", key=f"{KEY}/file/{number}",
            max_upload_size=MOST_MEGABYTES, help=HELP)
        st.caption(LIMIT)
        st.caption(STAYS.format(megabytes=whole(server.opened().megabytes), runs=whole(MOST_RUNS)))
        if sent is None:
            return
        with st.spinner("Checking the file …"):
            last = st.session_state[f"{KEY}/told"] = told(sent.name, sent)
    for run in last.runs:
        own_runs.keep(f"{OPENED}-{run.key}", TRAINED)
    own_runs.opened_index().look_anew()
    st.session_state[f"{KEY}/number"] = number + 1
    st.rerun()


def answer() -> None:
    """What became of the last file, until somebody puts it away."""
    last: Told | None = st.session_state.get(f"{KEY}/told")
    if last is None:
        return
    with st.container(key=KEY):
        _show(last)


def just_opened() -> list[str]:
    """Keys of the runs of the last file, as the table of runs has them, until it is put away."""
    last: Told | None = st.session_state.get(f"{KEY}/told")
    return [f"{OPENED}-{run.key}" for run in last.runs] if last is not None else []


def told(name: str, file: BinaryIO) -> Told:
    """Open a file that a visitor has sent."""
    if not _ONE_AT_A_TIME.acquire(timeout=PATIENCE):
        return Told(name, refusal=BUSY)
    try:
        return Told(name, tuple(open_archive(file, server.opened(), server.queue().lists.kept)))
    except ArchiveError as error:
        return Told(name, refusal=str(error))
    except StoreError as error:
        return Told(name, refusal=NOT_KEPT.format(cause=error.cause))
    except OSError as error:
        return Told(name, refusal=NOT_KEPT.format(cause=error.strerror or "it cannot be written"))
    finally:
        _ONE_AT_A_TIME.release()


def page_of(run: OpenedRun) -> Page:
    """The page of a run: of the preset that it is, else of what failed in it, else home."""
    name = pages_of_presets().get(run.config.digest())
    if name is None:
        stored = server.opened_run(run.key)
        named = spoken_verdict(stored.snapshot).pages if stored is not None else ()
        name = next(iter(named), OPENS_ON)
    return CHALLENGES[name]


def address_query(runs: tuple[OpenedRun, ...]) -> dict[str, str]:
    """The parameters of an address that shows the run, and its reference beside it."""
    shown = side_by_side(runs)
    query = opening(shown[0].config, shown[1].config if len(shown) > 1 else None)
    return {**query, OPENED: ",".join(run.key for run in shown)}


def _show(last: Told) -> None:
    if last.refusal:
        st.error(f"{plain(last.name)} was not opened. {plain(last.refusal)}",
                 icon=":material/block:")
        _put_away()
        return
    stored = [server.opened_run(run.key) for run in last.runs]
    if None in stored:  # the files that were opened since took its room
        return
    page, count = page_of(last.runs[0]), len(last.runs)
    beside = " beside its reference" if count > 1 else ""
    if len(side_by_side(last.runs)) < count:
        beside = " and another run of the same settings"
    where = "They are first in the table" if count > 1 else "It is first in the table"
    st.success(f"{plain(last.name)} was opened: {plain(caption(last.runs[0].config))}{beside}. "
               f"{where}, marked as from a file.", icon=":material/folder_open:")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(page.page, label=f"Show it: {page.title}", icon=":material/open_in_full:",
                     query_params=address_query(last.runs))
        _put_away()
    if any(run.weights_left_out for run in last.runs):
        st.caption(WITHOUT_WEIGHTS)


def _put_away() -> None:
    if st.button("Put this away", icon=":material/close:", key=f"{KEY}/away", type="tertiary"):
        del st.session_state[f"{KEY}/told"]
        st.rerun()
