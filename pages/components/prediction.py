"""Predict before you run: one question a page, answered afterwards with what was measured."""

from __future__ import annotations

import streamlit as st

from gan_core.config.presets import Challenge
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.runs.store import RunSnapshot


def _rounds(challenge: Challenge) -> str:
    """Under which the session counts the predictions made here: each has a widget of its own."""
    return f"{challenge.title}/prediction/rounds"


def _widget(challenge: Challenge) -> str:
    return f"{challenge.title}/prediction/{st.session_state.get(_rounds(challenge), 0)}"


def _made(challenge: Challenge) -> dict[str, str]:
    """What was predicted of which run, by digest."""
    return st.session_state.setdefault(f"{challenge.title}/predictions", {})


def prediction(challenge: Challenge) -> None:
    """The question, in a popover."""
    asked, key = challenge.prediction, _widget(challenge)
    label = "Predicted" if st.session_state.get(key) else "Predict first"
    with st.popover(label, icon=":material/psychology:", width="stretch"):
        st.markdown("**Before you press Train:** set the sliders, then answer.")
        st.radio(asked.question, [answer for answer, _ in asked.options], index=None, key=key,
                 persist_state="session")
        st.caption("When the run has ended, its verdict says what was measured.")


def take(challenge: Challenge, digest: str) -> None:
    """Train was pressed: the prediction, if there is one, is about run `digest` and no other."""
    if given := st.session_state.get(_widget(challenge)):
        _made(challenge)[digest] = given
        st.session_state[_rounds(challenge)] = st.session_state.get(_rounds(challenge), 0) + 1


def answered(challenge: Challenge, snapshot: RunSnapshot | None) -> str:
    """The prediction beside what was measured on a run that has ended; "" without either."""
    if snapshot is None or snapshot.live or snapshot.digest not in _made(challenge):
        return ""
    return outcome(challenge, snapshot, _made(challenge)[snapshot.digest])


def place_of_answer(challenge: Challenge, digest: str) -> int | None:
    """Which of the answers was given of run `digest`, counted from 0; None where none was."""
    given = _made(challenge).get(digest)
    answers = [answer for answer, _ in challenge.prediction.options]
    return answers.index(given) if given in answers else None


def outcome(challenge: Challenge, snapshot: RunSnapshot, given: str) -> str:
    """A prediction and its answer in words."""
    headline = HEADLINES[challenge.headline]
    value = headline.value_of(snapshot.history)
    if value != value:
        return f"You predicted *{given}*: this run is too short to tell."
    right = challenge.prediction.right(value)
    answer = "right" if right == given else f"it is *{right}*"
    return f"You predicted *{given}*: {answer} ({headline.label}: {headline.text(value)})."
