"""The claims of the two source documents beside what was measured: one card a claim."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from gan_core import evidence, recipes
from gan_core.challenges import CHALLENGES
from gan_core.claims import of_page
from gan_core.config import RunConfig
from gan_core.diagnosis import SYMPTOMS
from gan_core.evidence import Evidence
from gan_core.judging import NOT, OPEN, PARTLY, REPRODUCED, SOURCES, Claim, Counted, Verdict
from gan_core.measures import label, told
from pages.components.state import opening

BADGES = {  # of each verdict: colour and icon, so that nothing is told by colour alone
    REPRODUCED: ("green", ":material/check_circle:"),
    PARTLY: ("orange", ":material/contrast:"),
    NOT: ("red", ":material/cancel:"),
    OPEN: ("gray", ":material/hourglass_empty:"),
}


def claims(page: str) -> None:
    """The section of a challenge page: every claim that belongs to it, with its verdict."""
    st.subheader("The claim, and what we measured")
    measured = evidence.read()
    for name, claim in of_page(page).items():
        card(name, claim, evidence.verdict(claim, measured), measured)


def card(name: str, claim: Claim, verdict: Verdict, measured: Evidence) -> None:
    """Left what the document says, right the verdict, part by part; runs and numbers folded."""
    with st.container(border=True, key=f"claim-{name}"):
        says, found = st.columns([2, 3])
        with says:
            st.markdown(claim.says)
            st.caption(f"{SOURCES[claim.source]}: {claim.where}")
        with found:
            colour, icon = BADGES[verdict.word]
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(verdict.word, icon=icon, color=colour)
                st.caption(_over(claim))
            st.markdown("\n".join(_lines(verdict)))
            if claim.note and verdict.counted:
                st.caption(claim.note)
        with st.expander("Runs and numbers", icon=":material/table_chart:"):
            _runs(name, claim, measured)


def _over(claim: Claim) -> str:
    """What the runs are repeated over: "seeds 0, 1, 2"."""
    return f"{claim.varies}s {', '.join(map(str, claim.over))}"


def _lines(verdict: Verdict) -> list[str]:
    if verdict.missing:
        return [verdict.sentence]
    return [f"- {_mark(part)} {part.text}" for part in verdict.counted]


def _mark(part: Counted) -> str:
    if part.held == part.of:
        return ":green[✓]"
    return ":red[✗]" if part.held == 0 else ":orange[◐]"


def _runs(name: str, claim: Claim, measured: Evidence) -> None:
    st.markdown(numbers_table(claim, measured))
    st.caption(_conditions(claim, measured))
    if claim.shown_by in recipes.named():
        config = recipes.named()[claim.shown_by]
        st.markdown(f"The effect in one run: {_link(claim.page, f'`{claim.shown_by}`', config)}, "
                    f"or `python -m gan_core run --preset {claim.shown_by}`.")
    st.markdown(f"Measure it again: `python -m gan_core claims {name}`")


def numbers_table(claim: Claim, measured: Evidence) -> str:
    """A Markdown table: a row a run, a column a measure, smallest to largest over the seeds."""
    names, values = claim.measures(), evidence.values(claim, measured)
    head = ["run", "steps", *map(_heading, names)]
    rows = [[_link(claim.page, label, claim.configs()[label][0]), f"{config.steps}",
             *(_cell(values, label, name) for name in names)]
            for label, config in claim.runs.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _heading(name: str) -> str:
    return f"{label(name)} found" if name in SYMPTOMS else label(name)


def _cell(values: evidence.Values, run: str, name: str) -> str:
    known = [value for value in values.get(run, {}).get(name, ()) if value == value]
    if not known:
        return "–"
    between = told(name, known)
    if name in SYMPTOMS or len(known) == 1 or between == told(name, known[:1]):
        return between
    return f"{told(name, [sum(known) / len(known)])} ({between})"


def _link(page: str, text: str, config: RunConfig) -> str:
    """A link that opens the run on its page, where that page is there already."""
    file = CHALLENGES[page].page
    if not file:
        return text
    path = "./" if file == "streamlit_app.py" else Path(file).stem
    return f"[{text}]({path}?{opening(config)})"


def _conditions(claim: Claim, measured: Evidence) -> str:
    """Which seeds, on what, when."""
    runs = [measured[evidence.key(config)] for configs in claim.configs().values()
            for config in configs if evidence.key(config) in measured]
    words = [f"Mean (smallest – largest) over {_over(claim)}"]
    words += [f"*{label}*: {claim.varies} {claim.over[0]} alone" for label in claim.once]
    if runs:
        days = sorted({run.day for run in runs})
        words += [" and ".join(sorted({run.device for run in runs})),
                  days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"]
    return " · ".join(words)
