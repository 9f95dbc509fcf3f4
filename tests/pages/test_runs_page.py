"""The page of runs without a browser: what is listed for whom, found, named, removed, compared."""

from __future__ import annotations

import dataclasses
import random
import re
import urllib.parse

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config.presets import CHALLENGES, RECORDED
from gan_core.config.run_config import RunConfig
from gan_core.runs.status import RunStatus, write_status
from gan_core.serving import run_index
from gan_core.serving.run_lists import HOME, SHARED
from pages.components import own_runs, runs_table, server
from pages.components.runs_actions import opening
from pages.components.runs_choice import read
from tests.pages.test_runs_rows import row
from tests.support.app_pages import (
    QUICK,
    address_of,
    button,
    choose,
    markdown,
    opened,
    opened_tool,
    shown,
    train,
    viewer,
)
from tests.support.many_runs import made_up_records, made_up_runs

pytestmark = pytest.mark.usefixtures("page_server")
MADE = 24


@pytest.fixture(scope="module")
def made(_one_queue) -> list[str]:
    """The digests of runs in the store of this process's queue."""
    return made_up_runs(server.queue().store.root, MADE)


@pytest.fixture(autouse=True)
def look_at_once(monkeypatch):
    monkeypatch.setattr(run_index, "LOOK_SECONDS", 0.0)


@pytest.fixture
def at_home(monkeypatch):
    """The visitor has the server to themselves; their list is empty."""
    monkeypatch.setenv("GAN_LAB_HOSTED", "0")
    yield
    for path in server.queue().lists.folder.glob(f"{HOME}*"):
        path.unlink()


@pytest.fixture
def visits_as(monkeypatch):
    """Makes the next page one of another visitor: all pages of this process share one session."""
    monkeypatch.setenv("GAN_LAB_HOSTED", "1")
    return lambda letter: monkeypatch.setattr(own_runs, "person", lambda: letter * 32)


def table(app: AppTest) -> dict:
    assert not app.exception
    return viewer(app, "run-table")


def keys(app: AppTest) -> list[str]:
    return [row["key"] for row in table(app)["rows"]]


def own(app: AppTest) -> list[str]:
    return [key for key in keys(app) if "-" not in key]


def control(app: AppTest, kind: str, label: str):
    return next(each for each in app.get(kind) if each.label == label)


# --- whose runs -----------------------------------------------------------------------------------


def test_a_visitor_of_a_shared_server_sees_their_own_runs_and_the_recorded_ones(made, visits_as):
    """A class reads each other's runs; or a student's own run is in no list."""
    visits_as("a")
    anna = opened("mode_collapse", **QUICK, seed="901")
    config = train(anna, "mode_collapse")
    anna = anna.switch_page("pages/runs.py").run()
    assert own(anna) == [config.digest()]
    assert any(key.startswith("recorded-") for key in keys(anna))
    assert "the runs that you trained or were sent" in markdown(anna)
    visits_as("b")
    bert = opened_tool("runs")
    assert own(bert) == [] and keys(bert)


def test_a_run_that_is_opened_by_a_link_is_shared(made, visits_as):
    """Somebody who was sent a run does not find it again."""
    visits_as("c")
    config = server.queue().store.config(made[0])
    app = opened("mode_collapse", v="1", **config.to_query(full=True))
    app = app.switch_page("pages/runs.py").run()
    (row,) = [row for row in table(app)["rows"] if "-" not in row["key"]]
    assert row["key"] == made[0] and "shared with you" in row["cells"]


def test_a_link_to_compared_runs_shares_them(made, visits_as):
    """A teacher's comparison opens empty on a student's screen."""
    visits_as("d")
    app = opened_tool("runs", runs=".".join(made[:3]))
    assert set(own(app)) >= set(made[:3]) and len(viewer(app, "run-sheets")["sheets"]) == 3


def test_a_run_that_a_page_shows_by_itself_is_not_shared(made, visits_as):
    """Whoever looks at a page has runs in their list that somebody else trained of its presets."""
    page = CHALLENGES["mode_collapse"]
    strangers = [_written(preset.config) for preset in page.presets.values()]
    visits_as("e")
    bert = opened("mode_collapse")
    for preset in page.presets:
        choose(bert, "mode_collapse", preset)
    bert = bert.switch_page("pages/runs.py").run()
    assert own(bert) == []
    sent = opened("mode_collapse", v="1", **page.presets["broken"].config.to_query(full=True))
    sent = sent.switch_page("pages/runs.py").run()
    assert own(sent) == [page.presets["broken"].config.digest()]
    for digest in strangers:
        server.queue().store.delete(digest)


def test_at_home_all_runs_are_listed(made, at_home):
    """Whoever runs the app for themselves sees an empty table on the next day."""
    app = opened_tool("runs", find="this server")
    assert set(made) <= set(own(app))
    assert "cookie" not in markdown(app)


# --- the table ------------------------------------------------------------------------------------


def test_words_data_and_verdict_narrow_the_table_down_and_stand_in_the_url(made, at_home):
    """A filter shows other runs, or a reload forgets it."""
    app = opened_tool("runs")
    control(app, "text_input", "Filter").set_value("hinge 10").run()
    control(app, "selectbox", "Data").set_value("mnist").run()
    found = table(app)
    # "Hinge" itself is in none of the rows: they do not differ in it.
    assert found["rows"] and all(
        "×10" in row["settings"] and "Hinge" not in row["settings"] and "MNIST" in row["cells"]
        for row in found["rows"])
    assert re.match(rf"{len(found['rows'])} runs of \d+\.", found["words"])
    control(app, "selectbox", "Verdict").set_value("failing").run()
    assert all("✕ Mode collapse" in row["cells"] for row in table(app)["rows"])
    address = address_of(app)
    assert address == {"find": "hinge 10", "data": "mnist", "verdict": "failing"}
    again = opened_tool("runs", **address)
    assert keys(again) == keys(app)
    assert control(again, "text_input", "Filter").value == "hinge 10"


def test_a_filter_that_is_too_long_is_said_to_be_cut(made, at_home):
    """Somebody pastes a line, the field stays empty, and nothing says why."""
    app = opened_tool("runs")
    control(app, "text_input", "Filter").set_value("y" * 120).run()
    assert app.warning[0].value == "The filter takes the first 100 of these 120 characters."
    assert address_of(app)["find"] == "y" * 100 and not keys(app)


def test_the_table_is_sorted_by_the_address(made, at_home):
    """A link to "the best runs first" opens in another order."""
    app = opened_tool("runs", find="this server", data="mnist", sort="frechet")
    place = [column["name"] for column in table(app)["columns"]].index("frechet")
    numbers = [float(row["cells"][place]) for row in table(app)["rows"] if row["cells"][place]]
    assert len(numbers) >= MADE // 2 and numbers == sorted(numbers)


@pytest.mark.parametrize("name, value, words", [
    ("sort", "beauty", "sort must be one of name, "), ("data", "cats", "data must be one of mnist"),
    ("verdict", "x" * 99, "verdict must be one of healthy"), ("by", "epochs", "by must be one of"),
    ("starred", "yes", "starred must be one of 1"), ("smooth", "-3", "smooth must be a whole"),
    ("runs", "../../etc", "runs must be names of runs"), ("charts", "nonsense", "charts must be"),
    ("find", "x" * 101, "find must have at most 100 characters"), ("projector", "2", "projector"),
    ("runs", ".".join(f"{n:016x}" for n in range(9)), "runs must be at most 8"),
])
def test_a_bad_parameter_is_said_in_one_sentence(name, value, words):
    """A mistyped link ends in an error, or is obeyed silently in another way."""
    choice = read({name: value})
    assert len(choice.problems) == 1 and choice.problems[0].startswith(words)
    assert choice.problems[0].endswith(".") and len(choice.problems[0]) < 260


def test_a_bad_link_still_opens_the_page(made, at_home):
    """The page is empty because one parameter is wrong."""
    app = opened_tool("runs", sort="<b>", runs=f"{made[0]}.{'f' * 16}")
    assert keys(app) and len(app.warning) == 1
    for words in ("sort must be", "One of the chosen runs is not on this server"):
        assert words in app.warning[0].value, "each of the two faults is said"


# --- what is done with runs -----------------------------------------------------------------------


def test_a_name_and_a_note_are_kept_and_found(made, at_home):
    """A run that was named is not found by its name, or the name is read as markup."""
    app = opened_tool("runs", runs=made[3])
    control(app, "text_input", "Name, at most 80 characters").set_value("**Anna's** <b>best</b>")
    control(app, "text_area", "Note, at most 500").set_value("look at step 40")
    button(app, "Keep").click().run()
    assert not app.exception
    app = opened_tool("runs", find="anna step 40")
    (row,) = table(app)["rows"]
    assert row["title"] == "**Anna's** <b>best</b>" and row["note"] == "look at step 40"
    assert made[3] in server.queue().lists.kept()


def test_remove_hides_a_run_and_undo_brings_it_back(made, at_home):
    """A run is gone by a slip of the hand; or its files are deleted under somebody else's page."""
    app = opened_tool("runs", find="this server", runs=made[4])
    button(app, "Remove").click().run()
    assert made[4] not in keys(app) and "runs" not in address_of(app)
    assert server.queue().store.exists(made[4])
    button(app, "Undo").click().run()
    assert made[4] in keys(app)
    app = opened_tool("runs", find="this server", runs=f"{made[4]}.{made[5]}")
    button(app, "Remove 2").click().run()
    later = opened_tool("runs", find="this server")
    assert not {made[4], made[5]} & set(keys(later))
    button(later, "Bring back 2 removed").click().run()
    assert {made[4], made[5]} <= set(keys(later))


def test_a_list_that_cannot_be_kept_is_said(made, at_home, monkeypatch):
    """The button does nothing on a full disk, and nobody knows why."""
    folder = server.queue().lists.folder.with_name("a-file")
    folder.write_text("")
    monkeypatch.setattr(server.queue().lists, "folder", folder)
    app = opened_tool("runs", runs=made[4])
    button(app, "Remove").click().run()
    assert "cannot be kept" in app.warning[0].value and not app.exception
    folder.unlink()


def test_open_leads_to_the_run_itself(made, at_home):
    """*Open* shows another run than the one that was ticked."""
    config = server.queue().store.config(made[1])
    query = opening(config)
    app = opened("baseline", **query)
    assert shown(app, "baseline") == config and not app.warning
    links = [each.proto for each in opened_tool("runs", runs=made[1]).get("page_link")]
    (link,) = [link for link in links if link.label == "Open"]
    assert dict(urllib.parse.parse_qsl(link.query_string)) == {
        name: value for name, value in query.items() if value}


def linked(app: AppTest) -> set[str]:
    return {each.proto.label for each in app.get("page_link")}


def test_runs_of_equal_settings_are_compared_but_not_opened_side_by_side(made, at_home):
    """The page is to show a run twice, and puts another one beside it."""
    config = RECORDED["rotation"]
    digest = _written(config)
    pair = f"recorded-{config.digest()}", digest
    for runs in (pair, pair[::-1]):
        app = opened_tool("runs", runs=".".join(runs))
        assert "Open side by side" not in linked(app)
        assert "These two runs have the same settings" in markdown(app)
        assert len(viewer(app, "run-sheets")["sheets"]) == 2
        assert "place of the recorded" not in markdown(app)
    server.queue().store.delete(digest)
    app = opened_tool("runs", runs=f"{pair[0]}.{made[0]}")
    assert "Open side by side" in linked(app) and "same settings" not in markdown(app)


def test_what_open_shows_in_place_of_a_recorded_run_is_said(made, at_home):
    """*Open* shows a run that was cut off, and whoever pressed it takes that for the recorded."""
    config = RECORDED["rotation"]
    key, words = f"recorded-{config.digest()}", "shows that run in place of the recorded one"
    assert words not in markdown(opened_tool("runs", runs=key))
    digest = _written(config, cut_off=True)
    app = opened_tool("runs", runs=key)
    assert "Open" in linked(app)
    assert f"to step 20: its page {words}" in markdown(app).replace("\\", "")
    words = "as a reference its page shows the recorded run"
    assert words in markdown(opened_tool("runs", runs=f"{made[0]}.{digest}"))
    assert words in markdown(opened_tool("runs", runs=digest)), "of Pin"
    assert words not in markdown(opened_tool("runs", runs=f"{digest}.{made[0]}"))
    server.queue().store.delete(digest)


def test_pin_makes_the_run_the_reference(made, at_home):
    """*Pin* opens the page without the run on the right."""
    links = [each.proto for each in opened_tool("runs", runs=made[1]).get("page_link")]
    (link,) = [link for link in links if link.label == "Pin"]
    app = opened("baseline", **dict(urllib.parse.parse_qsl(link.query_string)))
    assert app.session_state["baseline/state"].pinned.digest() == made[1] and not app.warning


# --- compared -------------------------------------------------------------------------------------


def compared(app: AppTest) -> str:
    """The table of what differs, as HTML."""
    return "".join(each.proto.body for each in app.get("html") if "run-settings" in each.proto.body)


def test_eight_runs_are_compared_by_what_differs_alone(made, at_home):
    """All forty settings stand there; or one of the eight runs is missing."""
    app = opened_tool("runs", runs=".".join(made[:8]))
    told = compared(app)
    assert "Learning-rate ratio" in told and "Seed" in told and "Spectral" in told
    assert "Weight clipping" not in told and "Batch size" not in told
    charts = viewer(app, "run-charts")
    assert len(charts["runs"]) == len(viewer(app, "run-sheets")["sheets"]) == 8
    assert len({(run["colour"], run["dash"]) for run in charts["runs"]}) == 8
    titles = [chart["title"] for chart in charts["charts"]]
    assert titles[:3] == ["D's loss", "G's loss", "G's gradient"]
    assert all(len(line["at"]) <= 601 for chart in charts["charts"] for line in chart["lines"])


def test_of_nine_the_first_eight_are_compared_and_the_ninth_is_said_to_be_left_out(made, at_home):
    """The ninth tick takes the whole comparison away, or silently replaces the first."""
    app = opened_tool("runs", runs=".".join(made[:8]))
    app.session_state["runs/choice"].chosen = made[:9]
    app.run()
    said = app.warning[0].value.replace("\\", "")
    assert said == ("9 runs are ticked, and at most 8 can be compared at once: below are the first "
                    f"8, without run {made[8][:6]}.")
    assert len(viewer(app, "run-sheets")["sheets"]) == 8
    assert "[Compare 8 ↓](#what-differs)" in markdown(app)


def test_charts_that_none_of_the_runs_has_are_named(made, at_home):
    """Fréchet distance is chosen, none is drawn, and nothing says why."""
    app = opened_tool("runs", runs=f"{made[0]}.{made[2]}")
    assert "frechet" not in {chart["name"] for chart in viewer(app, "run-charts")["charts"]}
    said = "Not drawn, for none of these runs, which are of points, has it: Fréchet distance."
    assert any(caption.value == said for caption in app.caption)
    app = opened_tool("runs", runs=f"{made[0]}.{made[1]}")
    assert not any("Not drawn" in caption.value for caption in app.caption)


def test_the_button_says_which_runs_are_saved(made, at_home):
    """Somebody ticks two, saves "the table", and has two runs in place of all."""
    app = opened_tool("runs", find="this server")
    listed = len(table(app)["rows"])
    assert control(app, "download_button", f"Save {listed} listed (CSV)")
    app = opened_tool("runs", find="this server", runs=".".join(made[:2]))
    assert control(app, "download_button", "Save 2 ticked (CSV)")


def test_a_name_that_is_too_long_is_refused_in_a_sentence_and_one_that_is_kept_says_so(
    made, at_home
):
    """A pasted name is dropped without a word; or nothing tells that *Keep* has kept."""
    app = opened_tool("runs", runs=made[3])
    control(app, "text_input", "Name, at most 80 characters").set_value("x" * 81)
    button(app, "Keep").click().run()
    assert "at most 80 characters, not 81" in app.error[0].value and not app.success
    control(app, "text_input", "Name, at most 80 characters").set_value("short")
    button(app, "Keep").click().run()
    assert app.success[0].value == "Kept." and not app.error
    assert not app.run().success


def test_seeds_of_one_setting_are_a_mean_with_a_band(at_home):
    """Three seeds are three lines, and nobody sees whether a setting differs."""
    digests = [_written(RunConfig(dataset="ring", steps=40, dropout=0.35, seed=seed))
               for seed in range(3)]
    app = opened_tool("runs", runs=".".join(digests), smooth="20", by="seconds")
    charts = viewer(app, "run-charts")
    (line,) = charts["runs"]
    assert line["label"].endswith("3 seeds") and charts["half_life"] == 20
    assert charts["across"] == "second" and "low" in charts["charts"][0]["lines"][0]
    assert "the area reaches from the lowest to the highest" in markdown(app)


def _written(config: RunConfig, cut_off: bool = False) -> str:
    """A made-up run of this very config, to its end or to step 20."""
    store = server.queue().store
    digest, end = store.create(config), 20 if cut_off else config.steps
    records = made_up_records(config.replace(steps=end), random.Random(config.seed))
    store.append(digest, records)
    write_status(store.root / digest,
                 RunStatus("stopped" if cut_off else "finished", end, config.steps))
    return digest


def test_a_recorded_run_beside_a_trained_one_is_told_apart(made, at_home):
    """The page mixes up a run of this server and the recording of another."""
    recorded = next(iter(own_runs.recorded_index().entries()))
    app = opened_tool("runs", runs=f"recorded-{recorded}.{made[0]}")
    addresses = [sheet["address"] for sheet in viewer(app, "run-sheets")["sheets"]]
    assert addresses == [f"recorded/{recorded}", f"runs/{made[0]}"]


# --- what is still to come ------------------------------------------------------------------------


def test_a_visitor_hears_of_verdicts_and_changes_of_their_own_rows_alone(
    made, visits_as, monkeypatch
):
    """A shared server says how much others train, and each page runs again whenever they do."""
    index = own_runs.index()
    monkeypatch.setattr(index, "_read_missing", lambda: None)  # no thread works verdicts out
    theirs = _written(RunConfig(dataset="ring", steps=40, dropout=0.31))
    visits_as("f")
    own_runs.recorded_index().read_all(60)
    bert = opened_tool("runs")
    assert index.not_read() == 1 and "being worked out" not in table(bert)["words"]
    before = runs_table._news(runs_table.rows_of(own_runs.own_list()))
    write_status(server.queue().store.root / theirs, RunStatus("running", 20, 40))
    assert runs_table._news(runs_table.rows_of(own_runs.own_list())) == before
    server.queue().lists.add("f" * 32, theirs, SHARED)
    write_status(server.queue().store.root / theirs, RunStatus("stopped", 40, 40))
    assert "1 verdict is still being worked out" in table(opened_tool("runs"))["words"]
    mine = runs_table._news(runs_table.rows_of(own_runs.own_list()))
    write_status(server.queue().store.root / theirs, RunStatus("stopped", 41, 41))
    assert mine not in (before, runs_table._news(runs_table.rows_of(own_runs.own_list())))
    server.queue().store.delete(theirs)


def test_only_what_may_still_be_read_is_waited_for(monkeypatch):
    """A page with one damaged run asks the server every four seconds, as long as it is open."""
    asked = []
    monkeypatch.setattr(runs_table.st, "fragment", lambda *_, **__: asked.append)
    damaged = row(state="")
    runs_table.follow([dataclasses.replace(
        damaged, entry=dataclasses.replace(damaged.entry, hopeless=True))])
    assert not asked
    runs_table.follow([damaged])
    assert len(asked) == 1
