"""Which modes G draws as training goes on, pure: histories -> (data frame, specification)."""

from __future__ import annotations

import functools
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from gan_core.diagnosis.shares import shown
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord
from pages.components.chart_style import FIRST, PADDING, Marks, marked, specification, steps_axis

HEIGHT = 290  # room for 25 modes


def modes_frame(history: History) -> pd.DataFrame:
    """One row per evaluation and mode: step, start and end (where it is drawn), mode, share.

    The shares at an evaluation are drawn halfway to the evaluations before and after it.
    """
    counted = [record for record in history.evaluations if record.histogram]
    steps = np.array([record.step for record in counted], dtype=float)
    between = (steps[1:] + steps[:-1]) / 2
    starts, ends = np.append(steps[:1], between), np.append(between, steps[-1:])
    rows = [
        (record.step, start, end, str(mode), share)
        for record, start, end in zip(counted, starts, ends, strict=True)
        for mode, share in enumerate(_shares(record))
    ]
    return pd.DataFrame(rows, columns=["step", "start", "end", "mode", "share"])


def _shares(record: EvalRecord) -> np.ndarray:
    """Of images those that are recognised, where that is known; of points the nearest modes: while
    they rotate, few of them lie near a mode."""
    return shown(record) if "recognised" in record.metrics else np.asarray(record.histogram)


@functools.lru_cache(maxsize=32)
def modes_spec(total: int, noun: str, steps: int, marks: Marks = ()) -> dict[str, Any]:
    """One row a mode, the darker the more samples; x runs to `steps`."""
    order = [str(mode) for mode in range(total)]
    cells = (
        alt.Chart()
        .mark_rect(color=FIRST)
        .encode(
            x=steps_axis(steps, field="start"),
            x2="end:Q",
            y=alt.Y("mode:N", title=noun, sort=order, scale=alt.Scale(domain=order),
                    axis=alt.Axis(minExtent=44, labelOverlap=True, ticks=False,
                                  labelPadding=PADDING, titlePadding=PADDING)),
            # Not by lightness: nothing must look like nothing on white and on near-black.
            opacity=alt.Opacity(
                "share:Q", scale=alt.Scale(type="sqrt", domain=[0, 1], range=[0, 1]),
                legend=alt.Legend(title=None, format="%", values=[0.01, 0.1, 0.25, 0.5, 1],
                                  symbolType="square")),
            tooltip=["step:Q", "mode:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    note = f"share of samples; a patch that wanders is rotation, an empty row a missed {noun}"
    layers = (cells, *marked(marks, steps))
    return specification(alt.layer(*layers), f"Which {noun}s G draws, over time", note)
