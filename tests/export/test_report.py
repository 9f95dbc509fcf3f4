"""Reports: one file that needs nothing else, says what is true, and whose words do not act."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
import shlex
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from gan_core.cli.arguments import chosen_config, config_options
from gan_core.config.fields import KNOBS
from gan_core.config.presets import CHALLENGES, RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import tick_text
from gan_core.diagnosis.headlines import HEADLINES
from gan_core.exploration.shipped_maps import SHIPPED, shipped_results
from gan_core.export.report.metric_words import METRICS, meaning
from gan_core.export.report.of_map import report_of_map
from gan_core.export.report.of_runs import report
from gan_core.export.report.page import POLICY, anchor, paragraphs
from gan_core.export.report.settings import command
from gan_core.export.report.verdict import spoken as spoken_here
from gan_core.export.sheets import Reel
from gan_core.runs.snapshots import empty_snapshot
from gan_core.runs.store import RunStore
from gan_core.serving.run_words import spoken_verdict
from pages.components import prediction
from tests.export.test_charts import HOSTILE, PAIR, reel

MOST = 5_000_000  # bytes: mail takes it
PAGE = "mode_collapse"


def brief(name: str) -> Reel:
    """A recorded run with two sheets: its film is made at once."""
    run = reel(name)
    views = {"samples": (run.steps[0], run.steps[-1])}
    return dataclasses.replace(run, snapshot=dataclasses.replace(run.snapshot, views=views))


class Read(HTMLParser):
    """Tags of a file in order, its words, and what its attributes load."""

    VOID = frozenset(("meta", "img", "br", "source"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, "a tag is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.words).split())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def pair() -> str:
    """A report on a pair with all that a page knows of it."""
    given = CHALLENGES[PAGE].prediction.options[1][0]
    return report([reel(*of) for of in PAIR], PAGE, predicted=given, script="gan-1.py",
                  link="https://lab.example/mode_collapse?v=1&seed=0")


# --- one file ------------------------------------------------------------------------------------


def test_it_is_one_file_that_loads_nothing(pair: str) -> None:
    """Offline the pictures are missing; or whoever opens it tells a stranger so."""
    read = Read(pair)
    assert not read.of("script") and not read.of("link") and not read.of("iframe")
    loaded = [each.get(name) for _, each in read.tags
              for name in ("src", "srcset", "data", "poster") if each.get(name) is not None]
    assert loaded and all(address.startswith("data:image/") for address in loaded)
    assert not re.search(r"url\(|@import", pair)
    assert not [name for _, each in read.tags for name in each if name.startswith("on")]
    policies = [each["content"] for each in read.of("meta")
                if each.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [POLICY] and "default-src 'none'" in POLICY


def test_its_pictures_can_be_decoded_and_have_words(pair: str) -> None:
    """A browser shows a broken picture, or a screen reader says "image"."""
    images = Read(pair).of("img")
    kinds = []
    for each in images:
        assert each["alt"]
        content = base64.b64decode(each["src"].partition(",")[2])
        kinds.append(Image.open(io.BytesIO(content)).format)
    assert kinds.count("GIF") == 1 and kinds.count("PNG") == 6, "first, middle, last of both runs"


def test_it_is_small_enough_for_mail(pair: str) -> None:
    """A teacher cannot send it."""
    assert len(pair.encode()) < MOST


def test_headings_are_in_order(pair: str) -> None:
    """A screen reader jumps over a level."""
    levels = [int(tag[1]) for tag, _ in Read(pair).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_its_charts_are_drawings_within_it(pair: str) -> None:
    """They are missing, or a drawing that is not closed swallows the rest."""
    charts = re.findall(r"<svg .*?</svg>", pair, re.S)
    assert len(charts) >= 10
    for chart in charts:
        ElementTree.fromstring(chart)


def test_the_same_runs_have_the_same_report() -> None:
    """Two zips of one run differ, and nobody knows in what."""
    assert report([brief("rotation")]) == report([brief("rotation")])


# --- what it says --------------------------------------------------------------------------------


def test_it_asks_answers_and_judges(pair: str) -> None:
    """The report lacks the page's question, or says another verdict than the page."""
    said = Read(pair).said
    for snapshot in (reel(*of).snapshot for of in PAIR):
        verdict = spoken_verdict(snapshot)
        for words in (verdict.name, verdict.sentence, verdict.headline):
            assert words in said
        for chip in verdict.chips:
            assert chip.label in said and chip.value in said and chip.help in said
    for remedy in spoken_verdict(reel("collapse").snapshot).remedies:
        assert remedy.label in said and remedy.why in said
    helps = re.search(r"<h2>What helps</h2>.*?</section>", report([brief("rotation")]), re.S)[0]
    labels = re.findall(r"<li><strong>(.*?)</strong>", helps)
    assert labels and len(labels) == len(set(labels)), "each remedy is told once"
    assert "would a generator that is free to draw them all" in said


@pytest.mark.parametrize("name", RECORDED)
def test_verdicts_are_those_of_the_pages(name: str) -> None:
    """A report judges by itself."""
    snapshot = reel(name).snapshot
    page, here = spoken_verdict(snapshot), spoken_here(snapshot)
    told, of_page = dataclasses.asdict(here), dataclasses.asdict(page)
    measured = told.pop("measured")
    assert told == {name: of_page[name] for name in told}
    assert all(chip in measured for chip in told["chips"] if chip["label"] not in (
        "since", "reached"))


@pytest.mark.parametrize("place", range(3))
def test_a_prediction_is_told_to_be_right_or_not(place: int) -> None:
    """Whoever predicted right reads that it was wrong."""
    challenge, run = CHALLENGES[PAGE], brief("collapse")
    given = challenge.prediction.options[place][0]
    value = HEADLINES[challenge.headline].value_of(run.snapshot.history)
    said = Read(report([run], PAGE, predicted=given)).said
    right = challenge.prediction.right(value) == given
    assert ("That is right" in said) == right
    assert right == ("right (" in prediction.outcome(challenge, run.snapshot, given))


def test_without_a_prediction_nothing_is_said_of_one() -> None:
    """The report says that somebody predicted what nobody did."""
    for given in ("", "something else"):
        assert "Predicted" not in Read(report([brief("collapse")], PAGE, predicted=given)).said


def test_only_settings_that_differ_are_in_the_first_table(pair: str) -> None:
    """Forty equal rows hide the one that matters; or that one is missing."""
    first = re.search(r'aria-label="Settings that differ".*?</table>', pair, re.S)
    this, reference = (reel(*of).snapshot.config for of in PAIR)
    names = re.findall(r'<th scope="row">(.*?)</th>', first[0])
    changed = this.changes(base=reference)
    assert names == [KNOBS[name].label for name in changed]
    for name in changed:
        assert tick_text(name, getattr(this, name)) in first[0]
    assert pair.count("<th scope=\"row\">") > len(KNOBS), "all settings are there, folded"


def test_the_command_repeats_the_run() -> None:
    """Whoever types it trains another run."""
    from gan_core.cli.arguments import Parser

    configs = [*RECORDED.values(), RunConfig(seed=7).changed(
        40, learning_rate_ratio=10.0, dropout=0.4)]
    for config in configs:
        typed = command(config)
        words = shlex.split(typed)
        assert "'" not in typed, "cmd of Windows knows no single quotes"
        assert not re.search(r'[$`!%\\,;&|<>^()]|"[^"]*"[^ ]', typed), "a shell would read it"
        assert words[:4] == ["python", "-m", "gan_core", "run"]
        options = Parser(parents=[config_options()]).parse_args(words[4:])
        assert chosen_config(options) == config


def test_metrics_have_their_meaning(pair: str) -> None:
    """A table of "r_v" and "travel_g", which nobody understands."""
    glossary = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
    part = glossary.split("## Metrics of an evaluation")[1].split("\n## ")[0]
    part = part.replace("`overfit_gap` ÷", "overfit_gap ÷")
    assert dict(re.findall(r"^\| `(\w+)` \| \S+ \| (.*) \|$", part, re.M)) == METRICS
    measured = re.search(r'aria-label="Metrics".*?</table>', pair, re.S)[0]
    explained = re.findall(r"<code>(\w+)</code> <small>(.*?)</small>", measured)
    assert len(explained) > 20 and all(words for _, words in explained)
    assert meaning("ema_frechet") == f"of the averaged generator: {METRICS['frechet']}"


def test_its_title_is_no_verdict(pair: str) -> None:
    """"Mode collapse" stands above "Mode collapse", and nobody knows which is the finding."""
    assert "<h1>GAN challenge: mode collapse</h1>" in pair
    assert "<title>GAN challenge: mode collapse, run " in pair


def test_of_a_run_on_a_gpu_it_promises_no_repetition(pair: str) -> None:
    """Whoever types the command compares two runs that draw other random numbers."""
    run = brief("collapse")
    status = dataclasses.replace(run.snapshot.status, device="NVIDIA H100 80GB HBM3")
    on_a_gpu = dataclasses.replace(run, snapshot=run.snapshot.with_status(status))
    assert "A GPU draws other random numbers" in Read(report([on_a_gpu])).said
    assert "A GPU draws other random numbers" not in Read(pair).said


def test_it_says_how_to_repeat_it(pair: str) -> None:
    """Seed, device, version or the way back into the app are missing."""
    read = Read(pair)
    for words in ("gan-1.py", "Seed", "Device", "Version", reel("collapse").snapshot.digest,
                  reel("collapse").snapshot.status.device):
        assert words in read.said
    assert [each["href"] for each in read.of("a")] == [
        "https://lab.example/mode_collapse?v=1&seed=0"]


def test_a_run_that_goes_on_is_told_of_as_such() -> None:
    """A report made in mid-run reads as if that were all."""
    run = brief("collapse")
    status = dataclasses.replace(run.snapshot.status, state="running", step=500)
    live = dataclasses.replace(run, snapshot=run.snapshot.with_status(status))
    given = CHALLENGES[PAGE].prediction.options[0][0]
    said = Read(report([live], PAGE, predicted=given)).said
    assert "still going on" in said and "That is right" not in said


# --- whatever a run is like ----------------------------------------------------------------------


def test_a_run_without_anything_has_a_report(tmp_path) -> None:
    """A run that waits ends in a stack trace."""
    run = Reel("This run", empty_snapshot(RunConfig()), RunStore(tmp_path))
    said = Read(report([run], PAGE)).said
    assert "no samples yet" in said and "Nothing has been measured yet" in said


def test_damaged_samples_are_told_of(tmp_path) -> None:
    """One broken picture takes the whole report away."""
    run = dataclasses.replace(reel("collapse"), store=RunStore(tmp_path))
    said = Read(report([run], PAGE)).said
    assert "cannot be shown" in said and "The film cannot be made" in said
    assert str(tmp_path) not in said


@pytest.mark.parametrize("field", ["title", "device", "reason", "metric", "link", "script"])
def test_strangers_words_stay_words(field: str) -> None:
    """A run that came out of a file runs a script in whoever opens the report."""
    run = brief("rotation")
    if field == "title":
        run = dataclasses.replace(run, title=HOSTILE)
    if field in ("device", "reason"):
        status = dataclasses.replace(run.snapshot.status, state="stopped", **{field: HOSTILE})
        run = dataclasses.replace(run, snapshot=run.snapshot.with_status(status))
    if field == "metric":
        history = run.snapshot.history
        last = dataclasses.replace(history.evaluations[-1], step=history.last_step + 1, metrics={
            **history.evaluations[-1].metrics, HOSTILE: 1.0})
        run = dataclasses.replace(run, snapshot=dataclasses.replace(
            run.snapshot, history=history.grown([last])))
    text = report([run], PAGE, link=HOSTILE if field == "link" else "",
                  script=HOSTILE if field == "script" else "")
    assert not Read(text).of("script") and "<script" not in text
    assert "\x00" not in text and "\x0b" not in text


@pytest.mark.parametrize("address", [
    "javascript:alert(1)", "data:text/html,x", "//lab.example", "https://a\" onclick=\"x",
    "https://a b", "file:///etc/passwd", ""])
def test_a_link_leads_to_the_web_or_nowhere(address: str) -> None:
    """A press on *Open in the app* runs a stranger's script."""
    assert anchor(address, "Open") == ""


# --- of a map ------------------------------------------------------------------------------------


@pytest.mark.parametrize("colouring", ["verdict", "frechet"])
def test_a_map_has_a_report(colouring: str) -> None:
    """Picture, lessons, cells or the command are missing."""
    drawn = SHIPPED["best-session"].drawn
    text = report_of_map(drawn, shipped_results().read(drawn), colouring, command="gan-lab map",
                         link="https://lab.example/parameter_map", lesson="- **One** lesson.\n")
    read = Read(text)
    assert len(read.of("img")) == (1 if colouring == "verdict" else 2)
    assert all(each["alt"] and each["src"].startswith("data:image/png") for each in read.of("img"))
    cells = re.search(r'aria-label="Cells".*?</table>', text, re.S)
    assert cells[0].count('<th scope="row">') == drawn.columns * drawn.rows
    for words in ("One lesson", "gan-lab map", drawn.x.label, drawn.y.label):
        assert words in read.said.replace("  ", " ")
    assert not read.of("script") and len(text) < MOST


def test_an_empty_map_has_one() -> None:
    """A map that nobody has filled ends in a stack trace."""
    drawn = SHIPPED["rate-ratio"].drawn
    assert "No run has been trained yet" in Read(report_of_map(drawn, {})).said


def test_lessons_keep_their_lists() -> None:
    """A lesson's points run into each other, or its stars stay."""
    assert paragraphs("- **a** b\n  c\n- *d* `e`\n\nlast <b>") == (
        "<ul><li><strong>a</strong> b c</li><li><em>d</em> <code>e</code></li></ul>\n"
        "<p>last &lt;b&gt;</p>")


def test_a_number_of_one_runs_verdict_is_told_of_the_other_too() -> None:
    """A collapsed run has no Fréchet distance in the table, just where its remedy has one."""
    text = report([brief(name) for name, _ in PAIR], PAGE)
    rows = re.findall(r"<tr>(.*?)</tr>", text.split("Numbers behind the verdict")[1], re.S)
    cells = {re.sub(r"<small>.*?</small>|<[^>]+>", "", row).strip(): row for row in rows}
    (variety,) = [cell for cell in cells if "variety" in cell]
    (distance,) = [cell for cell in cells if "Fréchet distance" in cell]
    assert "–" not in variety + distance


def test_what_both_runs_have_besides_the_defaults_is_told() -> None:
    """The cause of the collapse, G ten times as fast, is folded away since both runs share it."""
    text = report([brief(name) for name, _ in PAIR], PAGE)
    assert re.search(r"Both runs have: [^<]*Learning-rate ratio \(D : G\): G ×10", text)
