"""The sidebar of the page of folds: which settings are compared, on how many folds, and by what."""

from __future__ import annotations

import streamlit as st

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.cell_runs import JUDGED_BY, MEASURES
from gan_core.exploration.cross_validation import (
    MOST_CANDIDATES,
    MOST_FOLDS,
    Candidate,
    CrossValidation,
)
from pages.components import server
from pages.components.fold_choice import FoldChoice
from pages.components.map_controls import PRESETS
from pages.components.markdown import plain


def fold_controls(choice: FoldChoice) -> None:
    """Draw the controls; what they describe is put on the page when one of them is moved."""
    if choice.moved or "folds/candidates" not in st.session_state:  # forgotten on another page
        _move(choice)
    names = list(dict.fromkeys([*st.session_state["folds/known"], *PRESETS]))
    st.multiselect("Candidates", names, key="folds/candidates", max_selections=MOST_CANDIDATES,
                   on_change=_take, args=(choice,),
                   help="Settings to compare, on one data set. Cells of a parameter map and runs "
                   "of other pages come here by their links.")
    st.number_input("Steps of each run", 1, server.settings().max_steps, step=100,
                    key="folds/steps", on_change=_take, args=(choice,),
                    help="All candidates are trained for as long.")
    st.slider("Folds", 2, MOST_FOLDS, key="folds/folds", on_change=_take, args=(choice,),
              help="Into how many parts the training set is cut.")
    kind = choice.study.candidates[0].config.card.kind
    st.selectbox("Measure", JUDGED_BY[kind], key="folds/measure", on_change=_take, args=(choice,),
                 format_func=lambda name: MEASURES[name].label)
    st.toggle("Successive halving", key="folds/halving", on_change=_take, args=(choice,),
              help="After each round the worse half of the candidates goes, so that most of the "
              "training goes to those that may be the best.")
    if choice.refusal:
        st.error(plain(choice.refusal))


def _move(choice: FoldChoice) -> None:
    """Move every control to the study on the page; only before they are drawn."""
    choice.moved, choice.refusal = False, ""
    study, keep = choice.study, st.session_state
    keep["folds/known"] = {each.label: each.config for each in study.candidates}
    keep["folds/candidates"] = [each.label for each in study.candidates]
    keep["folds/steps"] = min(study.candidates[0].config.steps, server.settings().max_steps)
    keep["folds/folds"] = study.folds
    keep["folds/measure"] = study.measure
    keep["folds/halving"] = study.halving


def _take(choice: FoldChoice) -> None:
    """Put the study that the controls describe on the page; where they describe none, say why."""
    choice.refusal, choice.problems, keep = "", [], st.session_state
    known: dict[str, RunConfig] = {**PRESETS, **keep["folds/known"]}
    candidates = tuple(
        Candidate(label, known[label].replace(steps=int(keep["folds/steps"]), folds=0, fold=0))
        for label in keep["folds/candidates"])
    kinds = {each.config.card.kind for each in candidates}
    measure = keep["folds/measure"]
    if len(kinds) == 1 and measure not in (fit := JUDGED_BY[next(iter(kinds))]):
        measure = keep["folds/measure"] = fit[0]  # another data set has others
    try:
        choice.study = CrossValidation(
            candidates, keep["folds/folds"], measure, keep["folds/halving"])
    except ConfigError as error:
        choice.refusal = str(error)
