"""Predict before you run: one question a page, answered afterwards with what was measured."""

from __future__ import annotations

import streamlit as st

from gan_core.challenges import Challenge
from gan_core.headlines import HEADLINES
from gan_core.store import RunSnapshot


def _key(challenge: Challenge) -> str:
    return f"{challenge.title}/prediction"


def prediction(challenge: Challenge) -> None:
    """The question, in a popover."""
    asked = challenge.prediction
    given = st.session_state.get(_key(challenge))
    label = "Predicted" if given else "Predict first"
    with st.popover(label, icon=":material/psychology:", width="stretch"):
        st.markdown("**Before you press Train:** set the sliders, then answer.")
        st.radio(asked.question, [answer for answer, _ in asked.options], index=None,
                 key=_key(challenge), persist_state="session")
        st.caption("The verdict on the run will say what was measured.")


def answered(challenge: Challenge, snapshot: RunSnapshot | None) -> str:
    """The prediction beside what was measured on a run that has ended; "" without either."""
    given = st.session_state.get(_key(challenge))
    if given is None or snapshot is None or snapshot.live:
        return ""
    return outcome(challenge, snapshot, given)


def outcome(challenge: Challenge, snapshot: RunSnapshot, given: str) -> str:
    """A prediction and its answer in words."""
    headline = HEADLINES[challenge.headline]
    value = headline.of(snapshot.history)
    if value != value:
        return f"You predicted *{given}*: this run is too short to tell."
    right = challenge.prediction.right(value)
    judged = "right" if right == given else f"it is *{right}*"
    return f"You predicted *{given}*: {judged} ({headline.label}: {headline.told(value)})."
