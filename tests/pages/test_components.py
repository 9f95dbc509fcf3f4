"""The pure parts of the pages: words, links and charts."""

from __future__ import annotations

import dataclasses
import gc
import json
import math
import re
import weakref

import numpy as np
import pytest

from gan_core.config.choices import DATASETS
from gan_core.config.presets import CHALLENGES, presets
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import diagnose
from gan_core.diagnosis.feature_extractor import extractor
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.evidence import measured_runs
from gan_core.evidence.claim_verdicts import WORDS, Claim, less, shows
from gan_core.evidence.measured_runs import MeasuredRun
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, StepRecord
from gan_core.runs.store import RunSnapshot, RunStatus
from pages.components import (
    chart_style,
    claims,
    config_text,
    controls,
    experiment,
    history_charts,
    modes_chart,
    points_chart,
    prediction,
    results,
    samples,
    verdict,
)

STEP = StepRecord(1, 1.2, 0.8, 0.7, 0.8, 0.6, 0.4, 1.5, 0.9, 0.4, 0.6)


def evaluation(step: int, modes: int = 10, frechet: float = 100.0, diversity: float = 0.9):
    shares = tuple([1 / modes] * modes + [0.0] * (10 - modes))
    return EvalRecord(step, {"modes": float(modes), "modes_total": 10.0, "frechet": frechet,
                             "diversity": diversity}, shares)


def snapshot(state: str = "finished", *, steps: int = 1000, config: RunConfig | None = None,
             place: int = 0, reason: str = "", **quality: float) -> RunSnapshot:
    config = config or RunConfig(steps=steps)
    history = History(
        [dataclasses.replace(STEP, step=i + 1) for i in range(steps)],
        [evaluation(step, **quality) for step in range(0, steps + 1, 250)],
    )
    status = RunStatus(state, steps, config.steps, 50.0, 20.0, 12.0, "CPU, 1 thread", reason)
    views = {"samples": (0, 50)}
    return RunSnapshot(config.digest(), config, history, status, views, place).standing(
        status, place)


# --- verdict -------------------------------------------------------------------------------------


def test_no_run_asks_to_train() -> None:
    """A newcomer does not know what to press."""
    assert "Train" in verdict.verdict(None).text
    assert verdict.progress(None, False)[0] == 0


@pytest.mark.parametrize(
    ("state", "words"),
    [("queued", "place 3 in the queue"), ("starting", "Downloading Fashion-MNIST: 40 %"),
     ("running", "12 s left"),
     ("finished", "Finished"), ("stopped", "Stopped: you pressed it"), ("failed", "Failed"),
     ("diverged", "Diverged")],
)
def test_progress_says_where_a_run_stands(state: str, words: str) -> None:
    """A student waits without knowing for what."""
    reason = "downloading Fashion-MNIST: 40 %" if state == "starting" else "you pressed it"
    share, said = verdict.progress(snapshot(state, place=3, reason=reason), False)
    assert words in said and 0 <= share <= 1
    assert verdict.progress(snapshot("starting"), False)[1] == "Starting …"


def test_a_recorded_run_is_called_recorded_with_device_and_date() -> None:
    """A recording passes for a live run."""
    assert "Recorded 1970-01-01 on CPU, 1 thread" in verdict.progress(snapshot(), True)[1]


def test_a_run_is_acquitted_only_when_it_is_over() -> None:
    """A run is praised before it had time to fail."""
    assert verdict.verdict(snapshot()).tone == "success"
    live = verdict.verdict(snapshot("running"))
    assert live.tone == "info" and "No failure so far" in live.text


@pytest.mark.parametrize("state", ["running", "stopped", "finished"])
def test_a_young_run_gets_no_verdict(state: str) -> None:
    """Every generator begins with one digit: that is no collapse, and no success."""
    young = verdict.verdict(snapshot(state, steps=250, modes=1, diversity=0.2))
    assert young.tone == "info" and "to tell" in young.text and not young.remedies


def test_a_collapse_is_named_with_numbers_and_remedies() -> None:
    """The failure is on the screen, but the page does not say so."""
    found = verdict.verdict(snapshot(modes=1, diversity=0.01, frechet=1000.0,
                                   config=RunConfig(learning_rate_ratio=0.1, steps=1000)))
    assert found.tone == "error"
    assert "Mode collapse" in found.text and "1 of 10 digits" in found.text
    assert found.remedies[0].changes == {"discriminator_steps": 3}


def test_a_failed_run_says_why_and_how_to_go_on() -> None:
    """A crash of the worker looks like a result."""
    found = verdict.verdict(snapshot("failed", reason="The worker was killed."))
    assert found.tone == "error" and found.text.endswith("The worker was killed.")


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        ({"modes": 10, "frechet": 100.0}, {"modes": 1, "frechet": 900.0}, "samples are better"),
        ({"modes": 1, "frechet": 900.0}, {"modes": 10, "frechet": 100.0}, "samples are worse"),
        ({"modes": 1, "frechet": 900.0}, {"modes": 1, "frechet": 880.0}, "did not help"),
        ({"modes": 10, "frechet": 50.0}, {"modes": 10, "frechet": 100.0}, "samples are better"),
        ({"modes": 10, "frechet": 900.0}, {"modes": 5, "frechet": 100.0}, "Mixed"),
    ],
)
def test_the_difference_between_two_runs_is_judged(mine, theirs, words) -> None:
    """A remedy that did not help is praised, or one that did is not seen."""
    other = RunConfig(steps=1000, seed=1)
    assert words in verdict.difference(snapshot(**mine), snapshot(**theirs, config=other))


def test_runs_are_compared_at_equal_steps() -> None:
    """A longer run looks better for its length alone."""
    longer = snapshot(steps=2000)
    shorter = snapshot(steps=500, config=RunConfig(steps=500, seed=1))
    for pair in ((longer, shorter), (shorter, longer)):
        assert "At step 500, as far as both go" in verdict.difference(*pair)


def test_runs_on_different_data_are_not_compared() -> None:
    """Digits are counted against Gaussians."""
    assert "same run" in verdict.difference(snapshot(), snapshot())
    ring = snapshot(config=RunConfig(dataset="ring", steps=1000))
    assert "other data" in verdict.difference(snapshot(), ring)


def test_the_difference_names_what_was_changed() -> None:
    """Two runs stand side by side, and nobody knows what is different about them."""
    mended = snapshot(config=RunConfig(steps=1000, discriminator_steps=3))
    assert "D steps per round 1 → 3" in verdict.difference(mended, snapshot())


@pytest.mark.parametrize("steps", [500, 1500, 3000])
@pytest.mark.parametrize("state", ["finished", "stopped"])
def test_a_generator_that_has_learned_little_is_not_praised(steps: int, state: str) -> None:
    """One digit of ten after 1500 steps gets a green box."""
    slow = snapshot(state, steps=steps, modes=1, diversity=0.3)
    assert verdict.verdict(slow).tone != "success"


@pytest.mark.parametrize(
    "text", ["www.evil.tld", "a@evil.tld", "![x](http://evil)", "$x$", "<b>`x`</b>", "**x**"]
)
def test_text_of_a_link_stays_text(text: str) -> None:
    """A link of a stranger puts a clickable address under our name."""
    said = verdict.listed([f"loss must be one of a, not '{text}'."])
    assert re.search(r"^- `[^`]*`$", said.splitlines()[-1])


def test_many_problems_stay_a_short_list() -> None:
    """Garbage in every parameter pushes the page out of sight."""
    said = verdict.listed([f"problem {i}" for i in range(400)])
    assert len(said.splitlines()) == 62 and said.endswith("340 more")


# --- links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", presets())
def test_a_config_survives_its_url_value(name: str) -> None:
    """The reference of a link is another run than the one that was pinned."""
    config = presets()[name].config
    assert controls.read(controls.written(config)) == (config, [])
    assert controls.read("default") == (RunConfig(), [])


def test_garbage_for_a_config_is_named_not_raised() -> None:
    """A mistyped reference breaks the page."""
    config, problems = controls.read("dropout:9,nonsense,:,steps")
    assert config == RunConfig() and len(problems) >= 2


@pytest.mark.parametrize(
    ("ratio", "words"), [(1.0, "equal"), (0.1, "G ×10"), (5.0, "D ×5"), (0.03, "G ×33.3")]
)
def test_the_ratio_reads_as_who_is_faster(ratio: float, words: str) -> None:
    """A slider at 0.1 does not tell whose rate is ten times the other's."""
    assert controls.ratio_text(ratio) == words


# --- charts --------------------------------------------------------------------------------------

LINES = [*history_charts.lines("non_saturating").values(), history_charts.lines("minimax")["losses"]]
ALL_LINES = [*LINES, history_charts.MEMORISATION, history_charts.frozen(100), history_charts.frozen(100, 3)]
CURVES = [curve for name, card in DATASETS.items()
          for curve in history_charts.curves(card, extractor(name)).values()]


@pytest.mark.parametrize("chart", LINES, ids=lambda chart: chart.title)
def test_line_charts_stay_small_and_inside_their_frame(chart: history_charts.Lines) -> None:
    """A long run makes the page slow, or a spike leaves the chart."""
    wild = [dataclasses.replace(STEP, step=i, loss_g=1e9, grad_norm_g=0.0) for i in range(1, 5000)]
    frame = history_charts.lines_frame(chart, {chart_style.THIS: History(wild)})
    assert len(frame) <= history_charts.POINTS * len(chart.series)
    assert frame["drawn"].between(*chart.domain).all()
    # What the tooltip tells stays what was measured.
    assert chart.domain[1] < 1e9 and frame["value"].max() in (1e9, 1.5, 0.6, 1.2)


def test_a_chart_is_sent_as_it_was_drawn() -> None:
    """The page shows other numbers than were measured, or calls a series by another's name."""
    chart = history_charts.SCORES
    histories = {
        run: History([dataclasses.replace(STEP, step=i, score_real=real) for i in range(1, 9)])
        for run, real in ((chart_style.THIS, 0.1), (chart_style.REFERENCE, 0.9))}
    sent = results.joined_table(history_charts.lines_frame, chart, histories).to_pandas()
    wanted = history_charts.lines_frame(chart, histories)
    assert list(sent) == list(wanted)
    for name in ("series", "run"):
        assert sent[name].tolist() == wanted[name].tolist()
    for name in ("step", "value", "drawn"):
        assert sent[name].tolist() == pytest.approx(wanted[name].tolist(), rel=1e-6)
    empty = results.joined_table(history_charts.lines_frame, chart, {})
    assert empty.column_names == list(wanted) and not len(empty)


@pytest.mark.parametrize("spec", [
    history_charts.histogram_spec(10, "digit"), history_charts.lines_spec(history_charts.SCORES, 100),
    history_charts.curve_spec(CURVES[0], 100), modes_chart.modes_spec(10, "digit", 100), points_chart.plane_spec(2.0),
], ids=["histogram", "lines", "curve", "modes", "plane"])
def test_a_chart_draws_the_data_that_come_with_it(spec) -> None:
    """A chart's frame is there, and no line in it."""
    assert "datasets" not in spec
    assert all("name" not in part.get("data", {}) for part in (spec, *spec.get("layer", ())))


def test_a_chart_is_made_anew_only_for_the_run_that_has_grown() -> None:
    """Every look at a live run draws the finished reference again, on cores that train."""
    read: list[str] = []

    def frame(chart: history_charts.Lines, histories: dict[str, History]):
        read.extend(histories)
        return history_charts.lines_frame(chart, histories)

    reference = History([STEP])
    young, older = (History([dataclasses.replace(STEP, step=i + 1) for i in range(steps)])
                    for steps in (1, 2))
    for mine in (young, older, older):
        results.joined_table(
            frame, history_charts.SCORES, {chart_style.THIS: mine, chart_style.REFERENCE: reference})
    assert read == [chart_style.THIS, chart_style.REFERENCE, chart_style.THIS]


def test_what_was_drawn_of_a_run_goes_with_it() -> None:
    """The web process grows with every run that anybody has watched."""
    mine = History([STEP], [evaluation(250)])
    results.joined_table(history_charts.lines_frame, history_charts.SCORES, {chart_style.THIS: mine})
    diagnose(mine, RunConfig())
    gone = weakref.ref(mine)
    del mine
    gc.collect()
    assert gone() is None


# --- the pace of looks ---------------------------------------------------------------------------


def test_a_first_picture_is_looked_for_more_often() -> None:
    """The picture is there, and the page shows it a second later; or a page whose run waits in the
    queue asks four times a second, for minutes."""
    begun, there = (dataclasses.replace(snapshot("running"), views=views)
                    for views in ({}, {"samples": (0,)}))
    queued, downloading = (dataclasses.replace(one, views={}) for one in (
        snapshot("queued", place=3), snapshot("starting", reason="downloading Fashion-MNIST")))
    assert experiment.pace([]) is None
    assert experiment.pace([begun]) == experiment.pace([there, begun]) < 0.5
    for waiting in (there, queued, downloading):
        assert experiment.pace([waiting]) >= 1.0


@pytest.mark.parametrize("step", [101, 400])
def test_the_frozen_chart_begins_with_the_freeze(step: int) -> None:
    """What was not measured would be drawn, or two runs frozen at other steps not lie together."""
    before = [dataclasses.replace(STEP, step=i) for i in range(1, step)]
    after = [dataclasses.replace(STEP, step=step + i, grad_norm_minimax=10.0 ** -i,
                                 grad_norm_non_saturating=1e3) for i in range(1000)]
    chart = history_charts.frozen(step - 1)
    frame = history_charts.lines_frame(chart, {chart_style.THIS: History([*before, *after])})
    assert (frame["step"].min(), frame["step"].max()) == (1, 1000)
    assert len(frame) == history_charts.POINTS * 2 and frame["drawn"].between(*chart.domain).all()
    assert history_charts.lines_frame(chart, {chart_style.THIS: History(before)}).empty
    spec = history_charts.lines_spec(chart, step + 999, ((step + 9, "faster D"),))
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1000]
    assert spec["layer"][0]["encoding"]["x"]["title"] == "D steps since the freeze"
    assert '"at": 10, "label": "faster D"' in json.dumps(spec)


def test_judgements_come_from_the_evaluations() -> None:
    """What D thinks of images it knows is measured at evaluations: by steps there is nothing."""
    metrics = {"score_train": 0.9, "score_held_out": 0.4, "score_generated": 0.1}
    history = History([STEP], [EvalRecord(250, metrics), EvalRecord(500, {"modes": 1.0})])
    frame = history_charts.lines_frame(history_charts.MEMORISATION, {chart_style.REFERENCE: history})
    assert frame["value"].tolist() == [0.9, 0.4, 0.1] and set(frame["step"]) == {250.0}
    scale = history_charts.lines_spec(history_charts.MEMORISATION, 1000)["layer"][0]["encoding"]["color"]["scale"]
    assert len(set(scale["range"])) == len(scale["domain"]) == 3


@pytest.mark.parametrize("spec", [
    lambda marks: history_charts.lines_spec(history_charts.GRADIENTS, 1000, marks),
    lambda marks: history_charts.curve_spec(CURVES[0], 1000, marks),
    lambda marks: modes_chart.modes_spec(8, "mode", 1000, marks),
], ids=["lines", "curve", "modes"])
def test_what_was_changed_is_marked_on_every_chart(spec) -> None:
    """A reader does not see at which step the learning rate was raised."""
    marks = ((500, "dropout 0.4"), (950, "rate 1e-3"), (2000, "beyond the chart"))
    text = json.dumps(spec(marks))
    assert '"at": 500, "label": "dropout 0.4"' in text and "rate 1e-3" in text
    assert "beyond" not in text and '"at"' not in json.dumps(spec(()))
    assert '"align": "left"' in text and '"align": "right"' in text  # a late label is not cut
    assert spec(marks) is spec(marks)


def test_rotation_is_seen_as_modes_that_take_turns() -> None:
    """A G that visits one mode after another looks the same as one that stays in one."""
    shares = np.eye(8)[[3, 3, 5]]
    history = History([], [EvalRecord(step, {}, tuple(row))
                           for step, row in zip((0, 250, 300), shares, strict=True)])
    frame = modes_chart.modes_frame(history)
    there = frame[frame["share"] == 1]
    assert there["mode"].tolist() == ["3", "3", "5"] and len(frame) == 24
    assert there["start"].tolist() == [0, 125, 275] and there["end"].tolist() == [125, 275, 300]
    assert list(modes_chart.modes_frame(History())) == list(frame)


# --- the plane -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_captured_modes_are_those_that_evaluations_count(name: str) -> None:
    """The plane would show another number of modes than the verdict: a sample within 3σ is one."""
    card = DATASETS[name]
    centres = np.array(card.centres)
    points = np.stack([centres[2] + [0, 2.9 * card.sigma], centres[5] - [3.1 * card.sigma, 0]])
    assert np.flatnonzero(points_chart.captured(points, card)).tolist() == [2]
    assert points_chart.captured(centres, card).all()


def test_the_plane_holds_points_centres_and_cells_at_their_place() -> None:
    """D's opinion would be drawn beside the points that it is about."""
    card = DATASETS["ring"]
    surface = np.zeros((48, 48), np.float32)
    surface[0, -1] = 1.0  # top right, as it is stored
    frame = points_chart.plane_frame(np.full((2500, 2), 0.5), surface, card)
    counts = frame["part"].value_counts()
    assert dict(counts) == {"cell": 2304, "missed": 8, "point": points_chart.SCATTERED}
    cell = frame[frame["score"] == 1].iloc[0]
    side = 2 * card.extent / 48
    assert (cell["x"], cell["y"]) == pytest.approx((card.extent - side, card.extent - side))
    assert frame[frame["part"] == "cell"]["x"].min() == pytest.approx(-card.extent)
    assert "cell" not in set(points_chart.plane_frame(np.zeros((3, 2)), None, card)["part"])
    assert points_chart.plane_spec(card.extent) is points_chart.plane_spec(card.extent)


# --- neighbours ----------------------------------------------------------------------------------


def test_a_copy_stands_beside_its_original_with_its_distance() -> None:
    """A reader cannot tell a theft from a resemblance, or hears nothing of it from a reader."""
    pictures = np.zeros((8, 3, 28, 28), np.uint8)
    pictures[:, 2, 0, :4] = 255  # 4 pixels that differ by 2: distance 4
    text = samples._triples(pictures)
    assert text.count("<img") == text.count("alt=") == 24
    assert text.count("training 0.0<") == text.count("new 4.0<") == 8
    assert text.count("nearest training image, distance 0.0") == 8


def test_a_minimax_generators_loss_is_drawn_where_it_is() -> None:
    """L_G of the minimax loss is negative: a frame from 0 draws a flat line at 0."""
    low, high = history_charts.lines("minimax")["losses"].domain
    assert low < -np.log(2) and high > 2 * np.log(2)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.title)
def test_every_curve_finds_its_metric(curve: history_charts.Curve) -> None:
    """A chart asks for a metric that no evaluation has, and stays empty."""
    record = EvalRecord(250, {curve.metric: 1e9})
    frame = history_charts.curve_frame(curve, {chart_style.THIS: History((), [record])})
    assert frame["value"].tolist() == [1e9] and frame["drawn"].tolist() == [curve.domain[1]]
    text = json.dumps(history_charts.curve_spec(curve, 1000), ensure_ascii=False)
    assert curve.note in text and curve.axis in text


@pytest.mark.parametrize("chart", ALL_LINES, ids=lambda chart: chart.described())
def test_a_chart_keeps_its_specification_while_live(chart: history_charts.Lines) -> None:
    """The chart is built anew, and flickers, at every look."""
    assert history_charts.lines_spec(chart, 1000) is history_charts.lines_spec(chart, 1000)
    text = json.dumps(history_charts.lines_spec(chart, 1000), ensure_ascii=False)
    assert chart.title in text and chart.axis in text and chart.note in text


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_has_its_charts(name: str) -> None:
    """A data set can be chosen whose charts cannot be drawn."""
    card = DATASETS[name]
    assert json.dumps(history_charts.histogram_spec(card.modes, card.mode_noun))
    assert {curve.metric for curve in history_charts.curves(card, {}).values()} >= {"modes"}
    assert card.kind == "image" or card.extent > 0


def test_empty_histories_give_empty_frames_with_columns() -> None:
    """The page fails before the first record is there."""
    empty = {chart_style.THIS: History()}
    for chart in ALL_LINES:
        assert history_charts.lines_frame(chart, empty).empty and history_charts.lines_frame(chart, {}).empty
    for curve in CURVES:
        assert list(history_charts.curve_frame(curve, {})) == ["step", "value", "run", "drawn"]
    assert list(history_charts.histogram_frame({})) == ["mode", "share", "run"]


def test_samples_are_those_at_or_before_the_step() -> None:
    """The sheet shows a later state than the step slider says."""
    run = dataclasses.replace(snapshot(), views={"samples": (0, 50, 100), "averaged": (50,)})
    assert [samples.nearest_sample(run, step) for step in (0, 49, 50, 99, 1000)] == [
        0, 0, 50, 50, 100]
    assert [samples.nearest_sample(run, step, averaged=True) for step in (49, 99)] == [None, 50]
    assert samples.nearest_sample(dataclasses.replace(run, views={}), 100) is None


def test_the_map_names_all_five_challenges() -> None:
    """A challenge of the lecture notes is missing from the home page."""
    assert set(CHALLENGES) == {
        "baseline", "training_instability", "mode_collapse", "vanishing_gradients",
        "discriminator_overfitting", "computational_cost"}


# --- claims --------------------------------------------------------------------------------------

SOME = Claim(
    "report", "Results", "baseline", "Dropout helps.",
    {"plain": RunConfig(steps=10), "dropout": RunConfig(dropout=0.4, steps=10)},
    (less("dropout", "plain", "frechet"), shows("plain", "instability")), over=(0, 1),
    shown_by="remedy-dropout")


def some_evidence(frechet: float = 90.0) -> dict[str, Measured]:
    return {
        measured_runs.run_key(config): MeasuredRun("CPU", f"2026-01-0{1 + config.seed}", {
            "frechet": frechet + 20 * config.seed, "instability": float(config.seed)})
        for configs in SOME.configs().values() for config in configs
    }


def test_the_table_of_a_claim_tells_mean_and_range() -> None:
    """A reader of the numbers cannot see how far seeds lie apart."""
    lines = claims.numbers_table(SOME, some_evidence()).splitlines()
    assert lines[0] == "| run | steps | Fréchet distance | Training instability found |"
    assert len(lines) == 4 and lines[2].endswith("| 10 | 100 (90 – 110) | 1 of 2 |")


def test_what_was_not_measured_has_no_numbers() -> None:
    """A figure stands in the table that nobody measured."""
    assert claims.numbers_table(SOME, {}).splitlines()[2].endswith("| 10 | – | – |")
    assert claims.conditions(SOME, {}) == "Mean (smallest – largest) over seeds 0, 1"


def test_a_claim_tells_where_and_when_it_was_measured() -> None:
    """Numbers of another machine, or of last year, pass for those of today."""
    said = claims.conditions(SOME, some_evidence())
    assert "CPU" in said and "2026-01-01 to 2026-01-02" in said


def test_a_recipe_is_named_only_if_there_is_one() -> None:
    """A command on the page is refused."""
    assert "`python -m gan_core run --preset remedy-dropout`" in claims.example(SOME)
    assert "No recipe" in claims.example(dataclasses.replace(SOME, shown_by="no-such-recipe"))


def test_every_verdict_has_its_sign() -> None:
    """A verdict is told by colour alone, or breaks the page."""
    assert set(claims.BADGES) == set(WORDS)
    assert len({icon for _, icon in claims.BADGES.values()}) == len(WORDS)


# --- what only some runs have --------------------------------------------------------------------


def test_a_change_in_mid_run_is_told_and_marked():
    """The run's caption hides that it was rescued, or the chart does not show where."""
    config = RunConfig(steps=1000, freeze_generator=700).changed(
        400, dropout=0.4, learning_rate_ratio=10.0, r1=0.1)
    assert "from step 400: rates D ×10, Dropout in D 0.4, R1 γ 0.1" in config_text.caption(config)
    assert config_text.marks(config) == (
        (400, "rates D ×10, Dropout in D 0.4, R1 γ 0.1"), (700, "G frozen"))
    assert "@" not in config_text.caption(config)
    told = config_text.difference_text(config, RunConfig(freeze_generator=700))
    assert told.startswith("from step 400: ")
    assert "no change in mid-run" in config_text.difference_text(RunConfig(freeze_generator=700), config)


def frozen_history(steps: int = 10) -> History:
    norms = [dataclasses.replace(STEP, step=step, grad_norm_minimax=10.0 ** -step,
                                 grad_norm_non_saturating=float(step))
             for step in range(3, steps + 1)]
    return History([dataclasses.replace(STEP, step=step) for step in (1, 2)] + norms)


def test_the_verdict_on_a_frozen_generator_tells_of_its_gradients():
    """It stands still by design, and the verdict calls it a young generator."""
    config = RunConfig(steps=10, freeze_generator=2)
    found = verdict.verdict(dataclasses.replace(snapshot(config=config), history=frozen_history()))
    assert "stands still since step 2" in found.text
    assert "minimax 0.001 → 1e-10" in found.text and "non-saturating 3 → 10" in found.text


def test_the_headline_of_a_page_is_compared():
    """A remedy restores the gradient, and the page tells only that the digits are as poor."""
    this = snapshot(config=RunConfig(steps=1000, loss="minimax"))
    told = verdict.difference(this, snapshot(), "missed")
    assert "D accepts new images less often" in told and "Fréchet distance" in told


@pytest.mark.parametrize("name", CHALLENGES)
def test_a_prediction_is_answered_by_what_was_measured(name):
    """The page praises a wrong prediction, or blames a right one."""
    challenge = CHALLENGES[name]
    headline, options = HEADLINES[challenge.headline], challenge.prediction.options
    assert [most for _, most in options] == sorted(most for _, most in options)
    assert options[-1][1] == math.inf and len(options) >= 3
    run = snapshot()
    value = headline.of(run.history)
    for answer, _ in options:
        told = prediction.outcome(challenge, run, answer)
        assert answer in told
        if value == value:
            assert (": right (" in told) == (challenge.prediction.right(value) == answer)
            assert headline.told(value) in told


def timed(each: float, steps: int, modes: int) -> RunSnapshot:
    run = snapshot(config=RunConfig(steps=steps, width=each))
    found = [dataclasses.replace(evaluation(step, modes=modes), seconds=each * step)
             for step in range(0, steps + 1, 250)]
    return dataclasses.replace(run, history=History(run.history.steps[:steps], found))


def test_where_time_is_what_counts_runs_are_compared_after_equal_times():
    """A network that takes four times as long is compared as if its steps were free."""
    slow, quick = timed(0.4, 500, 3), timed(0.25, 1000, 10)
    told = verdict.difference(slow, quick, "step_seconds", by_time=True)
    assert "After 3 min (step 500; reference 3 min, step 750)" in told
    assert "3 digits" in told and "reference 10" in told
    assert "At step 500" in verdict.difference(slow, quick, "step_seconds")
