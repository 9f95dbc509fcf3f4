"""The claims of the two source documents beside what was measured: one card a claim.

A card is the same for everyone, so it is put together once, as Markdown within a little HTML, and
the cards of a page are one element. Runs and numbers are folded by the browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import streamlit as st

from gan_core.config import recipes
from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS
from gan_core.evidence import measured_runs
from gan_core.evidence.claim_verdicts import (
    NOT_REPRODUCED,
    OPEN,
    PARTLY,
    REPRODUCED,
    SOURCES,
    Claim,
    CountedPart,
    Verdict,
)
from gan_core.evidence.claims import CLAIMS
from gan_core.evidence.measured_runs import EVIDENCE, Evidence
from gan_core.evidence.run_summaries import label, range_text
from pages.components.folded import folded
from pages.components.state import opening

BadgeColour = Literal["green", "orange", "red", "gray"]
# Of each verdict: colour and icon, so that nothing is said by colour alone.
BADGES: dict[str, tuple[BadgeColour, str]] = {
    REPRODUCED: ("green", ":material/check_circle:"),
    PARTLY: ("orange", ":material/contrast:"),
    NOT_REPRODUCED: ("red", ":material/cancel:"),
    OPEN: ("gray", ":material/hourglass_empty:"),
}


@dataclass(frozen=True)
class Card:
    """A claim as it is shown."""

    claim: Claim
    verdict: Verdict
    markdown: str  # the whole card, with HTML


def cards() -> dict[str, Card]:
    """All claims by name, with the verdict that the stored evidence gives now."""
    return _cards(EVIDENCE.stat().st_mtime if EVIDENCE.exists() else 0.0)


@st.cache_resource(show_spinner=False, max_entries=1)
def _cards(changed: float) -> dict[str, Card]:
    # Some two hundred configs are made and named for this: half a second, once a file.
    measured = measured_runs.read()
    return {name: _card(name, claim, measured) for name, claim in CLAIMS.items()}


def claims(page: str) -> None:
    """The section of a challenge page: every claim that belongs to it, with its verdict."""
    of_page = [card for card in cards().values() if card.claim.page == page]
    section = folded(page, "claims", counted(of_page), ":material/fact_check:")
    if section.open:
        with section:
            draw(of_page)


def counted(shown: Sequence[Card]) -> str:
    """How many claims there are, and what became of them, in one line."""
    by_word = {word: sum(card.verdict.word == word for card in shown) for word in BADGES}
    words = ", ".join(f"{count} {word}" for word, count in by_word.items() if count)
    claim = "claim" if len(shown) == 1 else "claims"
    return f"{len(shown)} {claim} of the two documents, measured here: {words}"


def draw(shown: Iterable[Card]) -> None:
    """These cards below each other."""
    st.markdown("\n\n".join(card.markdown for card in shown), unsafe_allow_html=True)


def _card(name: str, claim: Claim, measured: Evidence) -> Card:
    """In one line what the document says and the verdict; opened, the verdict part by part, its
    runs and its numbers."""
    verdict = measured_runs.verdict(claim, measured)
    colour, icon = BADGES[verdict.word]
    # Markdown is read as such only between empty lines.
    return Card(claim, verdict, "\n\n".join([
        '<details class="claim"><summary>',
        f":{colour}-badge[{icon} {verdict.word}] {claim.says}",
        "</summary><div>",
        *_verdict(claim, verdict),
        f"<small>{SOURCES[claim.source]}: {claim.where}</small>",
        "</div><div>",
        numbers_table(claim, measured),
        f"<small>{conditions(claim, measured)}</small>",
        example(claim),
        f"Measure it again: `python -m gan_core claims {name}`",
        "</div></details>",
    ]))


def _verdict(claim: Claim, verdict: Verdict) -> Iterator[str]:
    """The verdict in paragraphs."""
    yield f"<small>Measured over {_over(claim)}:</small>"
    if verdict.missing:
        yield verdict.sentence
        return
    yield "\n".join(f"- {_mark(part)} {part.text}" for part in verdict.parts)
    if claim.note:
        yield f"<small>{claim.note}</small>"


def _mark(part: CountedPart) -> str:
    if part.holds == part.seeds:
        return ":green[✓]"
    return ":red[✗]" if part.holds == 0 else ":orange[◐]"


# --- a claim in words -----------------------------------------------------------------------------


def numbers_table(claim: Claim, measured: Evidence) -> str:
    """A Markdown table: a row a run, a column a measure, smallest to largest over the seeds."""
    names, configs = claim.summary_names(), claim.configs()
    values = measured_runs.values(claim, measured)
    head = ["run", "steps", *map(_heading, names)]
    rows = [[_link(claim.page, run, configs[run][0]), f"{config.steps}",
             *(_cell(values, run, name) for name in names)]
            for run, config in claim.runs.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def conditions(claim: Claim, measured: Evidence) -> str:
    """Over which seeds, on what, when."""
    runs = [measured[name] for configs in claim.configs().values()
            for name in map(measured_runs.run_key, configs) if name in measured]
    words = [f"Mean (smallest – largest) over {_over(claim)}"]
    words += [f"*{run}*: {claim.varies} {claim.over[0]} alone" for run in claim.once]
    if runs:
        days = sorted({run.day for run in runs})
        words += [" and ".join(sorted({run.device for run in runs})),
                  days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"]
    return " · ".join(words)


def example(claim: Claim) -> str:
    """The recipe that shows the effect, with a link and as a command, or that there is none."""
    if claim.shown_by not in recipes.named():
        return "No recipe of this project shows it beyond the runs above."
    link = _link(claim.page, f"`{claim.shown_by}`", recipes.named()[claim.shown_by])
    return f"See it in one run: {link}, or `python -m gan_core run --preset {claim.shown_by}`."


def _over(claim: Claim) -> str:
    """What the runs are repeated over: "seeds 0, 1, 2"."""
    return f"{claim.varies}s {', '.join(map(str, claim.over))}"


def _heading(name: str) -> str:
    return f"{label(name)} found" if name in SYMPTOMS else label(name)


def _cell(values: measured_runs.Values, run: str, name: str) -> str:
    known = [value for value in values.get(run, {}).get(name, ()) if value == value]  # not NaN
    if not known:
        return "–"
    between = range_text(name, known)
    if name in SYMPTOMS or between == range_text(name, known[:1]):
        return between
    return f"{range_text(name, [sum(known) / len(known)])} ({between})"


def _link(page: str, text: str, config: RunConfig) -> str:
    """A link that opens the run on its page, where that page is there already."""
    file = CHALLENGES[page].page
    if not file:
        return text
    path = "./" if file == "streamlit_app.py" else Path(file).stem
    return f"[{text}]({path}?{opening(config)})"
