"""The page of runs, put together: filter, table, what is done with chosen runs, comparison."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gan_core.serving.run_lists import SHARED, RunList
from pages.components import own_runs
from pages.components.markdown import plain
from pages.components.open_a_run import answer, just_opened, open_a_run
from pages.components.page_frame import LARGE_TYPE
from pages.components.runs_actions import actions, too_many
from pages.components.runs_choice import MOST_COMPARED, RunsChoice, arrive, in_url
from pages.components.runs_compare import TOO_WIDE, compare
from pages.components.runs_rows import HERE, OPENED, Row
from pages.components.runs_table import controls, follow, rows_of, table

STYLE = """
[class*="st-key-runs-main-"] a { display: inline-flex; align-items: center; gap: .4rem;
  box-sizing: border-box; min-height: 2.5rem; padding: 0 .8rem; border-radius: .5rem;
  white-space: nowrap; background: #2a65c2; text-decoration: none; font-weight: 600; }
[class*="st-key-runs-main-"] :is(a, a *) { color: #ffffff; }
[class*="st-key-runs-main-"] a:hover { background: #1f4f9c; }
[class*="st-key-runs-main-"] p, [class*="st-key-runs-main-"] [data-testid="stMarkdownContainer"] {
  margin: 0; }
.st-key-runs-buttons [data-testid="stPageLink"] a { min-height: 2.5rem; box-sizing: border-box;
  border: 1px solid light-dark(#d5d8dc, #3b3f47); border-radius: .5rem; padding: 0 .8rem; }
.run-settings-frame { container: settings / inline-size; }
.run-settings { overflow-x: auto; }
.run-settings table { border-collapse: collapse; font-size: .92rem; table-layout: fixed;
  width: min(100%, calc(9rem + var(--runs) * 14rem)); min-width: var(--narrowest); }
.run-settings :is(th, td) { padding: .25rem .4rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; border-bottom: 1px solid light-dark(#d5d8dc, #3b3f47); }
.run-settings thead td { width: clamp(6rem, 14%, 13rem); }
.run-settings thead th { font-weight: 600; }
.run-settings tbody th { font-weight: 400; color: light-dark(#5f6368, #a9adb3); }
.run-settings :is(thead td, tbody th) { position: sticky; left: 0;
  background: light-dark(#ffffff, #171614); }
.run-settings-wide { display: none; font-size: .9rem; color: light-dark(#5f6368, #a9adb3); }
.run-settings .told th { border-top: 2px solid light-dark(#d5d8dc, #3b3f47); }
.run-settings span { display: block; width: 2rem; height: .4rem; }
"""


def runs_page() -> None:
    """Everything below the page's title."""
    choice = arrive()
    with st.sidebar:
        _projector(choice)
    listed = _shared(choice)
    st.html(f"<style>{STYLE}{TOO_WIDE}</style>" + (LARGE_TYPE if choice.projected else ""))
    if listed.problem:
        st.warning(plain(listed.problem), icon=":material/folder_off:")
    rows = rows_of(listed)
    chosen = _chosen(choice, rows)
    if choice.problems:
        st.warning(" ".join(map(plain, choice.problems)), icon=":material/link_off:")
    if choice.refusal:
        st.warning(plain(choice.refusal), icon=":material/block:")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        too_long = controls(choice, rows)
        open_a_run()
    if too_long:
        st.warning(too_long, icon=":material/block:")
    answer()
    found = table(choice, rows, chosen, just_opened())
    if not own_runs.at_home():
        st.caption("Here are the runs that you trained or were sent on this server, and the "
                   "recorded ones. The server knows you by a cookie, which ends after a day.")
    actions(choice, listed, chosen, found)
    if said := too_many(chosen):
        st.warning(plain(said), icon=":material/block:")
    if len(chosen) > 1:
        compare(choice, chosen[:MOST_COMPARED])
    choice.url.write(in_url(choice))
    follow(rows)


def _projector(choice: RunsChoice) -> None:
    """A switch for larger letters and charts, which stands in the address."""
    key, first = choice.control("projector", choice.projected)
    choice.projected = st.toggle("Large type for a projector", first, key=key)


def _shared(choice: RunsChoice) -> RunList:
    """The visitor's list, with the runs that a link has just named."""
    for key in choice.chosen:
        kind, _, name = key.rpartition("-")
        index = {HERE: own_runs.index, OPENED: own_runs.opened_index}.get(kind)
        if index is not None and name in index().entries():
            own_runs.keep(key, SHARED)
    return own_runs.own_list()


def _chosen(choice: RunsChoice, rows: Sequence[Row]) -> list[Row]:
    """The chosen runs that are there, in the order in which they were chosen."""
    there = {row.key: row for row in rows}
    missing = [key for key in choice.chosen if key not in there]
    if missing:
        many = "One of the chosen runs is" if len(missing) == 1 else (
            f"{len(missing)} of the chosen runs are")
        choice.problems.append(f"{many} not on this server any more, or not in your list.")
        choice.chosen = [key for key in choice.chosen if key in there]
    return [there[key] for key in choice.chosen]
