"""Which charts a page shows, and where."""

from __future__ import annotations

import dataclasses

import pytest

from gan_core.config.presets import CHALLENGES, RECORDED
from pages.components import results
from pages.components.server import StoredRun
from pages.components.state import State
from tests.support.snapshots import snapshot

pytestmark = pytest.mark.usefixtures("page_server")


def state_of(name: str) -> State:
    challenge = CHALLENGES[name]
    return State(name, challenge, RECORDED[challenge.recorded[0]])


@pytest.mark.parametrize("name", CHALLENGES)
def test_every_chart_is_shown_once(name: str) -> None:
    """A chart stands twice on a page, or nowhere."""
    state = state_of(name)
    below, others = results.key_charts(state), results.other_charts(state, (None,))
    assert len(below) == 2 and not below.keys() & others.keys()
    beside = results.evidence_name(state)
    assert beside not in below and beside not in others
    assert set(results._drawn(state.shown)) == {*below, *others} | (
        {beside} if results.evidence_chart(state) is not None else set())


def test_what_no_run_knows_is_not_drawn() -> None:
    """An empty chart stands below older recordings."""
    state = state_of("vanishing_gradients")
    old = StoredRun(snapshot(), None, False)
    assert "supported" not in results.other_charts(state, (old,))
    assert "supported" in results.other_charts(state, (None,)), "of a run to come"


def test_a_frozen_generator_has_a_chart_of_its_own() -> None:
    """Whoever freezes G sees no gradient of it."""
    state = state_of("training_instability")
    assert "frozen" not in results.other_charts(state, ())
    frozen = dataclasses.replace(state, shown=state.shown.replace(freeze_generator=100))
    assert "frozen" in results.other_charts(frozen, ())
