"""Maps and results of them that nothing trained, for the tests of this folder."""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.exploration.axis import axis
from gan_core.exploration.cell_runs import CellRun
from gan_core.exploration.parameter_map import ParameterMap

RING = RunConfig(dataset="ring", batch_size=16, steps=100)
SMALL = ParameterMap(RING, axis("learning_rate=0.001,0.01"), axis("dropout=0,0.2,0.4"), 2)


def result(digest: str, state: str = "healthy", **measures: float) -> CellRun:
    return CellRun(digest, state, "No failure found.", "", measures, 1.5)


def filled(drawn: ParameterMap, state: str = "healthy", **measures: float) -> dict[str, CellRun]:
    return {run.digest: result(run.digest, state, **measures) for run in drawn.runs}
