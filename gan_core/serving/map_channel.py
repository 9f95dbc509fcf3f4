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
        "words": progress_words(done, len(drawn.runs), filling),
        "legend": [[hexadecimal(colour), words]
                   for colour, words in legend(drawn, results, colouring)],
        "cells": [
            [*colours(look.fill, look.known), look.words, look.below, look.known, look.told,
             (column, row) in training]
            for row in range(drawn.rows) for column in range(drawn.columns)
            for look in (of_cell[column, row],)],
    }


def progress_words(done: int, total: int, filling: StudyState) -> str:
    """How far a study is, in a sentence or two."""
    words = (f"All {total} runs are there." if done == total
             else f"{done} of {total} runs are there." if done
             else f"None of {total} runs has been trained yet.")
    if filling.live and filling.seconds_left is not None and done < total:
        words = f"{words} {_capital(wait_text(filling.seconds_left))} left."
    elif filling.live and done < total:
        words = f"{words} Training."
    return f"{words} {filling.refusal}".strip()


def _capital(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}"


def colours(fill: Colour | None, known: bool = True) -> tuple[str, str]:
    """A cell's fill and ink; "" where the browser has its own, as in the dark."""
    if fill is None:
        return "", ""
    return hexadecimal(fill), hexadecimal(ink_on(fill)) if known else ""


@functools.cache
def hexadecimal(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
