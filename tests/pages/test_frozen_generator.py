"""The frozen generator's gradients as a chart."""

from __future__ import annotations

import dataclasses

import pytest

from gan_core.export.charts import table as chart_table
from gan_core.runs.history import History
from pages.components import frozen_generator
from tests.support.snapshots import STEP


@pytest.mark.parametrize("step", [101, 400])
def test_the_chart_begins_with_the_freeze(step: int) -> None:
    """What was not measured would be drawn, or two runs frozen at other steps not lie together."""
    before = [dataclasses.replace(STEP, step=i) for i in range(1, step)]
    after = [dataclasses.replace(STEP, step=step + i, grad_norm_minimax=10.0 ** -i,
                                 grad_norm_non_saturating=1e3) for i in range(1000)]
    chart = chart_table.frozen(step - 1)
    frame = frozen_generator.norms_frame(chart, History([*before, *after]))
    assert (frame["step"].min(), frame["step"].max()) == (1, 1000)
    assert len(frame) == frozen_generator.POINTS * 2
    assert frame["drawn"].between(*chart.domain).all() and frame["value"].max() == 1e3
    assert frozen_generator.norms_frame(chart, History(before)).empty
    spec = frozen_generator.norms_spec(chart, 1000)
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1000]
    assert spec["layer"][0]["encoding"]["x"]["title"] == "D steps since the freeze"
    assert frozen_generator.norms_spec(chart, 1000) is spec, "built anew for every visitor"
