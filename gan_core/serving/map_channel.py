"""What a map's viewers are told: its cells as they look, and how far it is. Torch-free."""

from __future__ import annotations

import functools
from typing import Any

from gan_core.exploration.map_looks import VERDICT, Colour, ink_on, legend, looks
from gan_core.exploration.parameter_map import ParameterMap
from gan_core.exploration.study import Results
from gan_core.serving.run_words import wait_text
from gan_core.serving.study_jobs import StudyState


def state(
    drawn: ParameterMap, results: Results, filling: StudyState, colouring: str = VERDICT
) -> dict[str, Any]:
    """The map as its viewers draw it. `legend` holds colours with what they mean; `cells`, row by
    row from the first, each a list: fill, ink, words, words below, whether it was measured, what is
    told of it, and whether it trains."""
    done = sum(run.digest in results for run in drawn.runs)
    training = {run.cell for run in drawn.runs if run.digest in filling.asked}
    of_cell = looks(drawn, results, colouring)
    return {
        "live": filling.live,
        "share": done / len(drawn.runs),
        "words": _words(drawn, done, filling),
        "legend": [[_hex(colour), words] for colour, words in legend(drawn, results, colouring)],
        "cells": [
            [_hex(look.fill), _hex(ink_on(look.fill)), look.words, look.below, look.known,
             look.told, (column, row) in training]
            for row in range(drawn.rows) for column in range(drawn.columns)
            for look in (of_cell[column, row],)],
    }


def _words(drawn: ParameterMap, done: int, filling: StudyState) -> str:
    """How far the map is, in one sentence or two."""
    total = len(drawn.runs)
    words = (f"All {total} runs are there." if done == total
             else f"{done} of {total} runs are there." if done
             else f"None of {total} runs has been trained yet.")
    if filling.live and filling.seconds_left is not None and done < total:
        words = f"{words} About {wait_text(filling.seconds_left)} left."
    elif filling.live and done < total:
        words = f"{words} Training."
    return f"{words} {filling.refusal}".strip()


@functools.cache
def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
