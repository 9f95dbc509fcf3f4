"""The diagnosis of a run that grows: the same as of the whole run, at the cost of what is new."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from gan_core.assets import RECORDED_RUNS
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis import instability, vanishing_gradients
from gan_core.diagnosis.diagnose import diagnose
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.diagnosis.step_windows import WINDOW, start_of_last_stretch
from gan_core.runs import history as histories
from gan_core.runs import record_log
from gan_core.runs.history import History
from gan_core.runs.records import STEP_METRICS, EvalRecord, StepRecord
from gan_core.runs.store import RunStore
from tests.diagnosis.histories import HEALTHY_STEP, MINIMAX, NON_SATURATING, SILENT_STEP

WASSERSTEIN = RunConfig(loss="wasserstein")  # whose losses soon leave their frame


def noisy(count: int, seed: int = 0, **columns: np.ndarray) -> list[StepRecord]:
    """Healthy steps with noise, where `columns` do not say otherwise."""
    random = np.random.default_rng(seed)
    values = {name: value * random.uniform(0.9, 1.1, count)
              for name, value in HEALTHY_STEP.items()} | columns
    rows = zip(*(column.tolist() for column in values.values()), strict=True)
    return [StepRecord(i, **dict(zip(values, row, strict=True))) for i, row in enumerate(rows, 1)]


def swings(count: int) -> np.ndarray:
    return 0.5 + 0.45 * np.sin(2 * np.pi * np.arange(count) / 200)


def silent(share: np.ndarray, seed: int = 1) -> dict[str, np.ndarray]:
    """D makes no mistake in a share of the steps, which may change from step to step."""
    gone = np.random.default_rng(seed).random(len(share)) < share
    return {name: np.where(gone, value, HEALTHY_STEP[name]) for name, value in SILENT_STEP.items()}


def holes(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With NaN here and there, as a file has it where a number was not finite."""
    random = np.random.default_rng(2)
    return {name: np.where(random.random(len(column)) < 0.004, math.nan, column)
            for name, column in columns.items()}


def runaway(count: int) -> dict[str, np.ndarray]:
    """Both gradients and D's loss grow without end, with quieter steps among them."""
    growth, often = np.exp(np.arange(count) / 150), silent(np.full(count, 0.4))["score_fake"] < 0.1
    return {"grad_norm_d": np.where(often, 1.0, growth), "grad_norm_g": growth,
            "loss_d": 5 * growth}


N = 2400
GRADUAL = np.linspace(0.2, 0.8, N)
RUNS: dict[str, list[StepRecord]] = {
    "healthy": noisy(N),
    "swinging": noisy(N, score_real=swings(N), score_fake=np.full(N, 0.5)),
    "calmed": noisy(N, score_real=np.where(np.arange(N) < 1500, swings(N), 0.6)),
    "silent": noisy(N, **silent(np.where(np.arange(N) > 400, 1.0, 0.0))),
    "now and then silent": noisy(N, **silent(GRADUAL)),
    "runaway": noisy(N, **runaway(N)),
    "with holes": noisy(N, **holes({**silent(GRADUAL), **runaway(N), "score_real": swings(N)})),
    "thinned": noisy(3 * N, score_real=swings(3 * N))[::3],
}
CUTS = (1, 99, 100, 199, 230, 325, 600, 601, 655, 1000, 1010, 1029, 1030, 1500, 1777, 2100, N)


def evaluated(count: int) -> list[EvalRecord]:
    metrics = {"modes": 10.0, "modes_total": 10.0, "diversity": 0.9, "frechet": 50.0}
    return [EvalRecord(step, metrics, (0.1,) * 10, seconds=step / 10)
            for step in range(0, count + 1, 250)]


def described(history: History) -> list[str]:
    """All that is said of a history, to the last bit."""
    findings = [finding for config in (NON_SATURATING, MINIMAX, WASSERSTEIN)
                for finding in diagnose(history, config)]
    return [repr(found) for found in findings] + [
        repr(headline.value_of(history)) for headline in HEADLINES.values()]


# --- the same as of the whole run ----------------------------------------------------------------


def offenders(steps: list[StepRecord], evaluations: list[EvalRecord]) -> list[tuple[str, int]]:
    """Where a run that was looked at on its way is described otherwise than one that was not."""
    growing, wrong, whole = History(), [], History(steps, evaluations)
    described(whole)
    for begin, end in zip((0, *CUTS), CUTS, strict=False):
        new = steps[begin:end]
        if not new:
            break
        since = growing.evaluations[-1].step if growing.evaluations else -1
        growing = growing.grown(
            [*new, *(e for e in evaluations if since < e.step <= new[-1].step)])
        alone = described(History(growing.steps, growing.evaluations))
        if described(growing) != alone:
            wrong.append(("grown", end))
        if described(whole.until(growing.last_step)) != alone:
            wrong.append(("cut", end))
    return wrong


def test_a_growing_run_has_the_findings_of_the_whole_run():
    """The verdict of a live run would change when the page is opened anew."""
    evaluations = evaluated(3 * N)
    found = {name: offenders(steps, evaluations) for name, steps in RUNS.items()}
    assert found == {name: [] for name in RUNS}
    said = " ".join(line for steps in RUNS.values()
                    for line in described(History(steps, evaluated(N))))
    assert all(f"symptom='{symptom}'" in said
               for symptom in ("instability", "vanishing_gradient", "divergence"))


def test_recorded_runs_have_their_findings_while_they_grow():
    """As above, for the runs that ship."""
    store = RunStore(RECORDED_RUNS)
    found = {}
    for digest in store.digests():
        history = store.existing_snapshot(digest).history
        found[digest] = offenders(list(history.steps), list(history.evaluations))
    assert len(found) > 15 and not any(found.values())


# --- the same as by their definitions ------------------------------------------------------------


def stretch_by_definition(flags: np.ndarray) -> int:
    often = np.convolve(flags, np.ones(WINDOW) / WINDOW, mode="valid") >= 0.5
    interrupted = np.flatnonzero(~often)
    return int(interrupted[-1] + 1) if interrupted.size else 0


def swings_by_definition(values: np.ndarray, window: int) -> int:
    stride, wild = max(window // 10, 1), np.zeros(len(values), dtype=bool)
    for end in range(len(values), window - 1, -stride):
        low, high = np.percentile(values[end - window : end], [5, 95])
        wild[max(end - stride, 0) : end] = high - low > 0.5
    calm = np.flatnonzero(~wild)
    return int(calm[-1]) + 1 if calm.size else 0


def largest_by_definition(norms: np.ndarray) -> float:
    whole = len(norms) // 10 * 10
    return float(np.median(norms[:whole].reshape(-1, 10), axis=1).max())


@pytest.mark.parametrize("name", RUNS)
def test_what_is_scanned_in_parts_is_what_the_whole_columns_say(name):
    """A finding would begin at another step than its threshold says."""
    whole = History(RUNS[name])
    for at in (at for at in CUTS if at >= 2 * WINDOW):
        history = whole.until(int(whole.column("step")[at - 1]))
        norms = history.column("grad_norm_g")
        for limit in (1e-3, 1.0, 100.0):
            found = start_of_last_stretch(
                history, limit, lambda part, norms=norms, limit=limit: norms[part] < limit)
            assert found == stretch_by_definition(norms < limit)
        largest = vanishing_gradients._largest(history)
        assert repr(largest) == repr(largest_by_definition(norms))
        gap = instability._score_gap(history)
        if len(gap) >= gap.window:
            difference = history.column("score_real") - history.column("score_fake")
            smoothed = np.convolve(difference, np.ones(gap.smooth) / gap.smooth, mode="valid")
            assert np.array_equal(gap.part(0, len(gap)), smoothed, equal_nan=True)
            assert instability._start_of_swings(history, gap) == swings_by_definition(
                smoothed, gap.window)


# --- at the cost of what is new ------------------------------------------------------------------

touched = {"records": 0, "values": 0}


class CountedStep(StepRecord):
    """Counts how often a metric of a record is read."""

    __slots__ = ()

    def __getattribute__(self, name: str):
        touched["records"] += 1
        return super().__getattribute__(name)


class CountedColumn(np.ndarray):
    """Counts the values that a computation reads."""

    def __array_ufunc__(self, ufunc, method, *inputs, **settings):
        touched["values"] += sum(np.size(value) for value in inputs)
        return getattr(ufunc, method)(*map(plain, inputs), **settings)

    def __array_function__(self, function, types, arguments, settings):
        touched["values"] += self.size
        return function(*map(plain, arguments), **settings)


def plain(value):
    return np.asarray(value) if isinstance(value, CountedColumn) else value


@pytest.fixture
def _counted(monkeypatch):
    column = record_log.RecordLog.column
    monkeypatch.setattr(record_log.RecordLog, "column", lambda *asked: column(
        *asked).view(CountedColumn))


def looks(steps: list[StepRecord], config: RunConfig, first: int, new: int = 50) -> list[dict]:
    """What each of some looks touches, at a run of `first` steps that then goes on."""
    steps = [CountedStep(**dataclasses.asdict(record)) for record in steps]
    history, costs = History(steps[:first], evaluated(first)[:60]), []
    for begin in range(first, len(steps), new):
        diagnose(history, config)
        for headline in HEADLINES.values():
            headline.value_of(history)
        history.until(first - 7), history.evaluation_at(first)
        history = history.grown(steps[begin : begin + new])
        costs.append(dict(touched))
        touched.update(records=0, values=0)
    return costs[1:]  # the first one knew nothing


@pytest.mark.usefixtures("_counted")
@pytest.mark.parametrize(("kind", "config"), [
    ("healthy", NON_SATURATING), ("swinging", NON_SATURATING), ("silent", MINIMAX)])
def test_a_look_at_a_long_run_touches_no_more_than_one_at_a_short_run(kind, config):
    """A page that watches a run of an hour would take ever more processor time from it."""
    def made(count: int) -> list[StepRecord]:
        columns = {"healthy": {}, "swinging": {"score_real": swings(count)},
                   "silent": silent(np.where(np.arange(count) < 300, 0.0, 1.0))}[kind]
        return noisy(count, **columns)

    short, long = looks(made(2000 + 400), config, 2000), looks(made(50_400), config, 50_000)
    # Swings are measured at every 30th step, counted from the end: looks at every 50th come three
    # by three, and know nothing of swings at first.
    short, long = short[3:], long[3:]
    assert sum(look["values"] for look in short) > 0
    for count in touched:
        assert max(look[count] for look in long) <= 1.2 * max(look[count] for look in short), count
    assert max(look["records"] for look in long) <= 50 * len(STEP_METRICS) + 100


def test_a_block_is_made_of_whole_tens():
    """The largest median of ten steps would be taken over other tens than those of the run."""
    assert histories.BLOCK % vanishing_gradients.TEN == 0
