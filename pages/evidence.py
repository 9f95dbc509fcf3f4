"""Evidence: every claim of the two source documents, with its verdict and what it rests on."""

import streamlit as st

from gan_core import evidence
from gan_core.challenges import CHALLENGES
from gan_core.claims import CLAIMS
from gan_core.judging import OPEN, SOURCES, WORDS
from pages.components.claims import BADGES, card
from pages.components.frame import frame, heading

tool = frame("evidence")

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

measured = evidence.read()
verdicts = {name: evidence.verdict(claim, measured) for name, claim in CLAIMS.items()}
counts = evidence.summary(verdicts.values())

with st.container(horizontal=True):
    for word, count in counts.items():
        if count or word != OPEN:
            colour, icon = BADGES[word]
            st.badge(f"{count} {word}", icon=icon, color=colour)
    st.caption(f"{len(CLAIMS)} claims")

pages = [name for name in CHALLENGES if any(claim.page == name for claim in CLAIMS.values())]
with st.container(horizontal=True):
    source = st.segmented_control(
        "Document", list(SOURCES), format_func=SOURCES.__getitem__, key="document",
        bind="query-params")
    word = st.segmented_control(
        "Verdict", [word for word in WORDS if counts[word]], key="verdict", bind="query-params")
    page = st.segmented_control(
        "Page", pages, format_func=lambda name: CHALLENGES[name].title, key="page",
        bind="query-params")

shown = [
    name for name, claim in CLAIMS.items()
    if source in (None, claim.source) and page in (None, claim.page)
    and word in (None, verdicts[name].word)
]
if not shown:
    st.info("No claim is of this document, page and verdict at once: take one filter away.")
for challenge in pages:
    names = [name for name in shown if CLAIMS[name].page == challenge]
    if not names:
        continue
    about = CHALLENGES[challenge]
    st.subheader(about.title, anchor=False)
    if about.page:
        st.page_link(about.page, label="Open the page", icon=":material/arrow_forward:")
    for name in names:
        card(name, CLAIMS[name], verdicts[name], measured)
