"""Sections that are folded: a page is short and opens quickly, and everything is a click away."""

from __future__ import annotations

import pytest

from gan_core.evidence.claims import CLAIMS
from pages.components import results
from tests.support.app_pages import PAGES, elements, open_sections, opened, viewer, words

pytestmark = pytest.mark.usefixtures("page_server")
EVERYWHERE = ["measurements", "claims"]
OWN = {
    "training_instability": ["dirac", "hand"], "vanishing_gradients": ["frozen"],
    "discriminator_overfitting": ["neighbours"],
    "computational_cost": ["here", "remedies", "growth", "published"]}
SECTIONS = {
    name: [*OWN.get(name, []), *EVERYWHERE, *([] if name == "baseline" else ["spread"])]
    for name in PAGES}
EACH = [(name, section) for name, sections in SECTIONS.items() for section in sections]
# Charts that Altair draws there: the Dirac-GAN; two frozen G's gradients; prices and their growth;
# seeds, and small changes of a setting. Those of runs are the viewer's.
OWN_CHARTS = {"dirac": 4, "frozen": 2, "remedies": 1, "growth": 3, "spread": 2}
# Of how many elements each page was made on opening when everything was drawn at once; of them
# eight to fourteen were charts.
BEFORE = {"baseline": 71, "training_instability": 81, "mode_collapse": 65,
          "vanishing_gradients": 75, "discriminator_overfitting": 68, "computational_cost": 91}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_with_fewer_elements_than_before(name: str) -> None:
    """A class opens a page, and the server draws fourteen charts for each of them that nobody has
    scrolled to."""
    app = opened(name)
    assert not app.exception
    assert not app.get("vega_lite_chart") and not app.get("dataframe")
    assert not viewer(app, "measurements")
    assert '<div class="claim">' not in words(app)
    assert elements(app) < BEFORE[name]
    assert len(viewer(app, "runs")["charts"]) == 2


@pytest.mark.parametrize(("name", "section"), EACH)
def test_a_section_draws_nothing_until_it_is_opened(name: str, section: str) -> None:
    """A section is drawn for nobody; or a click on it opens an empty box."""
    app = opened(name)
    before = elements(app)
    open_sections(app, name, section)
    assert not app.exception
    assert elements(app) > before
    app.session_state[f"{name}/folded/{section}"] = False
    app.run()
    assert not app.exception and elements(app) == before


@pytest.mark.parametrize("name", PAGES)
def test_everything_open_at_once_shows_every_chart_once(name: str) -> None:
    """A chart is drawn twice, by the viewer and below, or is in neither place."""
    app = open_sections(opened(name), name, *SECTIONS[name])
    assert not app.exception
    mine = app.session_state[f"{name}/state"]
    told = viewer(app, "runs")
    above = [chart["title"] for chart in told["charts"]]
    if told["evidence"]["chart"] is not None:
        above.append(told["evidence"]["chart"]["title"])
    measured = viewer(app, "measurements")
    below = [chart["title"] for chart in measured["charts"]]
    assert all(chart["words"] for chart in measured["charts"]) and measured["rotation"]["words"]
    wanted = {chart.title for chart in results._drawn(mine.shown).values()}
    assert sorted({*above, *below}) == sorted([*above, *below]), "drawn twice"
    assert wanted <= {*above, *below}
    own = sum(OWN_CHARTS.get(section, 0) for section in SECTIONS[name])
    assert len(app.get("vega_lite_chart")) == own


@pytest.mark.parametrize("name", PAGES)
def test_the_line_of_the_claims_counts_them(name: str) -> None:
    """One line stands for nine claims and does not say that there are any."""
    of_page = [claim for claim in CLAIMS.values() if claim.page == name]
    labels = [block.label for block in opened(name).expander]
    line = next(label for label in labels if "of the two documents" in label)
    assert line.startswith(f"{len(of_page)} claim")
    counts = [int(part.split()[0]) for part in line.partition(": ")[2].split(", ")]
    assert sum(counts) == len(of_page)


def test_a_link_to_a_portrait_opens_it() -> None:
    """The link shows a page on which the portrait is folded away."""
    app = opened("training_instability", dirac="game:r1")
    assert len(app.get("vega_lite_chart")) == 4
