"""The rows of the table of runs: words, order, and the settings in which they differ."""

from __future__ import annotations

import csv
import dataclasses
import io
import time

import pytest

from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.exploration.cell_runs import MEASURES
from gan_core.runs.status import RunStatus
from gan_core.serving.run_index import RunEntry, RunIndex
from gan_core.serving.run_lists import NOTHING, Listed
from gan_core.serving.run_words import spoken_verdict
from gan_core.serving.stored_verdicts import StoredVerdict, worked_out
from pages.components import server
from pages.components.runs_csv import MEASURED, SAVED, as_csv
from pages.components.runs_rows import (
    COLUMNS,
    RECORDED,
    UNREAD,
    UNREADABLE,
    Row,
    alike_but_for_seed,
    columns_of,
    differing,
    in_order,
    matching,
    span,
)
from pages.components.runs_settings import (
    DEFAULT_SETTINGS,
    ELLIPSIS,
    MOST_TOLD,
    Telling,
    names_of,
)
from pages.components.runs_table import _words


def row(said: Listed = NOTHING, state: str = "healthy", name: str = "No failure",
        written: float = 0.0, measures: dict[str, float] | None = None, kind: str = "",
        **settings) -> Row:
    return row_of(RunConfig(**{"steps": 100, **settings}), said, state, name, written, measures,
                  kind)


def row_of(config: RunConfig, said: Listed = NOTHING, state: str = "healthy",
           name: str = "No failure", written: float = 0.0,
           measures: dict[str, float] | None = None, kind: str = "") -> Row:
    judged = StoredVerdict(state, name, "A sentence.", "", "", measures or {}) if state else None
    status = RunStatus("finished", 100, 100, seconds=3.0, updated=written)
    return Row(kind, RunEntry(config.digest(), config, status, judged, written), said)


def test_only_settings_that_differ_are_told():
    """Forty settings stand in each row, and nobody finds the one that matters."""
    rows = [row(dropout=0.4), row(dropout=0.4, loss="minimax"), row(dropout=0.4, seed=3)]
    assert set(differing(rows)) == {"loss", "seed"}
    settings = Telling(rows)
    assert settings.shared == "Dropout in D 0.4"
    assert [settings.text(each) for each in rows] == ["nothing else", "Minimax", "Seed 3"]
    assert differing(rows[:1]) == []


def test_a_setting_that_one_run_alone_has_differs():
    """A run with the default is left out of the comparison."""
    assert differing([row(), row(beta1=0.0)]) == ["beta1"]
    assert differing([row(steps=100), row(steps=200)]) == []  # how far, not how


def recorded() -> list[Row]:
    entries = RunIndex(server.recorded().root, keeps=False).entries()
    return [Row(RECORDED, entry, NOTHING) for entry in entries.values()]


def test_no_two_recorded_runs_with_different_settings_read_alike():
    """*Break it* and *Fix it* both read "Wasserstein · 5 D steps": what differs is cut off."""
    rows = recorded()
    assert len(rows) > 20
    settings = Telling(rows)
    told = [(each.data, settings.text(each, MOST_TOLD)) for each in rows]
    assert len(set(told)) == len(rows)
    for each, (_, words) in zip(rows, told, strict=True):
        whole = settings.text(each)
        assert words == whole or ELLIPSIS in words
        departs = set(each.entry.changes) - {"dataset"}
        assert all(each.entry.words[name] in whole for name in departs)
        assert (words == DEFAULT_SETTINGS) == (not departs), words


def test_runs_that_share_what_is_not_the_default_are_not_called_default():
    """All runs of a filter have a learning rate of 0.001, and read "default settings"."""
    rows = [row(learning_rate=0.001), row(learning_rate=0.001, seed=1)]
    settings = Telling(rows)
    assert settings.shared == "Learning rate 0.001"
    assert [settings.text(each) for each in rows] == ["nothing else", "Seed 1"]
    assert Telling(rows[:1]).text(rows[0]) == "Learning rate 0.001"
    assert Telling(rows[:1]).shared == ""


def test_the_rarest_settings_come_first_and_the_seed_is_never_cut_off():
    """What tells two runs apart is behind what all runs of a page have, and cut off."""
    same = {"dropout": 0.4, "loss": "minimax", "batch_size": 32, "beta1": 0.0, "beta2": 0.99}
    rows = [row(**same), row(**same, gradient_penalty=10.0), row(**same, seed=3), row()]
    words = [Telling(rows).text(each, 2) for each in rows]
    assert words[1].startswith("Gradient penalty λ 10 · ") and words[1].endswith(" · …")
    assert words[2].endswith(" · … · Seed 3") and words[3] == "default settings"
    assert len(set(words)) == 4


def test_each_of_the_compared_runs_has_a_name_of_its_own():
    """A run and its recording, or three seeds, are called alike in a comparison."""
    assert list(names_of([row(dropout=0.3, seed=seed) for seed in range(3)]).values()) == [
        "Seed 0", "Seed 1", "Seed 2"]
    config = CHALLENGES["mode_collapse"].presets["broken"].config
    entry = RunEntry(config.digest(), config, RunStatus("finished"), None, 0.0)
    title = Row("", entry, NOTHING).title
    twice = names_of([Row("", entry, NOTHING), Row(RECORDED, entry, NOTHING)])
    assert list(twice.values()) == [f"{title} (this server)", f"{title} (recorded)"]
    same = names_of([row(Listed(name="Mine"), seed=1), row(Listed(name="Mine"), seed=2)])
    assert len(set(same.values())) == 2
    data = names_of([row(dropout=0.3), row(dropout=0.3, dataset="ring")])
    assert list(data.values()) == ["nothing else (MNIST)", "nothing else (Ring)"]


def test_words_find_name_note_setting_verdict_and_digest():
    """A run can be found by its name alone."""
    rows = [row(Listed(name="My best", note="before lunch")), row(loss="hinge"),
            row(state="failing", name="Mode collapse", seed=1), row(dataset="ring")]
    for words, place in (("best", 0), ("LUNCH", 0), ("hinge", 1), ("collapse mode", 2),
                         ("ring", 3), (rows[2].entry.digest[:8], 2)):
        assert matching(rows, words) == [rows[place]], words
    assert matching(rows, "hinge ring") == []


def test_state_data_set_and_star_narrow_the_table_down():
    """The filters show other runs than they name."""
    rows = [row(Listed(starred=True)), row(state="", seed=1), row(dataset="ring", state="failing")]
    assert matching(rows, starred=True) == rows[:1]
    assert matching(rows, state="unread") == rows[1:2] and rows[1].verdict == "… not read yet"
    assert matching(rows, data="ring", state="failing") == rows[2:]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("falling", [True, False])
def test_every_column_sorts_and_what_is_missing_comes_last(column, falling):
    """A press on a column's head ends in an error, or the runs without the number come first."""
    rows = [row(seed=1, measures={"frechet": 9.0, "modes": 1.0, "diversity": 0.5}, written=1e9),
            row(seed=2, state="", written=2e9), row(dataset="ring", measures={"high_quality": 0.3}),
            row(seed=3, measures={"frechet": 100.0, "modes": 0.5})]
    ordered = in_order(rows, column, falling)
    assert sorted(map(id, ordered)) == sorted(map(id, rows))
    missing = [COLUMNS[column].of(each) is None for each in ordered]
    assert missing == sorted(missing)
    values = [COLUMNS[column].of(each) for each in ordered if COLUMNS[column].of(each) is not None]
    if column != "age":  # which goes on while it is sorted
        assert values == sorted(values, reverse=falling)
    assert all(isinstance(COLUMNS[column].text(each), str) for each in rows)


def test_columns_of_measures_that_no_run_has_are_left_out():
    """Half of the table is empty where all runs are of points."""
    names = columns_of([row(dataset="ring", measures={"high_quality": 0.3})])
    assert "high_quality" in names and "frechet" not in names


def test_a_preset_is_called_by_its_page_and_button():
    """Runs that everybody knows are told by sixteen digits."""
    page = CHALLENGES["mode_collapse"]
    config = page.presets["broken"].config
    entry = RunEntry(config.digest(), config, RunStatus("finished"), None, 0.0)
    assert Row("", entry, NOTHING).title == f"{page.title}: {page.presets['broken'].label}"
    assert Row("", entry, Listed(name="Mine")).title == "Mine"
    assert row(seed=77).title == f"run {row(seed=77).entry.digest[:6]}"


def test_runs_that_differ_in_their_seed_alone_are_one_group():
    """A mean is taken over different settings, or each seed has a colour of its own."""
    rows = [row(seed=0), row(seed=1), row(seed=1, dropout=0.4), row(seed=2)]
    assert [len(group) for group in alike_but_for_seed(rows).values()] == [3, 1]


def test_the_table_as_csv_has_differing_settings_as_columns_and_no_formulas():
    """A spreadsheet carries out what somebody wrote as a note, or misses the setting."""
    rows = [row(Listed(note="=1+1", name="a, \"b\""), dropout=0.4, measures={"frechet": 9.5}),
            row(seed=3)]
    head, first, second = csv.reader(io.StringIO(as_csv(rows)))
    table = [dict(zip(head, line, strict=True)) for line in (first, second)]
    assert table[0]["name"] == 'a, "b"' and table[0]["note"] == "'=1+1"
    assert [line["dropout"] for line in table] == ["0.4", "0"]
    assert [line["frechet"] for line in table] == ["9.5", ""]
    assert "loss" not in head and table[0]["verdict"] == "No failure"


def test_the_csv_counts_modes_as_the_table_does_and_explains_every_measure():
    """The table says "1 of 8", its file 0.125; and nobody knows what "missed" is."""
    rows = [row(dataset="ring", measures={"modes": 0.125, "missed": 0.2}), row(state="", seed=1)]
    head, first, second = csv.reader(io.StringIO(as_csv(rows)))
    told = dict(zip(head, first, strict=True))
    assert (told["modes"], told["modes_total"]) == ("1", "8")
    assert told["new_accepted_less"] == "0.2" and "missed" not in head
    assert second[head.index("modes"):][:2] == ["", ""]
    assert set(MEASURED) == set(MEASURES)
    assert all(f"`{column}`" in SAVED for column, _ in MEASURED.values())


def test_times_are_written_in_one_unit():
    assert [span(seconds) for seconds in (5, 119, 120, 7300, 200_000)] == [
        "5 s", "119 s", "2 min", "2 h", "2 d"]


def test_a_verdict_that_cannot_be_worked_out_is_said_to_be_so():
    """A damaged run is "not read yet" for ever, and the page looks every four seconds."""
    waiting = row(state="")
    damaged = dataclasses.replace(
        waiting, entry=dataclasses.replace(waiting.entry, hopeless=True))
    assert (waiting.state, waiting.verdict) == (UNREAD, "… not read yet")
    assert (damaged.state, damaged.verdict) == (UNREADABLE, "– cannot be read")
    assert in_order([damaged, waiting, row()], "verdict", False)[-1] is damaged
    assert matching([damaged, waiting], state=UNREADABLE) == [damaged]


def test_two_thousand_rows_are_filtered_while_somebody_types():
    """The table lags behind the keys: 19 of 20 filters take at most 150 ms of the processor."""
    rows = [row(Listed(name=f"run {seed}"), seed=seed, loss=("hinge", "minimax")[seed % 2],
                written=float(seed), measures={"modes": seed % 11 / 10}) for seed in range(2000)]
    spent = []
    for place in range(20):
        began = time.thread_time()
        in_order(matching(rows, f"hinge {place}"), ("age", "modes", "name")[place % 3], True)
        spent.append(time.thread_time() - began)
    assert sorted(spent)[18] <= 0.15


@pytest.mark.parametrize("digest", ["3032b02d6ac1ea20", "f289aa", "591fdc", "840c57", "98cead"])
def test_a_verdict_has_the_tone_of_its_page(digest):
    """Mode collapse is red on its page, and yellow in the table."""
    store = server.recorded()
    (name,) = [each for each in store.folders() if each.startswith(digest)]
    run = store.existing_snapshot(name)
    judged = StoredVerdict.from_dict(worked_out(run).to_dict())
    entry = RunEntry(name, run.config, run.status, judged, 0.0)
    assert Row(RECORDED, entry, NOTHING).tone == spoken_verdict(run).tone
    if digest.startswith("3032"):
        assert judged.severe


def test_ticked_runs_that_do_not_match_are_said_to_be_kept():
    """\"No run matches.\" stands under a row; \"3 runs of 25\" under four."""
    rows = [row(seed=seed) for seed in range(5)]
    assert _words(0, 0, rows, 1) == (
        "No run matches. The ticked run does not match and is kept in sight.")
    assert _words(3, 3, rows, 2) == (
        "3 runs of 5. 2 ticked runs do not match and are kept in sight.")
    assert _words(5, 5, rows) == "5 runs." and _words(0, 0, []) == "There are no runs yet."
