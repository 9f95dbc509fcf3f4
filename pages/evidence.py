"""Evidence: every claim of the two source documents, with its verdict and what it rests on."""

import streamlit as st

from gan_core.config.presets import CHALLENGES
from gan_core.evidence import measured_runs
from gan_core.evidence.claim_verdicts import OPEN, SOURCES, WORDS
from pages.components.claims import BADGES, cards, draw
from pages.components.page_frame import heading, tool_frame

tool = tool_frame("evidence")

heading(
    tool,
    idea="""
A claim is taken apart into **parts** that can be counted: a number that is measured, and a
threshold that stands beside it. Every run is trained over several seeds. A claim is

- **reproduced** if every part holds for every seed,
- **not under this recipe** if no part holds for more than half of the seeds,
- **partly** reproduced otherwise.

The documents give few settings, so "not under this recipe" says that our runs do not show it, and
not that no run can. On MNIST a **mode** is a digit.

*Sources:* K. Toseef, *Analyzing GAN Training Challenges and Experimental Insights*, 2025; lecture
notes *Challenges/Problems in GANs*, Advanced AI, module 2, 2024–25.
""",
)

claim_cards = cards()
counts = measured_runs.count_verdicts(card.verdict for card in claim_cards.values())

with st.container(horizontal=True, vertical_alignment="center"):
    for word, count in counts.items():
        if count or word != OPEN:
            colour, icon = BADGES[word]
            st.badge(f"{count} {word}", icon=icon, color=colour)
    st.caption(f"{len(claim_cards)} claims")

pages = [name for name in CHALLENGES
         if any(card.claim.page == name for card in claim_cards.values())]
by_document, by_verdict = st.columns([2, 3])
with by_document:
    source = st.segmented_control(
        "Document", list(SOURCES), format_func=SOURCES.__getitem__, key="document",
        bind="query-params")
with by_verdict:
    verdict = st.segmented_control(
        "Verdict", [word for word in WORDS if counts[word]], key="verdict", bind="query-params")
page = st.segmented_control(
    "Page", pages, format_func=lambda name: CHALLENGES[name].title, key="page",
    bind="query-params")

shown = [
    card for card in claim_cards.values()
    if source in (None, card.claim.source) and page in (None, card.claim.page)
    and verdict in (None, card.verdict.word)
]
if not shown:
    st.info("No claim is of this document, page and verdict at once: take one filter away.")
for challenge in pages:
    mine = [card for card in shown if card.claim.page == challenge]
    if not mine:
        continue
    about = CHALLENGES[challenge]
    st.header(about.title, anchor=False)
    if about.page:
        st.page_link(about.page, label="Open the page", icon=":material/arrow_forward:")
    draw(mine)
