"""Which charts show how both runs went, by name; the viewer draws them all."""

from __future__ import annotations

from collections.abc import Iterable

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.export.charts import table as chart_table
from gan_core.export.charts.table import Curve, Lines
from pages.components import server
from pages.components.server import StoredRun
from pages.components.state import State

Charts = dict[str, Curve | Lines]

QUALITY = "frechet"  # the chart beside the clocks


def key_charts(state: State) -> Charts:
    """Those that say most of the page's failure, below the sheets."""
    drawn = _drawn(state.shown)
    return {name: drawn[name] for name in state.challenge.charts if name in drawn}


def evidence_chart(state: State) -> Curve | Lines | None:
    """The chart beside the sheets, on a page that has one there."""
    return _drawn(state.shown).get(evidence_name(state))


def evidence_name(state: State) -> str:
    """The name of that chart, or of what else is there."""
    return QUALITY if state.challenge.evidence == "clocks" else state.challenge.evidence


def other_charts(state: State, runs: Iterable[StoredRun | None]) -> Charts:
    """All others; without what none of the runs knows."""
    shown = {*state.challenge.charts, evidence_name(state)}
    charts = {name: chart for name, chart in _drawn(state.shown).items() if name not in shown}
    evaluations = [record for run in runs if run is not None
                   for record in run.snapshot.history.evaluations]
    supported = charts.get("supported")
    if isinstance(supported, Curve) and evaluations and not any(
        supported.metric in record.metrics for record in evaluations
    ):
        del charts["supported"]  # older recordings
    return charts


def _drawn(config: RunConfig) -> Charts:
    """What is drawn of a run as curves and lines: of every run, and what only this one has."""
    features = extractor(config.dataset, server.settings().data)
    drawn: Charts = {
        **chart_table.curves(config.card, features),
        **chart_table.lines(config.loss, config.discriminator_loss),
        "memory": chart_table.MEMORISATION,
    }
    if config.freeze_generator:
        drawn["frozen"] = chart_table.frozen(
            config.freeze_generator, config.discriminator_steps)
    return drawn
