"""People's own lists of runs: what they keep, what they refuse, and what survives damage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gan_core.serving import run_lists
from gan_core.serving.run_lists import HOME, SHARED, TRAINED, ListError, RunLists

ANNA, BERT = "a" * 32, "b" * 32
RUN, OTHER = "0" * 16, "1" * 16


@pytest.fixture
def lists(tmp_path: Path) -> RunLists:
    return RunLists(tmp_path)


def test_a_list_keeps_names_notes_and_stars_of_one_person_alone(lists, tmp_path):
    """What somebody calls a run is gone after a restart, or everybody reads it."""
    lists.add(ANNA, RUN, TRAINED)
    lists.describe(ANNA, RUN, "  slow D ", "β₁ = 0\nwas worse")
    lists.star(ANNA, RUN, True)
    said = RunLists(tmp_path).read(ANNA).of(RUN)
    assert (said.name, said.note, said.starred, said.how) == (
        "slow D", "β₁ = 0\nwas worse", True, TRAINED)
    assert not lists.read(BERT).runs


def test_what_is_removed_comes_back_with_its_words_by_undo_or_by_training(lists):
    """Undo brings a run back without its note; or a removed run turns up again by itself."""
    lists.add(ANNA, RUN, TRAINED)
    lists.describe(ANNA, RUN, "mine", "")
    lists.remove(ANNA, [RUN, OTHER])
    assert lists.read(ANNA).of(RUN).removed and lists.read(ANNA).of(OTHER).removed
    lists.add(ANNA, RUN, SHARED)  # seen again by a link
    assert lists.read(ANNA).of(RUN).removed
    lists.bring_back(ANNA, [RUN])
    assert not lists.read(ANNA).of(RUN).removed and lists.read(ANNA).of(RUN).name == "mine"
    lists.add(ANNA, OTHER, TRAINED)
    assert not lists.read(ANNA).of(OTHER).removed


@pytest.mark.parametrize("name, note, words", [
    ("x" * 81, "", "The name of a run may have at most 80 characters, not 81."),
    ("", "x" * 501, "The note of a run may have at most 500 characters, not 501."),
])
def test_too_long_words_are_refused_with_the_limit(lists, name, note, words):
    """A list grows without end, or a note is cut without a word."""
    lists.describe(ANNA, RUN, "before", "")
    with pytest.raises(ListError) as refused:
        lists.describe(ANNA, RUN, name, note)
    assert str(refused.value) == words and lists.read(ANNA).of(RUN).name == "before"


@pytest.mark.parametrize("hostile", [
    "<script>alert(1)</script>", "a\x00b\x1b[31mc", "a\ud800", "\u202eevil", "[x](javascript:1)"])
def test_hostile_names_are_kept_without_control_characters(lists, hostile):
    """A name breaks the list's file, or turns a terminal red."""
    lists.describe(ANNA, RUN, hostile, "")
    kept = lists.read(ANNA).of(RUN).name
    assert kept and kept.isprintable()


@pytest.mark.parametrize("person, run", [
    ("../../etc/passwd", RUN), ("", RUN), (ANNA.upper(), RUN), (ANNA, "../" + RUN), (ANNA, "")])
def test_no_name_leads_out_of_the_folder(lists, tmp_path, person, run):
    """A forged cookie or event writes elsewhere."""
    with pytest.raises(ListError):
        lists.star(person, run, True)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("damage", [b"{", b"[]", b"\xff\xfe", b'{"runs": 3}', b"", b"[" * 100_000])
def test_a_damaged_list_is_said_once_and_set_aside(lists, damage):
    """The page ends in an error, or what stood in the list is gone for good."""
    lists.star(ANNA, RUN, True)
    path = lists.folder / f"{ANNA}.json"
    path.write_bytes(damage)
    found = lists.read(ANNA)
    assert found.problem == run_lists.DAMAGED and not found.runs
    lists.star(ANNA, OTHER, True)
    assert lists.read(ANNA).of(OTHER).starred and not lists.read(ANNA).problem
    assert (lists.folder / f".{ANNA}.json.damaged").read_bytes() == damage


def test_entries_that_make_no_sense_cost_only_themselves(lists):
    """One bad entry takes the whole list along."""
    lists.folder.mkdir()
    (lists.folder / f"{ANNA}.json").write_text(json.dumps({"runs": {
        RUN: {"name": "good", "added": 5}, "../x": {"name": "bad"}, OTHER: 7,
        "2" * 16: {"name": 3, "added": "soon", "how": "magic", "starred": "yes"}}}))
    runs = lists.read(ANNA).runs
    assert runs[RUN].name == "good" and set(runs) == {RUN, "2" * 16}
    assert not runs["2" * 16].starred and runs["2" * 16].added == 0


def test_a_list_that_cannot_be_written_says_so(tmp_path):
    """Naming a run in a full or read-only store ends in an error page."""
    (tmp_path / "lists").write_text("a file where the folder belongs")
    with pytest.raises(ListError, match=r"Your list of runs cannot be kept: .*\."):
        RunLists(tmp_path).star(ANNA, RUN, True)


def test_a_list_is_bounded_and_keeps_what_is_starred(lists, monkeypatch):
    """A program that opens links without end fills the disk; or stars are lost to it."""
    monkeypatch.setattr(run_lists, "MOST_RUNS", 5)
    lists.star(ANNA, RUN, True)
    for number in range(8):
        lists.add(ANNA, f"{number:016x}", SHARED)
    runs = lists.read(ANNA).runs
    assert len(runs) == 5 and runs[RUN].starred and f"{7:016x}" in runs


def test_kept_runs_are_those_with_star_or_name_and_bounded_for_each_visitor(lists, monkeypatch):
    """One visitor stars everything, and nothing of others is ever kept."""
    lists.star(ANNA, RUN, True)
    lists.describe(BERT, OTHER, "mine", "")
    lists.add(BERT, "2" * 16, TRAINED)
    assert lists.kept() == {RUN, OTHER}
    lists.remove(BERT, [OTHER])
    assert lists.kept() == {RUN}
    monkeypatch.setattr(run_lists, "MOST_KEPT", 2)
    for number in range(4):
        lists.star(ANNA, f"{number:016x}", True)
    assert len(lists.kept()) == 2


def test_lists_of_people_who_have_gone_are_removed_but_not_that_of_home(lists, monkeypatch):
    """Every visitor of a term leaves a file for ever; or one's own list at home goes."""
    for person in (ANNA, BERT, HOME):
        lists.star(person, RUN, True)
    long_ago = time.time() - run_lists.GONE_SECONDS - 10
    for person in (ANNA, HOME):
        os.utime(lists.folder / f"{person}.json", (long_ago, long_ago))
    lists.forget_the_gone()
    assert {path.name for path in lists.folder.glob("*.json")} == {f"{BERT}.json", "home.json"}
    assert not list(lists.folder.glob(f"*{ANNA}*"))


def test_two_processes_change_one_list_and_lose_nothing(tmp_path):
    """Two servers share a store: what was starred on one is gone when the other writes."""
    code = ("import sys; from pathlib import Path\n"
            "from gan_core.serving.run_lists import RunLists\n"
            "lists = RunLists(Path(sys.argv[1]))\n"
            "for number in range(25): lists.star('a' * 32, f'{number:015x}' + sys.argv[2], True)")
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), digit])
               for digit in "01"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(RunLists(tmp_path).read(ANNA).runs) == 50
