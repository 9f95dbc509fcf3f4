"""What a tab asks of the page of folds, and its URL: candidates, folds, measure, halving."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, count

import streamlit as st

from gan_core.config.config_text import caption
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.cell_runs import JUDGED_BY
from gan_core.exploration.cross_validation import (
    MOST_CANDIDATES,
    Candidate,
    CrossValidation,
)
from gan_core.exploration.shipped_folds import SHIPPED_FOLDS
from pages.components import controls, server
from pages.components.map_controls import PRESETS
from pages.components.page_url import PageUrl

KEY = "folds/choice"
PARAMETERS = ("candidates", "folds", "measure", "halving")
SEPARATOR = "|"


@dataclass
class FoldChoice:
    """`study` is what the page shows; `problems` are those of the URL, in words."""

    study: CrossValidation
    problems: list[str] = field(default_factory=list)
    url: PageUrl = field(default_factory=lambda: PageUrl(PARAMETERS))
    refusal: str = ""  # why the controls describe no study
    moved: bool = True  # the controls are to be moved to the study


def arrive() -> FoldChoice:
    """The tab's choice: from the session, or from a URL that this tab did not write itself."""
    choice: FoldChoice | None = st.session_state.get(KEY)
    if choice is None or choice.url.is_arrival():
        url = choice.url if choice is not None else PageUrl(PARAMETERS)
        choice = _read(url.query())
        choice.url = url
        url.arrived(in_url(choice.study))
        st.session_state[KEY] = choice
    server.studies().know(choice.study)
    return choice


def labelled(configs: Iterable[RunConfig]) -> tuple[Candidate, ...]:
    """Configs as candidates, each under the name of its preset, whatever its length, or under its
    settings; no two have one name."""
    made: dict[str, Candidate] = {}
    for config in dict.fromkeys(configs):
        name = next((name for name, preset in PRESETS.items()
                     if preset.digest() == config.digest()), "") or caption(config)
        others = (f"{name} ({number})" for number in count(2))
        label = next(label for label in chain([name], others) if label not in made)
        made[label] = Candidate(label, config)
    return tuple(made.values())


def _read(query: Mapping[str, str]) -> FoldChoice:
    choice = FoldChoice(SHIPPED_FOLDS)
    if not query:
        return choice
    configs = []
    for text in query.get("candidates", "").split(SEPARATOR)[: MOST_CANDIDATES + 1]:
        config, problems = controls.read(text) if text else (None, [])
        choice.problems += [f"candidates: {problem}" for problem in problems]
        if config is not None and not problems:
            configs.append(config.replace(folds=0, fold=0))
    candidates = labelled(configs) or SHIPPED_FOLDS.candidates
    folds, halving = query.get("folds", "5"), query.get("halving", "false")
    try:
        if not (folds.isascii() and folds.isdecimal() and len(folds) < 4):
            raise ConfigError(
                "folds", f"folds must be a whole number from 2 to 10, not {folds[:40]!r}.")
        if halving not in ("true", "false"):
            raise ConfigError("halving", f"halving must be true or false, not {halving[:40]!r}.")
        _refuse_too_long(configs)
        usual = JUDGED_BY[candidates[0].config.card.kind][0]
        choice.study = CrossValidation(
            candidates, int(folds), query.get("measure", usual), halving == "true")
    except ConfigError as error:
        choice.problems.append(str(error))
    return choice


def _refuse_too_long(configs: list[RunConfig]) -> None:
    limit = server.settings().max_steps
    if any(config.steps > limit for config in configs):
        raise ConfigError("steps", f"steps must be a number from 1 to {limit} on this server.")


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
