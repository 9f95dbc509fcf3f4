"""Damaged runs on a page: what is wrong is said, and the run can be trained again."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import EvalRecord, SampleRecord, StepRecord
from gan_core.runs.samples import view_files
from gan_core.runs.status import RunStatus
from gan_core.runs.store import RunStore
from gan_core.training.recording import record_run
from pages.components import server, viewer_code
from tests.support.app_pages import (
    button,
    finished,
    markdown,
    opened,
    progress,
    shown,
    wait_for_run,
    words,
)
from tests.support.damage import CONFIG, DAMAGES, sheets
from tests.support.made_up_records import images

pytestmark = [
    pytest.mark.usefixtures("page_server"),
    pytest.mark.skipif(os.name == "nt", reason="needs links and pipes"),
]
NAME = "mode_collapse"
# What differs only in how a JSON file is broken is the same to a page.
SHOWN = [name for name in DAMAGES
         if not any(name.startswith(f"{file} ") for file in ("status.json", "checkpoint.pt"))
         and not name.endswith(("number", "list", "latin", "dead link", "torn"))]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """The folder of a trained run."""
    store = RunStore(tmp_path_factory.mktemp("sound"))
    assert record_run(store, CONFIG).kind == "finished"
    return store.root / CONFIG.digest()


def link_of(config: RunConfig) -> dict[str, str]:
    return {"v": "1", **config.to_query(full=True)}


def test_no_damage_takes_the_page_along(sound: Path) -> None:
    """One damaged folder ends its page with a traceback, or leaves it without *Train*."""
    offenders = []
    for name in SHOWN:
        run = server.queue().store.root / CONFIG.digest()
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(sound, run)
        DAMAGES[name](run)
        app = opened(NAME, **link_of(CONFIG))
        if app.exception or not any(one.label == "Train" and not one.disabled
                                    for one in app.button):
            offenders.append((name, [error.value for error in app.exception]))
        elif str(server.queue().store.root) in words(app):
            offenders.append((name, "names a folder of the server"))
    assert not offenders, offenders


def test_a_run_with_a_corrupt_config_says_so_and_can_be_trained(sound: Path) -> None:
    """The page has nothing but *These files cannot be read*, for ever."""
    config = CONFIG.replace(seed=41)
    server.queue().store.create(config)
    (server.queue().store.root / config.digest() / "config.json").write_text("{")
    app = opened(NAME, **link_of(config))
    assert "config.json is damaged" in words(app).replace("\\", "")
    button(app, "Train").click().run()
    assert not app.exception and shown(app, NAME) == config
    wait_for_run(app, config, finished)


@pytest.mark.parametrize("kind", ["SVG", "bomb", "zeros", "80 MB"])
def test_a_sheet_that_is_none_leaves_the_page_standing(kind: str) -> None:
    """The page ends with a traceback of the library that opens pictures."""
    store, config = server.queue().store, RunConfig(seed=4242, steps=20)
    digest = store.create(config)
    metrics = {"modes": 3.0, "modes_total": 10.0, "frechet": 500.0, "kl_uniform": 1.0}
    store.rewind(digest, -1)
    store.append(digest, [images(0), EvalRecord(0, metrics), StepRecord(20, *[0.5] * 10),
                          images(20), EvalRecord(20, metrics)])
    store.write_status(digest, RunStatus("finished", 20, 20))
    for _, path in view_files(store.root / digest, "samples"):
        path.write_bytes(sheets()[kind])
    app = opened(NAME, **link_of(config))
    assert not app.exception and "Finished" in progress(app)


@pytest.mark.parametrize("state", ["failed", "diverged"])
def test_a_reason_from_a_file_is_shown_letter_by_letter(state: str) -> None:
    """A copied run's status.json puts a link or a picture on the page, as if the app said it."""
    store, config = server.queue().store, CONFIG.replace(seed=43)
    digest = store.create(config)
    store.append(digest, [StepRecord(5, *[0.5] * 10), SampleRecord(5, images(5).samples)])
    reason = "![x](http://evil/x.png) **bold** [press](http://evil)"
    store.write_status(digest, RunStatus(state, 5, 12, reason=reason))
    app = opened(NAME, **link_of(config))
    assert reason in words(app)  # in the viewer, which shows letters and no Markdown
    assert reason not in markdown(app) and "**bold**" not in markdown(app)


def test_the_viewer_shows_letters_and_never_builds_elements_from_text() -> None:
    """What stands in a run's files becomes a part of the page, scripts included."""
    scripts = list(viewer_code.FILES.glob("*.js"))
    assert scripts
    for script in scripts:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write",
                             script.read_text(encoding="utf-8")), script.name


def test_why_a_run_cannot_be_stored_is_said(monkeypatch) -> None:
    """*The disk may be full* sends the owner to look at the wrong thing: permission is missing."""
    app = opened(NAME, **link_of(CONFIG.replace(seed=44)))

    def refuse(run, config):
        raise PermissionError(13, "Permission denied", str(run))

    monkeypatch.setattr("gan_core.runs.store.make_sound", refuse)
    button(app, "Train").click().run()
    said = words(app).replace("\\", "")
    assert "The run cannot be stored: permission is missing." in said and "disk" not in said


def test_workers_that_cannot_start_are_no_secret(monkeypatch) -> None:
    """*starting the workers 0 of 1* for ever."""
    state = server.queue().pool()
    failure = "The training process does not start (exit code 1): no such device."
    monkeypatch.setattr(server.queue(), "pool", lambda: type(state)(1, 0, "", 0, failure=failure))
    said = words(opened(NAME)).replace("\\", "")
    assert failure in said and "starting the workers" not in said
