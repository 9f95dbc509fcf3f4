"""Claims as cards: their numbers in words, on their pages, and all of them on Evidence."""

from __future__ import annotations

import dataclasses
import re
import urllib.parse

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config.run_config import RunConfig
from gan_core.evidence import measured_runs
from gan_core.evidence.claim_verdicts import NOT_REPRODUCED, OPEN, WORDS, Claim, less, shows
from gan_core.evidence.claims import CLAIMS
from gan_core.evidence.measured_runs import MeasuredRun
from pages.components import claims
from tests.support.app_pages import HOME, open_sections, opened, shown, words

pytestmark = pytest.mark.usefixtures("page_server")

SOME = Claim(
    "report", "Results", "baseline", "Dropout helps.",
    {"plain": RunConfig(steps=10), "dropout": RunConfig(dropout=0.4, steps=10)},
    (less("dropout", "plain", "frechet"), shows("plain", "instability")), over=(0, 1),
    shown_by="remedy-dropout")


def some_evidence(frechet: float = 90.0) -> dict[str, MeasuredRun]:
    return {
        measured_runs.run_key(config): MeasuredRun("CPU", f"2026-01-0{1 + config.seed}", {
            "frechet": frechet + 20 * config.seed, "instability": float(config.seed)})
        for configs in SOME.configs().values() for config in configs
    }


def test_the_table_of_a_claim_tells_mean_and_range() -> None:
    """A reader of the numbers cannot see how far seeds lie apart."""
    lines = claims.numbers_table(SOME, some_evidence()).splitlines()
    assert lines[0] == "| run | steps | Fréchet distance | Training instability found |"
    assert len(lines) == 4 and lines[2].endswith("| 10 | 100 (90 – 110) | 1 of 2 |")


def test_what_was_not_measured_has_no_numbers() -> None:
    """A figure stands in the table that nobody measured."""
    assert claims.numbers_table(SOME, {}).splitlines()[2].endswith("| 10 | – | – |")
    assert claims.conditions(SOME, {}) == "Mean (smallest – largest) over seeds 0, 1"


def test_a_claim_tells_where_and_when_it_was_measured() -> None:
    """Numbers of another machine, or of last year, pass for those of today."""
    text = claims.conditions(SOME, some_evidence())
    assert "CPU" in text and "2026-01-01 to 2026-01-02" in text


def test_a_recipe_is_named_only_if_there_is_one() -> None:
    """A command on the page is refused."""
    assert "`python -m gan_core run --preset remedy-dropout`" in claims.example(SOME)
    assert "No recipe" in claims.example(dataclasses.replace(SOME, shown_by="no-such-recipe"))


def test_every_verdict_has_its_sign() -> None:
    """A verdict is told by colour alone, or breaks the page."""
    assert set(claims.BADGES) == set(WORDS)
    assert len({icon for _, icon in claims.BADGES.values()}) == len(WORDS)


def evidence_page(**query: str) -> AppTest:
    """The Evidence page, opened by a link with `query`."""
    app = AppTest.from_file(HOME, default_timeout=60)
    for field, value in query.items():
        app.query_params[field] = value
    return app.switch_page("pages/evidence.py").run()


def test_every_claim_is_on_the_evidence_page_with_its_verdict() -> None:
    """A claim of the documents cannot be found, or its verdict or source is missing."""
    app = evidence_page()
    assert not app.exception
    text, known = words(app), measured_runs.read()
    verdicts = [measured_runs.verdict(claim, known) for claim in CLAIMS.values()]
    for name, claim in CLAIMS.items():
        assert claim.says in text and claim.where in text
        assert f"`python -m gan_core claims {name}`" in text
    for word, count in measured_runs.count_verdicts(verdicts).items():
        on_top = int(count > 0 or word != OPEN)
        assert text.count(f" {count} {word}]") == on_top
        assert text.count(f" {word}]") == count + on_top, "one badge a claim"


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ({"document": "The report"}, lambda claim, verdict: claim.source == "report"),
        ({"page": "Mode collapse"}, lambda claim, verdict: claim.page == "mode_collapse"),
        ({"verdict": NOT_REPRODUCED}, lambda claim, verdict: verdict.word == NOT_REPRODUCED),
        ({"document": "nonsense"}, lambda claim, verdict: True),
    ],
)
def test_a_link_to_some_of_the_claims_shows_these(query: dict[str, str], chosen) -> None:
    """A teacher sends a link to the claims of one page, and the class sees all of them."""
    app, known = evidence_page(**query), measured_runs.read()
    assert not app.exception
    text = words(app)
    shown = {name for name in CLAIMS if f"`python -m gan_core claims {name}`" in text}
    assert shown == {name for name, claim in CLAIMS.items()
                     if chosen(claim, measured_runs.verdict(claim, known))}


def test_filters_that_leave_nothing_say_so() -> None:
    """The page is empty, and seems broken."""
    app = evidence_page(document="The lecture notes", page="Discriminator overfitting")
    assert not app.exception and "take one filter away" in app.info[0].value


@pytest.mark.parametrize("page", ["mode_collapse"])
def test_a_challenge_page_shows_its_claims_and_no_others(page: str) -> None:
    """A page tells of a claim, but not whether it holds; or of another page's."""
    text = words(open_sections(opened(page), page, "claims"))
    for name, claim in CLAIMS.items():
        assert (f"`python -m gan_core claims {name}`" in text) == (claim.page == page)


def test_the_claims_of_a_page_are_one_element() -> None:
    """A page of nine claims is a hundred elements more, for every visitor anew."""
    app = open_sections(opened("mode_collapse"), "mode_collapse", "claims")
    shown_there = [each.value for each in app.markdown
                   if '<details class="claim">' in each.value]
    of_page = [claim for claim in CLAIMS.values() if claim.page == "mode_collapse"]
    assert [text.count('<details class="claim">') for text in shown_there] == [len(of_page)]


def test_a_run_of_a_claim_opens_on_its_page() -> None:
    """The link of a claim's run leads to another run."""
    text = words(evidence_page(page="Mode collapse"))
    path, query = re.search(r"\[G ×10, noise 0.1\]\((\w+)\?([^)]*)\)", text).groups()
    assert path == "mode_collapse"
    app = opened(path, **dict(urllib.parse.parse_qsl(query)))
    assert shown(app, path) == CLAIMS["input-noise"].runs["G ×10, noise 0.1"]
    assert not app.warning
