"""What every page begins with: page settings, style, the menu, and the device at work."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from gan_core.config.presets import CHALLENGES, Challenge, Page
from gan_core.system.settings import SettingsError
from pages.components import server
from pages.components.markdown import plain
from pages.components.prediction import prediction
from pages.components.state import PROJECTOR, State

# Pages without an experiment, in the menu below the challenges.
TOOLS: dict[str, Page] = {
    "runs": Page(
        title="Runs",
        icon=":material/table_rows:",
        summary="Find a run again, name it, and compare up to eight on one axis.",
        page="pages/runs.py",
        question=(
            "Runs that were trained, sent or recorded: **which settings differ**, what became of "
            "them, and how long they took. Tick two to eight to see them on one axis."
        ),
    ),
    "parameter_map": Page(
        title="Parameter map",
        icon=":material/grid_on:",
        summary="Where training works: two settings varied at once.",
        page="pages/parameter_map.py",
        question=(
            "Change one slider, train, change it back: so one learns slowly where training works. "
            "Here **two settings are varied at once**, and every cell is a GAN of its own. How "
            "wide is the region in which it works, and how sharp is its edge?"
        ),
    ),
    "cross_validation": Page(
        title="Cross-validation",
        icon=":material/view_week:",
        summary="Which settings are better, and can these folds tell?",
        page="pages/cross_validation.py",
        question=(
            "One run is better than another one: because of its settings, or by chance? "
            "**Cross-validation** trains each candidate several times, each time on other images, "
            "and measures it on those that it has not seen."
        ),
    ),
    "evidence": Page(
        title="Evidence",
        icon=":material/fact_check:",
        summary="Every claim of the two source documents, put to the test.",
        page="pages/evidence.py",
        question=(
            "This app rests on two texts: a **report** of experiments with a GAN on MNIST, and "
            "**lecture notes** on the challenges of training one. Which of their statements hold "
            "when the runs are repeated over several seeds?"
        ),
    ),
}

ICON = Path(__file__).parent / "icon.png"

# Heights are fixed, so that nothing moves while a run is live; the sample sheets grow with the
# window, so that a projector shows them large and a laptop shows everything at once.
STYLE = """
<style>
:root { --sheet: clamp(272px, 30vh + 6px, 470px); }
[data-testid="stMainBlockContainer"] { padding: 1rem 2rem 3rem; max-width: 1720px; }
[data-testid="stHeader"] { background: transparent; height: 2.2rem; }
/* The header lies over the title's row, whose buttons must be pressed through it. */
[data-testid="stHeader"], [data-testid="stHeader"] * { pointer-events: none; }
[data-testid="stHeader"] :is(button, a) { pointer-events: auto; }
/* The running icon flashes at every refresh of a live run; "connecting" stays. */
[data-testid="stStatusWidget"]:has([data-testid^="stStatusWidgetR"]) { display: none; }
[data-testid="stStatusWidget"]:has([data-testid="stStatusWidgetNewYearsIcon"]) { display: none; }
.st-key-problems { max-height: 9rem; flex: none; overflow: auto; }
[data-testid="stSidebarHeader"] { height: 1.6rem; padding: 0; margin: 0; }
[data-testid="stSidebarUserContent"] { padding-bottom: 1rem; }
[data-testid="stSidebarUserContent"] hr { margin: .4rem 0; }
[data-testid="stSidebar"] [data-testid="stVerticalBlock"] { gap: .5rem; }
[data-testid="stSidebar"] [data-testid="stPageLink"] a { padding: .1rem .5rem; }
/* Fading at every refresh repaints the page sixty times a second, on cores that train. */
[data-testid="stMain"] * { transition: none !important; animation: none !important; }
[data-testid="stMain"] h1 { font-size: 1.7rem; padding: 0; }
[data-testid="stMain"] h2 { font-size: 1.4rem; padding: .8rem 0 .6rem; }
[data-testid="stMain"] [data-testid="stVerticalBlock"] { gap: .5rem; }
/* What is drawn anew stays as it is until then: a sheet that turns pale looks like a failure. */
[data-testid="stMain"] [data-stale="true"] { opacity: 1 !important; }
[data-testid="stMain"] .st-key-buttons { gap: .5rem; }
.st-key-buttons button { padding: .25rem .5rem; white-space: nowrap; }
.st-key-train button { min-width: 10.4rem; }
.st-key-differing { min-height: 2.6rem; }
/* Streamlit's grey is 3.9 : 1. */
.stApp [data-testid="stCaptionContainer"] { color: light-dark(#5f6368, #a9adb3); opacity: 1; }
/* White on the dark theme's blue is 3.4 : 1; small letters need 4.5. */
[data-testid="stMain"] button[kind="primary"]:enabled { color: light-dark(#ffffff, #0e1117); }
/* So it is in the chosen entries of a list. */
.stApp [data-testid="stMultiSelect"] span[title] { color: light-dark(#ffffff, #0e1117); }
.st-key-explained { height: 2.3rem; flex: none; }
@media (max-width: 1000px) { .st-key-explained:not(:has(a)) { display: none; } }
/* Beside an open sidebar a tablet has no room for a second column of buttons. */
@media (max-width: 1000px) {
  [data-testid="stHorizontalBlock"]:has(> * .st-key-explained, > * h1) { flex-wrap: wrap; }
  [data-testid="stHorizontalBlock"]:has(> * .st-key-explained) > [data-testid="stColumn"],
  [data-testid="stColumn"]:has(> * h1) { min-width: calc(100% - 3rem) !important; }
  [data-testid="stHorizontalBlock"]:has(> * h1) > [data-testid="stColumn"] { min-width: 9.5rem; }
  [data-testid="stHorizontalBlock"]:has(> * h1) > [data-testid="stColumn"]:last-child {
    display: none; }
  [data-testid="stMain"] h1 { padding-left: 1.8rem; }
}
.st-key-remedies button { padding: .25rem .4rem; }
.st-key-trials [data-testid="stMarkdownContainer"] { margin-bottom: 0; overflow-x: auto; }
.st-key-trials table { width: 100%; margin: 0; font-size: .85rem; white-space: nowrap; }
.st-key-trials :is(th, td) { padding: .15rem .5rem; }
[data-testid="stMain"] [data-testid="stSlider"] label { min-height: 1.2rem; }
.claim { margin-bottom: .4rem; border: 1px solid light-dark(#d6d9de, #3b3f46);
  border-radius: .5rem; }
.claim summary { padding: .45rem .8rem; cursor: pointer; }
.claim summary p { display: inline; }
.claim summary:hover { text-decoration: underline; }
.claim > div { padding: 0 1rem .3rem; min-width: 0; overflow-x: auto; }
.claim :is(p, ul) { margin-bottom: .4rem; }
.claim small { font-size: .875rem; color: light-dark(#5f6368, #a9adb3); }
[class*="st-key-neighbours-"] { height: 16rem; flex: none; overflow: hidden; }
img.folds { width: 100%; max-width: 900px; image-rendering: pixelated; border-radius: 4px; }
.hand { display: grid; grid-template-columns: repeat(2, minmax(0, 300px)); gap: 1rem; }
.hand figure { margin: 0; }
.hand img { width: 100%; border-radius: 4px; }
.triples { display: grid; grid-template-columns: repeat(4, 1fr); gap: .5rem 1.2rem; }
.triple { display: grid; grid-template-columns: repeat(3, 1fr); gap: .25rem; max-width: 16rem; }
.triple figure { margin: 0; text-align: center; }
.triple img { height: 4.4rem; max-width: 100%; image-rendering: pixelated; border-radius: 3px; }
.triple figcaption { font-size: .75rem; white-space: nowrap; }
</style>
"""

LARGE_TYPE = """
<style>
html { font-size: 20px; }
</style>
"""

# One screen, to be read from the last row: what the viewer makes large is in its own styles.
PROJECTED = """
<style>
html { font-size: 20px; }
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"] { display: none; }
[data-testid="stMainBlockContainer"] { max-width: none; padding: .6rem 1.6rem; }
[data-testid="stMain"] h1 { font-size: 2rem; }
.st-key-question, .st-key-question + div { font-size: 1.2rem; }
[data-testid="stColumn"]:has(.st-key-explained) { display: none; }
</style>
"""


def challenge_frame(name: str) -> Challenge:
    """Draw the frame of a challenge's page; each of these pages calls this first."""
    _frame(CHALLENGES[name])
    if _is_projected(name):
        st.html(PROJECTED)
    return CHALLENGES[name]


def _is_projected(name: str) -> bool:
    """Whether the page is laid out for a projector: by its address, or as it was left."""
    if st.query_params:
        return st.query_params.get(PROJECTOR) == "1"
    before: State | None = st.session_state.get(f"{name}/state")
    return before is not None and before.projected


def tool_frame(name: str) -> Page:
    """Draw the frame of the page of one of TOOLS; each of these pages calls this first."""
    _frame(TOOLS[name])
    if st.session_state.get("large_type"):
        st.html(LARGE_TYPE)
    return TOOLS[name]


def _frame(page: Page) -> None:
    st.set_page_config(
        page_title=f"{page.title} · GAN challenges lab",
        page_icon=str(ICON),  # a Material or emoji icon would be fetched from the internet
        layout="wide",
        initial_sidebar_state="auto",  # on a phone it would cover the page
    )
    st.html(STYLE)
    with st.sidebar:
        _menu()
    try:
        server.settings()
    except SettingsError as error:
        st.error(plain(str(error)))
        st.stop()


def _menu() -> None:
    with st.container(gap=None):
        for challenge in CHALLENGES.values():
            st.page_link(challenge.page, label=challenge.title, icon=challenge.icon)
        st.caption("Tools")
        for tool in TOOLS.values():
            st.page_link(tool.page, label=tool.title, icon=tool.icon)


def device_badge() -> None:
    """Which machine trains, in the sidebar."""
    pool = server.queue().pool()
    starting = pool.ready < pool.workers
    st.fragment(_device, run_every=2.0 if starting else None)(starting)


def large_type() -> None:
    """A switch for larger letters, on pages that have no layout for a projector."""
    st.toggle("Large type for a projector", key="large_type", persist_state="session")


def _device(starting: bool) -> None:
    pool = server.queue().pool()  # read once: workers may become ready between two looks
    if starting and pool.ready == pool.workers:
        st.rerun()  # ends the timer
    if pool.failure and not pool.ready:
        st.error(f"{plain(pool.failure)} The server's terminal names the log.",
                 icon=":material/memory:")
        return
    where = plain(pool.device) or "starting the workers …"
    st.caption(f":material/memory: {where} · {pool.ready} of {pool.workers} workers ready")


def heading(page: Page, idea: str) -> None:
    """The page's title and question in two lines; the idea, and a prediction, one click away."""
    title, guess, popover, _ = st.columns([4.6, 1.1, 1, 0.25], vertical_alignment="center")
    title.title(page.title, anchor=False)
    if isinstance(page, Challenge):
        with guess:
            prediction(page)
    with popover.popover("The idea", icon=":material/lightbulb:", width="stretch"):
        st.markdown(idea)
    with st.container(key="question"):
        st.markdown(page.question)
