"""Charts as files: well-formed, true to the numbers, readable, whatever a run is like."""

from __future__ import annotations

import dataclasses
import io
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from gan_core.config.presets import RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.export.charts import table as chart_table
from gan_core.export.charts.axis import Axis, tick_words, value_axis
from gan_core.export.charts.drawing import HEIGHT, WIDTH, Box, Line, Words
from gan_core.export.charts.files import chart_svgs, drawings
from gan_core.export.charts.layout import wrapped
from gan_core.export.charts.png import SCALE, png, png_of_all, spelled
from gan_core.export.charts.series import POINTS, pieces, thinned
from gan_core.export.charts.svg import svg_of_all
from gan_core.export.charts.table import ACCURACIES, Lines, lines
from gan_core.export.sheets import Reel
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord, StepRecord
from gan_core.runs.snapshots import empty_snapshot
from pages.components import server

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</svg><script>alert(1)</script>"&\x00\x0b<'


def reel(name: str, title: str = "This run") -> Reel:
    store, config = server.recorded(), RECORDED[name]
    snapshot = store.snapshot(config.digest())
    assert snapshot is not None
    return Reel(title, snapshot.until(config.steps), store)


def made_up(*records: StepRecord | EvalRecord, title: str = "This run", **config: object) -> Reel:
    snapshot = empty_snapshot(RunConfig(**config), "finished")
    return Reel(title, dataclasses.replace(snapshot, history=History.of(records)),
                server.recorded())


def a_step(number: int, value: float = 1.0) -> StepRecord:
    return StepRecord(number, *([value] * 10))


def chart_pngs(reels: list[Reel]) -> dict[str, bytes]:
    return {name: png(drawing) for name, drawing in drawings(reels).items()}


PAIR = [("collapse", "This run"), ("remedy", "Reference")]


# --- which charts there are ----------------------------------------------------------------------


def test_a_pair_has_all_charts_and_both_formats_have_the_same() -> None:
    """A chart of the page is missing among the files, or one format lacks it."""
    reels = [reel(*of) for of in PAIR]
    svgs, pngs = chart_svgs(reels), chart_pngs(reels)
    assert svgs.keys() == pngs.keys()
    assert {"losses", "scores", "accuracies", "gradients", "gauges", "frechet", "modes",
            "diversity", "supported", "memory", "histogram", "rotation"} <= svgs.keys()
    assert "frozen" in chart_svgs([reel("frozen")])


def test_pages_and_files_have_one_table_of_words() -> None:
    """A chart is called otherwise in a report than on the page."""
    assert chart_table.lines is lines and chart_table.Lines is Lines


@pytest.mark.parametrize("names", [PAIR, [("rotation", "This run")], [("frozen", "This run")]])
def test_each_is_a_well_formed_drawing_with_a_name(names: list[tuple[str, str]]) -> None:
    """A program refuses the file, or a screen reader says nothing of it."""
    for text in chart_svgs([reel(*of) for of in names]).values():
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg" and root.get("role") == "img" and root.get("aria-label")
        assert root.get("viewBox") == f"0 0 {WIDTH:g} {HEIGHT:g}"


def test_hostile_names_stay_words() -> None:
    """A run that came out of a file runs a script in whoever opens the chart."""
    drawn = chart_svgs([dataclasses.replace(reel("collapse"), title=HOSTILE),
                        dataclasses.replace(reel("remedy"), title=HOSTILE)])
    for text in drawn.values():
        root = ElementTree.fromstring(text)
        assert not [part for part in root.iter() if part.tag.endswith("script")]
        assert "<script" not in text
    assert chart_pngs([dataclasses.replace(reel("rotation"), title=HOSTILE)])


def test_pictures_are_as_large_as_a_slide() -> None:
    """Letters on a slide are a smear."""
    for content in chart_pngs([reel("collapse")]).values():
        picture = Image.open(io.BytesIO(content))
        assert picture.format == "PNG" and picture.size == (WIDTH * SCALE, HEIGHT * SCALE)
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        assert len(content) < 400_000


def test_all_on_one_sheet() -> None:
    """The sheet lacks the last chart, or draws all of them in one place."""
    drawn = list(drawings([reel("collapse")]).values())
    root = ElementTree.fromstring(svg_of_all(drawn))
    places = [(part.get("x"), part.get("y")) for part in root.findall(f"{SVG}svg")]
    assert len(set(places)) == len(drawn)
    rows = -(-len(drawn) // 2)
    assert Image.open(io.BytesIO(png_of_all(drawn))).size == (2 * WIDTH * 2, rows * HEIGHT * 2)


# --- what they show ------------------------------------------------------------------------------


def heights(name: str, *reels: Reel) -> list[float]:
    """How high the points of a chart's first line lie, in pixels from the top."""
    drawing = drawings(list(reels))[name]
    first = next(mark for mark in drawing.marks if isinstance(mark, Line)
                 and mark.role in ("data", "this") and len(mark.points) > 2)
    return [y for _, y in first.points]


def test_a_line_is_where_its_numbers_are() -> None:
    """A rising score falls on paper."""
    rising = heights("scores", made_up(*(a_step(n, n / 10) for n in range(1, 11))))
    assert rising == sorted(rising, reverse=True)
    even = np.diff(rising)
    assert even == pytest.approx(even[0], abs=0.01)


def test_the_gradient_has_a_log_axis() -> None:
    """A gradient that falls by a thousand looks like zero at the first tenth."""
    falling = heights("gradients", made_up(*(a_step(n, 10.0 ** -n) for n in range(1, 6))))
    assert np.diff(falling) == pytest.approx(np.diff(falling)[0], abs=0.01)


def test_runs_of_different_pace_are_compared_by_time() -> None:
    """On the cost page twelve steps stand beside twelve steps, and the price is not seen."""
    reels = [reel("costly"), reel("dcgan", "Reference")]
    by_time = drawings(reels, by_time=True)["losses"]
    assert any(isinstance(mark, Words) and mark.text == "seconds of training"
               for mark in by_time.marks)


def test_modes_of_other_data_do_not_stand_in_one_chart() -> None:
    """Eight modes of a ring look like eight of ten digits."""
    drawn = drawings([reel("rotation"), reel("collapse", "Reference")])
    words = [mark.text for mark in drawn["modes"].marks if isinstance(mark, Words)]
    assert "Reference" not in words
    assert "reference" in [mark.text for mark in drawn["losses"].marks if isinstance(mark, Words)]


# --- whatever a run is like ----------------------------------------------------------------------


@pytest.mark.parametrize("values", [
    [math.nan] * 5, [math.inf, -math.inf, 1.0], [1.0], [0.0, 0.0], [1e30, -1e30, 1.0],
    [-1.0, -2.0], [1e-300, 1e300], [math.nan, 2.0, math.nan]])
def test_no_history_breaks_a_chart(values: list[float]) -> None:
    """A run that diverged, or has one step, ends in a stack trace."""
    records = [a_step(place + 1, value) for place, value in enumerate(values)]
    reels = [made_up(*records), made_up(*records, title="Reference")]
    for text in chart_svgs(reels).values():
        ElementTree.fromstring(text)
        assert "nan" not in text.replace("nan)", "") and "inf" not in text
    assert all(map(bytes, chart_pngs(reels[:1]).values()))


def test_a_run_without_records_has_no_chart() -> None:
    """Of a run that waits there are empty frames that say nothing."""
    assert chart_svgs([made_up()]) == {} and chart_pngs([made_up()]) == {}


def test_a_single_point_is_seen() -> None:
    """A run with one step has an empty chart."""
    assert "<circle" in chart_svgs([made_up(a_step(1))])["losses"]


def test_an_older_evaluation_is_drawn() -> None:
    """A run of an earlier version has no histogram."""
    record = EvalRecord(0, {"modes": 2.0, "modes_total": 10.0}, (0.5, 0.5, *([0.0] * 8)))
    assert "Nearest digit of each sample" in chart_svgs([made_up(record)])["histogram"]


def test_a_huge_history_is_thinned_and_keeps_its_extremes() -> None:
    """A spike of one step in 200 000 is not there on paper; or the file has a hundred megabytes."""
    x = np.arange(200_000.0)
    y = np.sin(x / 1000)
    y[123_457], y[77_777] = 50.0, -50.0
    thin_x, thin_y = thinned(x, y)
    assert len(thin_x) <= POINTS + 1 and (np.diff(thin_x) > 0).all()
    assert thin_y.max() == 50.0 and thin_y.min() == -50.0
    assert thin_x[0] == 0 and thin_x[-1] == 199_999
    many = made_up(*(a_step(step) for step in range(1, 30_001)))
    assert sum(map(len, chart_svgs([many]).values())) < 400_000


def test_a_wandering_g_is_seen_to_wander() -> None:
    """On paper a rotation looks as if all modes were there at all times."""
    drawing = drawings([reel("rotation")])["rotation"]
    columns: dict[float, set[float]] = {}
    for mark in drawing.marks:
        if isinstance(mark, Box) and mark.left > 60 and mark.height > 13 and mark.share > 0.6:
            columns.setdefault(mark.left, set()).add(mark.top)
    assert len(columns) > 5 and max(map(len, columns.values())) <= 2
    assert len(set().union(*columns.values())) >= 5
    assert "no sample was recognised" in chart_svgs([reel("frozen")])["rotation"]


def test_gaps_stay_gaps() -> None:
    """Where nothing is known a line is drawn."""
    y = np.array([1.0, 2.0, math.nan, 3.0, 4.0, math.nan, 5.0])
    assert [part.tolist() for _, part in pieces(np.arange(7.0), y)] == [
        [1.0, 2.0], [3.0, 4.0], [5.0]]


# --- axes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("axis", "ticks"), [
    (Axis(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]), (Axis(0, 8), [0, 2, 4, 6, 8]),
    (Axis(0, 1000), [0, 200, 400, 600, 800, 1000]), (Axis(-6, 4), [-6, -4, -2, 0, 2, 4]),
    (Axis(1e-3, 1e1, True), [1e-3, 1e-2, 1e-1, 1, 10])])
def test_ticks_are_round(axis: Axis, ticks: list[float]) -> None:
    """An axis counts in 0.1667."""
    assert axis.ticks() == pytest.approx(ticks)


@pytest.mark.parametrize("span", [1e-6, 0.037, 1.0, 17.0, 46_900.0, 2e8])
def test_an_axis_of_any_length_has_a_few_ticks(span: float) -> None:
    """An axis has none, or forty that lie upon each other."""
    ticks = Axis(0.0, span).ticks()
    assert 3 <= len(ticks) <= 7 and ticks[-1] <= span * (1 + 1e-9)
    assert 3 <= len(Axis(1e-12, 1e12, True).ticks()) <= 7


@pytest.mark.parametrize(("value", "words"), [
    (0.0, "0"), (0.25, "0.25"), (-2.0, "−2"), (20_000.0, "20 000"), (1e-5, "1e−5"), (1e8, "1e8")])
def test_ticks_are_written_as_people_write_them(value: float, words: str) -> None:
    """An axis says 20000.000000 or 1e+05."""
    assert tick_words(value) == words


def test_a_spike_does_not_flatten_the_rest_and_is_told_of() -> None:
    """One step of 1e6 makes a line of all others; or it is cut off, and nobody is told."""
    values = np.ones(1000)
    values[500] = 1e6
    assert value_axis((0.0, 8.0), values, (), False).high == 8.0
    records = [a_step(step, 1e6 if step == 50 else 1.0) for step in range(1, 400)]
    assert "lie on its edge" in chart_svgs([made_up(*records)])["losses"].replace("\n", " ")


def test_words_fit_into_their_line() -> None:
    """A note runs out of the picture."""
    lines = wrapped("word " * 80, 300)
    assert len(lines) == 2 and lines[-1].endswith("…")


def test_pillow_has_all_letters_of_the_table() -> None:
    """On a slide a title has boxes in place of letters."""
    for text in ("What D thinks: σ(logit)", "mean |∂L_G/∂logit|", "−ln 2", "ratio ÷ two", "3σ",
                 "Fréchet", ACCURACIES.note):
        assert "?" not in spelled(text) and spelled(text).isprintable()
