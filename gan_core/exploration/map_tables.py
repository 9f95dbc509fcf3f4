"""A map's results as data: for JSON, and as the rows of a CSV file. Torch-free."""

from __future__ import annotations

import csv
import io
from typing import Any

from gan_core.config.validation import as_text
from gan_core.exploration.cell_runs import MEASURES, CellRun, most_common_state
from gan_core.exploration.parameter_map import Cell, ParameterMap
from gan_core.exploration.study import Results


def runs_of(drawn: ParameterMap, results: Results, cell: Cell) -> list[tuple[int, CellRun]]:
    """The seeds of a cell that have been measured, each with its result."""
    return [(run.config.seed, results[run.digest])
            for run in drawn.runs_by_cell.get(cell, []) if run.digest in results]


def as_data(drawn: ParameterMap, results: Results) -> dict[str, Any]:
    """The map, its axes, and each of its cells, row by row."""
    return {
        "map": drawn.to_dict(),
        "digest": drawn.digest(),
        **{name: {"field": axis.field, "since": axis.since, "values": list(axis.values)}
           for name, axis in (("x", drawn.x), ("y", drawn.y))},
        "runs": len(drawn.runs),
        "measured": sum(run.digest in results for run in drawn.runs),
        "cells": [_cell(drawn, results, (column, row))
                  for row in range(drawn.rows) for column in range(drawn.columns)],
    }


def _cell(drawn: ParameterMap, results: Results, cell: Cell) -> dict[str, Any]:
    found = runs_of(drawn, results, cell)
    return {
        "x": drawn.x.values[cell[0]], "y": drawn.y.values[cell[1]],
        "refused": drawn.refused.get(cell),
        "state": most_common_state([run for _, run in found]) if found else None,
        "runs": [{"seed": seed, **run.to_dict()} for seed, run in found],
    }


def as_csv(drawn: ParameterMap, results: Results) -> str:
    """One line for each measured run: where it is, its seed, its verdict, its measures."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([drawn.x.field, drawn.y.field, "seed", "run", "state", "cause", *MEASURES,
                     "seconds"])
    for row in range(drawn.rows):
        for column in range(drawn.columns):
            for seed, run in runs_of(drawn, results, (column, row)):
                writer.writerow([
                    as_text(drawn.x.values[column]), as_text(drawn.y.values[row]), seed,
                    run.digest, run.state, run.cause,
                    *(run.measures.get(name, "") for name in MEASURES), run.seconds])
    return stream.getvalue()
