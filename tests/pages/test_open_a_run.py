"""Open a run: a zip that a visitor sends is shown on its page, marked, and never in place of a run
of this server."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from gan_core.export.archive import sound_zip
from gan_core.export.archive.opening import OpenedRun, open_archive
from gan_core.export.archive.zip_of_runs import archive
from gan_core.export.sheets import Reel
from gan_core.runs.opened_runs import opened_runs
from gan_core.runs.status import RunStatus
from gan_core.system.web_settings import WebSettings
from pages.channel.routes import routes
from pages.components import open_a_run, server
from tests.support.app_pages import (
    ROOT,
    address_of,
    button,
    jobs,
    opened,
    opened_tool,
    said_in_error,
    shown,
    viewer,
    words,
)
from tests.support.asgi import get
from tests.support.zips import RING, evaluated, packed, sound, steps

pytestmark = pytest.mark.usefixtures("page_server")

NAME = "mode_collapse"
FORGED = RING.replace(seed=5)
GONE = "0123456789abcdef"


@pytest.fixture
def forged() -> OpenedRun:
    """A run that came out of a file, of settings that this server has trained to other numbers."""
    store = server.queue().store
    digest = store.create(FORGED)
    if not store.existing_snapshot(digest).history:
        store.append(digest, [evaluated(0), *steps(1, 2)])
    files = sound(FORGED)
    store.write_status(digest, RunStatus("finished", 4, 4))
    (run,) = open_archive(io.BytesIO(packed(files)), server.opened())
    assert run.config.digest() == digest
    return run


@pytest.fixture
def channel() -> Iterator[Starlette]:
    yield Starlette(routes=routes("", WebSettings()))


def link(run: OpenedRun) -> dict[str, str]:
    return open_a_run.address_query((run,))


def sent(content: bytes, name: str = "run.zip") -> AppTest:
    """The page of runs, after a visitor has sent a file."""
    app = opened_tool("runs")
    app.file_uploader[0].upload(name, content, "application/zip").run()
    assert not app.exception
    return app


# --- from a file to its page ---------------------------------------------------------------------


def test_a_file_is_shown_on_its_page_and_marked() -> None:
    """A visitor sends a run and finds it nowhere, or takes it for one of this server."""
    app = sent(packed(sound()))
    assert "was opened" in app.success[0].value and not app.error
    told = app.session_state[f"{open_a_run.KEY}/told"]
    page = open_a_run.page_of(told.runs[0])
    name = next(n for n, c in open_a_run.CHALLENGES.items() if c is page)
    app = opened(name, **open_a_run.address_query(told.runs))
    assert not app.exception and not app.warning
    assert shown(app, name) == RING
    look = viewer(app, "runs")
    assert look["runs"]["this"]["address"] == f"opened/{told.runs[0].key}"
    assert look["captions"]["this"]["opened"] == "opened from a file"
    assert "Opened from a file, which says: finished · step 4 of 4" in words(app)
    assert "on a processor" in words(app)


def test_what_was_opened_stands_in_the_table_at_once() -> None:
    """Whoever opened a file looks for it in the table, and it is not there before the next press.
    """
    app = sent(packed(sound(RING.replace(seed=71))))
    (run,) = app.session_state[f"{open_a_run.KEY}/told"].runs
    first, *others = [row["key"] for row in viewer(app, "run-table")["rows"]]
    assert first == f"opened-{run.key}" and first not in others, "though it is older than others"
    button(app, "Put this away").click().run()
    assert not app.success and not app.exception


def test_how_long_an_opened_run_stays_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor stars an opened run for next week, and it is gone without anybody having said so;
    or the files of others push it out."""
    app = sent(packed(sound(RING.replace(seed=41))))
    most = f"{server.opened().megabytes:,.0f}".replace(",", " ")
    assert any(f"at most {most} MB of this server, and are at most 1 000" in caption.value
               for caption in app.caption)
    key = app.session_state[f"{open_a_run.KEY}/told"].runs[0].key
    server.queue().lists.star("home", f"opened-{key}", True)
    monkeypatch.setattr("gan_core.runs.opened_runs.MOST_RUNS", 2)
    for seed in (42, 43):
        other = open_a_run.told("run.zip", io.BytesIO(packed(sound(RING.replace(seed=seed)))))
    assert set(server.opened().folders()) == {key, other.runs[0].key}


def test_what_is_not_opened_is_said_in_one_sentence() -> None:
    """The page breaks on a strange file, or stays silent."""
    app = sent(packed({**sound(), "../evil": b"x"}), "a_<b>file.zip")
    assert "a_<b>file.zip was not opened. ../evil leads out of its folder" in said_in_error(app)
    assert not app.success
    app = sent(b"no zip at all")
    assert "not a whole zip file" in said_in_error(app)


def test_a_preset_and_a_failure_have_their_pages() -> None:
    """A run of mode collapse is opened on a page that says nothing of it."""
    recorded = server.recorded()
    for digest, expected in (("3032b02d6ac1ea20", "Mode collapse"),):
        reel = Reel("This run", recorded.existing_snapshot(digest), recorded)
        run = OpenedRun("0" * 16, reel.snapshot.config, False)
        assert open_a_run.page_of(run).title == expected
    files = packed(sound())  # too early to tell: home
    (run,) = open_archive(io.BytesIO(files), server.opened())
    assert open_a_run.page_of(run).page == "streamlit_app.py"


def test_weights_that_are_left_out_are_told_of() -> None:
    """Somebody presses Continue and wonders why the run begins anew."""
    app = sent(packed({**sound(), f"run-{RING.digest()}/checkpoint.pt": b"weights"}))
    assert any("weights are left out" in caption.value for caption in app.caption)


def test_one_file_is_opened_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that sends its files at once takes every core of the server."""
    monkeypatch.setattr(open_a_run, "PATIENCE", 0.01)
    with open_a_run._ONE_AT_A_TIME:
        told = open_a_run.told("run.zip", io.BytesIO(packed(sound())))
    assert told.refusal == open_a_run.BUSY
    assert not open_a_run.told("run.zip", io.BytesIO(packed(sound()))).refusal


def test_a_store_that_takes_nothing_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full or read-only disk ends in a traceback on the page, with the server's paths in it."""
    (tmp_path / "opened").write_text("no folder")
    monkeypatch.setattr(server, "opened", lambda: opened_runs(tmp_path))
    told = open_a_run.told("run.zip", io.BytesIO(packed(sound())))
    assert told.refusal.startswith("The file cannot be kept on this server: ")
    assert str(tmp_path) not in told.refusal


def test_the_server_takes_as_large_a_file_as_the_page_says() -> None:
    """The page names a limit, and the server refuses a file below it without a word."""
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] == open_a_run.MOST_MEGABYTES
    assert open_a_run.MOST_MEGABYTES * 1_000_000 <= sound_zip.MOST_BYTES


# --- never in place of a run of this server ------------------------------------------------------


def test_an_opened_run_is_shown_only_where_it_is_asked_for(forged: OpenedRun) -> None:
    """A forged file stands on everybody's page in place of what this server has trained."""
    query = link(forged)
    by_key = opened(NAME, **query)
    assert viewer(by_key, "runs")["runs"]["this"]["address"] == f"opened/{forged.key}"
    del query["opened"]
    plain = opened(NAME, **query)
    assert viewer(plain, "runs")["runs"]["this"]["address"] == f"runs/{FORGED.digest()}"
    assert "Opened from a file" not in words(plain)


def test_the_channel_keeps_both_apart(forged: OpenedRun, channel: Starlette) -> None:
    """What one of them said is remembered as an answer of the other one."""
    server.queue().store.write_status(
        FORGED.digest(), RunStatus("finished", 4, 4, 10.0, 0.4, device="a processor"))
    for what in ("live?metrics=loss_d", "verdicts"):
        theirs = get(channel, f"/opened/{forged.key}/{what}")
        own = get(channel, f"/runs/{FORGED.digest()}/{what}")
        assert (theirs.status, own.status) == (200, 200)
        assert theirs.content != own.content
        assert theirs.headers["etag"] is not None
    told = get(channel, f"/opened/{forged.key}/live?metrics=loss_d").content
    assert told["curves"]["step"] == [1, 2, 3, 4] and not told["recorded"]
    assert told["words"].startswith("Opened from a file, which says: ")
    assert get(channel, f"/opened/{FORGED.digest()}/live").status == 404
    assert get(channel, f"/runs/{forged.key}/live").status == 404
    picture = get(channel, f"/opened/{forged.key}/pictures/samples/000004.npy")
    assert picture.status == 200
    beside = get(channel, f"/runs/{FORGED.digest()}/difference?page={NAME}"
                          f"&reference=opened/{forged.key}")
    assert beside.status == 200


def test_nothing_else_of_a_file_is_served(channel: Starlette) -> None:
    """A visitor has this server hand out a page of their own making."""
    run = f"run-{RING.digest()}"
    (kept,) = open_archive(io.BytesIO(packed({
        **sound(), "report.html": b"<script>", f"{run}/drawn/samples/000004.png": b"<script>",
        "charts/losses.svg": b"<script>"})), server.opened())
    for name in ("report.html", "charts/losses.svg", "config.json", "pictures/samples/000004.png",
                 "pictures/drawn/000004.png", "pictures/samples/000003.npy"):
        answer = get(channel, f"/opened/{kept.key}/{name}")
        assert answer.status == 404 and b"<script>" not in answer.body
    for name in ("report.html", "charts.svg"):  # made here, of what was understood
        answer = get(channel, f"/opened/{kept.key}/take-home/{name}")
        assert b"<script>" not in answer.body


def test_training_shows_this_servers_own_run(forged: OpenedRun) -> None:
    """Train is pressed, and the file's numbers stay on the page as if they came from it."""
    app = opened(NAME, **link(forged))
    assert button(app, "Train").label == "Train it yourself"
    button(app, "Train").click().run()
    assert not app.exception
    assert viewer(app, "runs")["runs"]["this"]["address"] == f"runs/{FORGED.digest()}"
    assert "opened" not in address_of(app)


def test_continue_says_that_it_begins_at_the_start(forged: OpenedRun) -> None:
    """A visitor believes that the weights of a file go on."""
    app = opened(NAME, **link(forged))
    go_on = button(app, "Continue")
    assert not go_on.disabled and "from its start" in go_on.help
    go_on.click().run()
    assert FORGED.digest() in jobs() or shown(app, NAME).steps > 4
    assert viewer(app, "runs")["runs"]["this"]["address"] == f"runs/{FORGED.digest()}"


# --- its address ---------------------------------------------------------------------------------


def test_a_reload_and_a_link_keep_it(forged: OpenedRun) -> None:
    """After a reload the page shows another run under the same settings."""
    app = opened(NAME, **link(forged))
    button(app, "Pin").click().run()
    again = opened(NAME, **address_of(app))
    assert viewer(again, "runs")["runs"]["this"]["address"] == f"opened/{forged.key}"
    (copied,) = [code.value for code in again.code if "v=1" in code.value]
    assert f"opened={forged.key}" in copied


def test_an_address_of_the_key_alone_shows_it_too(forged: OpenedRun) -> None:
    """The command line names an address that shows something else."""
    app = opened(NAME, opened=forged.key)
    assert not app.warning and shown(app, NAME) == FORGED
    assert viewer(app, "runs")["runs"]["this"]["address"] == f"opened/{forged.key}"


def test_a_run_and_its_reference_stand_side_by_side(tmp_path) -> None:
    """Of a zip of two runs one is lost."""
    other = RING.replace(seed=9)
    files = {**sound(), **{name.replace("run-", "reference-"): content
                           for name, content in sound(other).items()}}
    runs = open_archive(io.BytesIO(packed(files)), server.opened())
    app = opened(NAME, **open_a_run.address_query(tuple(runs)))
    told = viewer(app, "runs")
    assert [told["runs"][side]["address"] for side in ("this", "reference")] == [
        f"opened/{run.key}" for run in runs]
    assert told["captions"]["reference"]["opened"] == "opened from a file"


def test_two_runs_of_the_same_settings_are_both_in_the_table() -> None:
    """The second one is lost, or the page shows one of them on both sides as if they were two."""
    files = sound()
    history = f"run-{RING.digest()}/history.jsonl"
    other = {**files, history: files[history].replace(b'"loss_d": 1.4', b'"loss_d": 1.5', 1)}
    app = sent(packed({**files, **{name.replace("run-", "reference-"): content
                                   for name, content in other.items()}}))
    said = "and another run of the same settings. They are first in the table"
    assert said in app.success[0].value
    first, second = app.session_state[f"{open_a_run.KEY}/told"].runs
    assert {first.key, second.key} <= set(server.opened().folders())
    query = open_a_run.address_query((first, second))
    assert query["opened"] == first.key and "reference" not in query
    assert viewer(opened(NAME, **query), "runs")["runs"]["this"]["address"].endswith(first.key)


def test_a_link_whose_file_is_gone_says_so_and_shows_what_there_is(forged: OpenedRun) -> None:
    """A page is empty, or shows another run as if it were the one of the link."""
    app = opened(NAME, **{**link(forged), "opened": GONE})
    assert f"file of run {GONE} is no longer here" in app.warning[0].value
    assert "what this server has of its settings" in app.warning[0].value
    assert viewer(app, "runs")["runs"]["this"]["address"] == f"runs/{FORGED.digest()}"


def test_a_file_that_goes_while_it_is_shown_is_missed(forged: OpenedRun) -> None:
    """What was opened is evicted, and another run takes its place without a word."""
    app = opened(NAME, **link(forged))
    server.opened().delete(forged.key)
    app.run()
    assert f"file of run {forged.key} is no longer here" in app.warning[0].value
    assert viewer(app, "runs")["runs"]["this"]["address"] == f"runs/{FORGED.digest()}"


@pytest.mark.parametrize(("key", "said"), [
    ("../..", "two names of sixteen"), ("x" * 16, "two names of sixteen"),
    ("<b>", "two names of sixteen"), (",".join([GONE] * 3), "two names of sixteen")])
def test_a_bad_key_is_refused(key: str, said: str) -> None:
    """Whatever an address says is looked for on the disk."""
    app = opened(NAME, **{**link(OpenedRun(GONE, RING, False)), "opened": key})
    assert not app.exception and said in app.warning[0].value


def test_a_key_of_other_settings_is_not_shown(forged: OpenedRun) -> None:
    """A link shows other settings than its file has."""
    app = opened(NAME, **{**link(OpenedRun(GONE, RING, False)), "opened": forged.key})
    assert "has other settings than this address" in app.warning[0].value
    assert shown(app, NAME) == RING


# --- in a browser --------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_run_is_taken_home_and_opened_in_a_browser(request, tmp_path) -> None:
    """The whole way: a zip is sent, its page shows its sheets, of every step, and its verdict."""
    from tests.support.browsing import SHEETS, enter, expect

    app, chromium = (request.getfixturevalue(name) for name in ("app", "chromium"))
    recorded = server.recorded()
    digest = "98ceadef4dcc67d1"
    file = tmp_path / "run.zip"
    with archive([Reel("This run", recorded.existing_snapshot(digest), recorded)]) as made:
        file.write_bytes(made.read())
    page = enter(chromium, f"{app.url}/runs")
    page.get_by_role("button", name="Open a run from a file").click()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("run.zip was opened").wait_for()
    page.get_by_role("link", name="Show it").click()
    page.locator(".progress").get_by_text("Opened from a file, which says: finished").wait_for()
    expect(page.locator(".caption-this .badge")).to_have_text("opened from a file")
    expect(page.locator(".sheet-this img").first).to_have_js_property("complete", True)
    assert page.evaluate(SHEETS)
    expect(page.locator(".verdict")).to_contain_text("early")
    page.locator(".look-back input").evaluate(
        "bar => { bar.value = 0; bar.dispatchEvent(new Event('input', {bubbles: true})); }")
    expect(page.locator(".caption-this")).to_contain_text("step 0")
    expect(page.locator(".sheet-this img").first).to_have_attribute("src", re.compile("000000"))
    (key,) = opened_runs(request.getfixturevalue("browser_store")).folders()
    assert f"opened={key}" in page.url
    page.reload()
    page.locator(".progress").get_by_text("Opened from a file").wait_for()
