"""What can be done with the chosen runs: open, pin, name, note, remove, and bring them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import number_text
from gan_core.serving.run_lists import LONGEST_NAME, LONGEST_NOTE, ListError, RunList
from pages.components import controls, own_runs, server
from pages.components.markdown import plain
from pages.components.runs_choice import MOST_COMPARED, RunsChoice
from pages.components.runs_compare import ANCHOR
from pages.components.runs_csv import SAVED, as_csv
from pages.components.runs_rows import OPENED, Row, pages_of_presets
from pages.components.state import LINK_VERSION

KEPT = "runs/kept"  # in the session: the run whose name and note were just kept
OPENS_ON = "baseline"  # the page of a run that is no preset of any


def actions(
    choice: RunsChoice, listed: RunList, chosen: Sequence[Row], found: Sequence[Row]
) -> None:
    """Buttons for the chosen runs, or else for all that were found; and what was removed last."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small",
                      key="runs-buttons"):
        if chosen:
            _compare(chosen)
            _open(chosen)
            if len(chosen) == 1:
                _describe(chosen[0])
        else:
            st.caption("Tick a run to open, name or pin it; tick two to eight to compare them.",
                       width="content")
        _save(chosen, found)
        if chosen:
            if st.button("Untick all", icon=":material/deselect:", key="runs/none",
                         type="tertiary"):
                choice.chosen = []
                st.rerun()
            _remove(choice, chosen)
        _bring_back(choice, listed)
    for words in said_of_opening(chosen):
        st.caption(plain(words))


def _compare(chosen: Sequence[Row]) -> None:
    """A link to the comparison, which lies below the window's edge."""
    if len(chosen) > 1:
        with st.container(key="runs-main-compare", width="content"):
            st.markdown(f"[Compare {min(len(chosen), MOST_COMPARED)} ↓](#{ANCHOR})")


def _save(chosen: Sequence[Row], found: Sequence[Row]) -> None:
    """A button that says of which runs it saves the table."""
    rows = chosen or found
    st.download_button(
        f"Save {len(rows)} {'ticked' if chosen else 'listed'} (CSV)", partial(as_csv, rows),
        "runs.csv", "text/csv", icon=":material/download:", key="runs/csv", on_click="ignore",
        disabled=not rows, help=SAVED)


def _open(chosen: Sequence[Row]) -> None:
    """Links to the page of one run, or of two side by side; beneath them what that page shows in
    place of a run that was ticked."""
    first, page = chosen[0].entry.config, page_of(chosen[0])
    keys = ",".join(row.entry.folder for row in chosen if row.kind == OPENED)
    files = {"opened": keys} if keys else {}
    if len(chosen) == 1:
        with st.container(key="runs-main-open", width="content"):
            st.page_link(page, label="Open", icon=":material/open_in_full:",
                         query_params=opening(first) | files,
                         help="Opens the run on its page, with all sheets and charts.")
        if not files:
            _pin(page, first)
    elif len(chosen) == 2 and not _equal(chosen):
        st.page_link(page, label="Open side by side", icon=":material/compare:",
                     query_params=opening(first, chosen[1].entry.config) | files,
                     help="Opens the first one on its page, with the other as its reference.")


def said_of_opening(chosen: Sequence[Row]) -> list[str]:
    """What keeps one or two runs from being opened as they were ticked, a sentence each."""
    if not 1 <= len(chosen) <= 2:
        return []
    if _equal(chosen):
        return ["These two runs have the same settings, and a page shows settings only once: they "
                "are compared here, below."]
    first, last = chosen[0], chosen[-1]  # one run alone may be opened or pinned
    said = [_shown_instead(first, as_reference=False), _shown_instead(last, as_reference=True)]
    return list(dict.fromkeys(filter(None, said)))


def _equal(chosen: Sequence[Row]) -> bool:
    return len(chosen) == 2 and chosen[0].entry.digest == chosen[1].entry.digest


def _shown_instead(row: Row, as_reference: bool) -> str:
    """Which run a page shows by the settings of this one, where that is another; else ""."""
    if row.kind == OPENED:
        return ""  # its link names the file
    run = server.stored_run(row.entry.config, recorded_first=as_reference)
    if run is None or run.kind == (row.kind or "runs"):
        return ""
    step = f"step {number_text(run.snapshot.status.step)}"
    if run.own:
        return (f"This server has trained the settings of {row.title} itself, to {step}: its page "
                "shows that run in place of the recorded one.")
    return (f"{row.title} was cut off on this server: as a reference its page shows the recorded "
            f"run of the same settings, to {step}.")


def _pin(page: str, config: RunConfig) -> None:
    st.page_link(page, label="Pin", icon=":material/keep:",
                 query_params={"reference": controls.written(config)},
                 help="Opens that page with this run as the reference, on the right.")


def page_of(row: Row) -> str:
    """The file of the page on which a run is opened: of the preset that it is, else of what failed
    in it, else home."""
    judged = row.entry.verdict.page if row.entry.verdict is not None else ""
    name = pages_of_presets().get(row.entry.digest) or judged
    return CHALLENGES[name if name in CHALLENGES else OPENS_ON].page


def opening(shown: RunConfig, reference: RunConfig | None = None) -> dict[str, str]:
    """The parameters of an address that opens a run, with every value of it."""
    query = {"v": LINK_VERSION, **shown.to_query(full=True)}
    return query | ({"reference": controls.written(reference)} if reference else {})


# --- the visitor's own words ----------------------------------------------------------------------


def _describe(row: Row) -> None:
    with st.popover("Name and note", icon=":material/edit:", key="runs/describe"), \
            st.form(f"runs/words/{row.key}", border=False):
        # Without max_chars, which drops longer words that somebody pastes, and says nothing.
        name = st.text_input(f"Name, at most {LONGEST_NAME} characters", row.said.name,
                             placeholder=row.title)
        note = st.text_area(f"Note, at most {LONGEST_NOTE}", row.said.note, height=100)
        if st.form_submit_button("Keep", icon=":material/check:"):
            try:
                server.queue().lists.describe(own_runs.person(), row.key, name, note)
            except ListError as error:
                st.error(plain(str(error)), icon=":material/block:")
            else:
                st.session_state[KEPT] = row.key
                st.rerun()  # the table above says the new name
        elif st.session_state.pop(KEPT, None) == row.key:
            st.success("Kept.", icon=":material/check:")
        st.caption("Only you see them. A run with a name or a star stays longest when the store is "
                   "full.")


def _carry_out(choice: RunsChoice, change: Callable[[], None]) -> None:
    """Change the list; what prevents it becomes words."""
    try:
        change()
        choice.refusal = ""
    except ListError as error:
        choice.refusal = str(error)
    st.rerun()


def _remove(choice: RunsChoice, chosen: Sequence[Row]) -> None:
    if st.button("Remove" if len(chosen) == 1 else f"Remove {len(chosen)}",
                 icon=":material/delete:", key="runs/remove", type="tertiary",
                 help="Takes the run out of your list. Its files stay as long as there is room."):
        keys = [row.key for row in chosen]

        def remove() -> None:
            server.queue().lists.remove(own_runs.person(), keys)
            choice.removed = keys
            choice.chosen = [key for key in choice.chosen if key not in keys]

        _carry_out(choice, remove)


def _bring_back(choice: RunsChoice, listed: RunList) -> None:
    """*Undo*, for what was removed last, or all that ever was."""
    gone = [run for run, said in listed.runs.items() if said.removed]
    last = [run for run in choice.removed if run in gone]
    if not gone:
        return
    runs = last or gone
    label = "Undo" if last else f"Bring back {len(gone)} removed"
    if st.button(label, icon=":material/undo:", key="runs/undo",
                 help=f"Brings back {'the run' if len(runs) == 1 else f'the {len(runs)} runs'} "
                 "that you removed."):
        def undo() -> None:
            server.queue().lists.bring_back(own_runs.person(), runs)
            choice.removed = []

        _carry_out(choice, undo)


def too_many(chosen: Sequence[Row]) -> str:
    """One sentence if these are more than can be compared, else ""."""
    beyond = chosen[MOST_COMPARED:]
    if not beyond:
        return ""
    left = beyond[0].title if len(beyond) == 1 else f"the {len(beyond)} that were ticked last"
    return (f"{len(chosen)} runs are ticked, and at most {MOST_COMPARED} can be compared at once: "
            f"below are the first {MOST_COMPARED}, without {left}.")
