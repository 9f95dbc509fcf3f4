"""What a tab asks of the page of folds, and its URL: candidates, folds, measure, halving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.cross_validation import (
    MOST_CANDIDATES,
    USUAL_MEASURE,
    Candidate,
    CrossValidation,
)
from gan_core.exploration.shipped_folds import SHIPPED_FOLDS
from pages.components import controls, server
from pages.components.config_text import caption
from pages.components.map_controls import PRESETS

KEY = "folds/choice"
PARAMETERS = ("candidates", "folds", "measure", "halving")
SEPARATOR = "|"


@dataclass
class FoldChoice:
    """`study` is what the page shows; `problems` are those of the URL, in words."""

    study: CrossValidation
    problems: list[str] = field(default_factory=list)
    url: dict[str, str] | None = None  # as it was read or written last
    refusal: str = ""  # why the controls describe no study
    moved: bool = True  # the controls are to be moved to the study


def arrive() -> FoldChoice:
    """The tab's choice: from the session, or from a URL that this tab did not write itself."""
    query = {name: st.query_params[name] for name in PARAMETERS if name in st.query_params}
    choice: FoldChoice | None = st.session_state.get(KEY)
    if choice is None or (query and query != choice.url):
        choice = _read(query)
        st.session_state[KEY] = choice
    server.studies().know(choice.study)
    return choice


def labelled(config: RunConfig) -> Candidate:
    """A config as a candidate, under the name of its preset if it has one."""
    name = next((name for name, preset in PRESETS.items() if preset == config), "")
    return Candidate(name or caption(config), config)


def _read(query: Mapping[str, str]) -> FoldChoice:
    choice = FoldChoice(SHIPPED_FOLDS, url=dict(query))
    if not query:
        return choice
    configs = []
    for text in query.get("candidates", "").split(SEPARATOR)[: MOST_CANDIDATES + 1]:
        config, problems = controls.read(text) if text else (None, [])
        choice.problems += [f"candidates: {problem}" for problem in problems]
        if config is not None and not problems:
            configs.append(config.replace(folds=0, fold=0))
    candidates = tuple(map(labelled, dict.fromkeys(configs))) or SHIPPED_FOLDS.candidates
    folds, halving = query.get("folds", "5"), query.get("halving", "false")
    try:
        if not (folds.isascii() and folds.isdecimal() and len(folds) < 4):
            raise ConfigError(
                "folds", f"folds must be a whole number from 2 to 10, not {folds[:40]!r}.")
        if halving not in ("true", "false"):
            raise ConfigError("halving", f"halving must be true or false, not {halving[:40]!r}.")
        _refuse_too_long(configs)
        usual = USUAL_MEASURE[candidates[0].config.card.kind]
        choice.study = CrossValidation(
            candidates, int(folds), query.get("measure", usual), halving == "true")
    except ConfigError as error:
        choice.problems.append(str(error))
    return choice


def _refuse_too_long(configs: list[RunConfig]) -> None:
    limit = server.settings().max_steps
    if any(config.steps > limit for config in configs):
        raise ConfigError("steps", f"steps must be a number from 1 to {limit} on this server.")


def write_url(choice: FoldChoice) -> None:
    """The address bar says what is on the page; a link that was followed stays until it changes."""
    query = in_url(choice.study)
    followed = choice.url is not None and not choice.problems and (
        in_url(_read(choice.url).study) == query)
    if followed or query == choice.url:
        return
    others = {name: st.query_params[name] for name in st.query_params if name not in PARAMETERS}
    st.query_params.from_dict({**query, **others})
    choice.url = query


def in_url(study: CrossValidation) -> dict[str, str]:
    """The parameters that open it; none for the one that ships."""
    if study == SHIPPED_FOLDS:
        return {}
    query = {"candidates": SEPARATOR.join(
        controls.written(candidate.config) for candidate in study.candidates)}
    query["folds"], query["measure"] = str(study.folds), study.measure
    if study.halving:
        query["halving"] = "true"
    return query
