"""The pages by AppTest: what a visitor finds, presses and reads, without a browser."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.parse

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config.fields import KNOBS
from gan_core.config.presets import CHALLENGES, MAIN_KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import SYMPTOMS, diagnose
from gan_core.evidence import measured_runs
from gan_core.evidence.claim_verdicts import NOT, OPEN
from gan_core.evidence.claims import CLAIMS
from gan_core.runs.records import SampleRecord
from gan_core.runs.store import RunStore
from pages.components import controls, server, state

pytestmark = pytest.mark.usefixtures("page_server")
PAGES = CHALLENGES
CHARTS = 10  # of every experiment: the histogram, three of evaluations, five of steps, the modes
# Beside them: the portrait and the band; two frozen G's gradients; the prices and their growth.
OWN_CHARTS = {"training_instability": 5, "vanishing_gradients": 2, "computational_cost": 4}
PRESETS = [(name, preset) for name, challenge in PAGES.items() for preset in challenge.offered]
QUICK = {"dataset": "ring", "steps": "150", "batch_size": "16"}
PATIENCE = 120.0  # seconds; generous, since the machine may be busy


def opened(name: str, **query: str) -> AppTest:
    """The page of challenge `name`, opened by a link with `query`."""
    app = AppTest.from_file("../streamlit_app.py", default_timeout=60)
    for field, value in query.items():
        app.query_params[field] = value
    if PAGES[name].page != "streamlit_app.py":
        app.switch_page(PAGES[name].page)
    return app.run()


def button(app: AppTest, label: str):
    return next(one for one in app.button if one.label == label)


def words(app: AppTest) -> str:
    """Everything the page says."""
    kinds = (app.markdown, app.info, app.success, app.warning, app.error, app.caption)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def progress(app: AppTest) -> str:
    return app.get("progress")[0].proto.text


def wait_until(app: AppTest, condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, (server.queue().pool(), progress(app))
        time.sleep(0.2)
        app.run()
        assert not app.exception


def shown(app: AppTest, name: str) -> RunConfig:
    return app.session_state[f"{name}/state"].shown


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_with_everything_in_place(name: str) -> None:
    """A newcomer sees an error, or misses the question, a slider or a chart."""
    app = opened(name)
    assert not app.exception
    assert app.title[0].value == PAGES[name].title
    assert PAGES[name].question in words(app)
    widgets = (*app.slider, *app.select_slider, *app.selectbox, *app.number_input, *app.toggle)
    labels = {widget.label for widget in widgets}
    assert {KNOBS[knob].label for knob in (*MAIN_KNOBS, *PAGES[name].knobs)} <= labels
    assert len(app.get("vega_lite_chart")) == CHARTS + OWN_CHARTS.get(name, 0)


@pytest.mark.parametrize("name", PAGES)
def test_something_true_stands_there_before_any_click(name: str) -> None:
    """The page is empty until somebody trains, or passes a recording off as a live run."""
    app = opened(name)
    assert words(app).count(":orange-badge[recorded") == 2
    assert len(app.get("image")) >= 2


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_preset_sets_every_slider(name: str, preset: str) -> None:
    """The button of a preset leaves a knob where it was, so that another run would be trained."""
    app = opened(name)
    if preset in PAGES[name].presets:
        app.button_group[0].set_value(preset).run()
    else:
        app.radio(key=f"{name}/experiment").set_value(preset).run()
    assert not app.exception
    wanted = PAGES[name].offered[preset].config
    values = {knob: app.session_state[controls.key(name, knob)] for knob in KNOBS}
    assert RunConfig(**values) == wanted


@pytest.mark.parametrize("name", PAGES)
def test_every_knob_is_on_the_page(name: str) -> None:
    """A setting can be reached by URL and command line only."""
    app = opened(name)
    keys = {one.key for kind in (app.slider, app.select_slider, app.selectbox, app.number_input,
                                 app.toggle, app.text_input)
            for one in kind}
    assert {controls.key(name, knob) for knob in KNOBS} <= keys


@pytest.mark.parametrize("name", PAGES)
def test_garbage_in_every_parameter_opens_the_page_and_says_so(name: str) -> None:
    """A mistyped link breaks the page, or is silently taken for something else."""
    garbage = dict.fromkeys(KNOBS, "<b>nonsense</b>")
    app = opened(name, **garbage, run="x:y,,:", reference="steps:-1", unknown="1")
    assert not app.exception
    said = app.warning[0].value
    assert all(field in said for field in (*KNOBS, "unknown", "run: ", "reference: "))
    assert len(app.get("image")) >= 2, "the page lost what it shows before any click"
    values = {knob: app.session_state[controls.key(name, knob)] for knob in KNOBS}
    assert RunConfig(**values) == PAGES[name].presets[PAGES[name].start].config


def test_train_stop_free_sliders_and_verdict() -> None:
    """The main job: press Train, watch, move a slider meanwhile, read the verdict."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="11")
    button(app, "Train").click().run()
    assert not app.exception
    run = shown(app, name)
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    assert shown(app, name) == run, "moving a slider changed the run that is shown"
    wait_until(app, lambda: server.queue().snapshot(run.digest()).status.state == "finished")
    app.run()
    assert "modes" in words(app) and not button(app, "Continue").disabled
    assert len(app.get("vega_lite_chart")) == CHARTS + 1, "the points of a 2-D run are missing"
    assert server.queue().snapshot(run.digest()).history.last_step == 150


def test_the_averaged_generator_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone averages G's weights, and the page shows the other generator only."""
    name, asked = "mode_collapse", []
    points = RunStore.points
    monkeypatch.setattr(RunStore, "points", lambda store, digest, step, averaged=False: (
        asked.append(averaged), points(store, digest, step, averaged))[1])
    app = opened(name, **QUICK, seed="21", ema="0.9")
    button(app, "Train").click().run()
    digest = shown(app, name).digest()
    wait_until(app, lambda: server.queue().snapshot(digest).status.state == "finished")
    app.run()
    assert asked and not any(asked)
    asked.clear()
    app.toggle(key=f"{name}/averaged").set_value(True).run()
    assert not app.exception and all(asked) and asked


def test_packs_of_any_size_can_be_chosen() -> None:
    """Three samples at a time do not go into a batch of 64: the slider leads to a refusal."""
    name = "mode_collapse"
    app = opened(name)
    app.slider(key=controls.key(name, "packing")).set_value(3).run()
    assert not app.exception and not any("batch_size" in error.value for error in app.error)
    assert app.select_slider(key=controls.key(name, "batch_size")).value % 3 == 0


def test_continue_goes_further() -> None:
    """A finished run cannot be trained further."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="12")
    button(app, "Train").click().run()
    digest = shown(app, name).digest()
    wait_until(app, lambda: server.queue().snapshot(digest).status.state == "finished")
    app.run()
    button(app, "Continue").click().run()
    wait_until(app, lambda: server.queue().snapshot(digest).history.last_step == 300)


def test_stop_ends_a_run_and_keeps_what_there_is() -> None:
    """Stop does nothing, or throws the run away."""
    name = "mode_collapse"
    app = opened(name, **{**QUICK, "steps": "50000"}, seed="13")
    button(app, "Train").click().run()
    digest = shown(app, name).digest()
    wait_until(app, lambda: server.queue().snapshot(digest).history.last_step > 100)
    button(app, "Stop").click().run()
    wait_until(app, lambda: server.queue().snapshot(digest).status.state == "stopped")
    app.run()
    assert server.queue().snapshot(digest).history.last_step > 100
    assert not button(app, "Continue").disabled


def test_a_reload_shows_the_same_run_and_reference() -> None:
    """After a reload, or in a second tab, the run is gone."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="14")
    button(app, "Train").click().run()
    button(app, "Pin").click().run()
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    query = {field: value[0] if isinstance(value, list) else value
             for field, value in app.query_params.items()}
    again = opened(name, **query)
    assert shown(again, name).digest() == shown(app, name).digest()
    assert again.session_state[f"{name}/state"].pinned.digest() == shown(app, name).digest()
    assert again.slider(key=controls.key(name, "dropout")).value == 0.4


@pytest.mark.parametrize("name", PAGES)
def test_a_reload_of_the_starting_preset_shows_ones_own_run(name: str) -> None:
    """Who trains the page's own preset and reloads finds the recorded run instead."""
    app = opened(name)
    start = PAGES[name].presets[PAGES[name].start].config
    button(app, "Train").click().run()
    assert shown(app, name) == start
    wait_until(app, lambda: server.queue().snapshot(start.digest()).history.last_step > 0)
    button(app, "Stop").click().run()
    query = {field: value[0] if isinstance(value, list) else value
             for field, value in app.query_params.items()}
    mine = app.session_state[f"{name}/state"]
    link = dict(urllib.parse.parse_qsl(state.link(mine).partition("?")[2]))
    for again in (opened(name, **query), opened(name, **link)):
        assert shown(again, name) == start
        found = again.session_state[f"{name}/state"].shown_run()
        assert found is not None and not found.recorded


def test_moving_a_slider_first_and_reloading_keeps_the_recorded_run() -> None:
    """One touch of a slider and a reload, and the page is empty."""
    name = "mode_collapse"
    app = opened(name)
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    query = {field: value[0] if isinstance(value, list) else value
             for field, value in app.query_params.items()}
    again = opened(name, **query)
    assert len(again.get("image")) == 2 and not again.warning
    assert again.slider(key=controls.key(name, "dropout")).value == 0.4


def test_a_copied_link_carries_every_value() -> None:
    """A link means something else once a default changes."""
    app = opened("mode_collapse", **QUICK, seed="15")
    mine = app.session_state["mode_collapse/state"]
    mine.pinned = RunConfig(dropout=0.4)
    link = state.link(mine).partition("?")[2]
    query = dict(urllib.parse.parse_qsl(link, keep_blank_values=True))
    assert set(KNOBS) <= set(query) and query["v"] == state.LINK_VERSION
    again = opened("mode_collapse", **query)
    assert shown(again, "mode_collapse") == mine.shown
    assert again.session_state["mode_collapse/state"].pinned == mine.pinned
    assert not again.warning


def test_a_linked_reference_that_is_not_here_can_be_trained() -> None:
    """Another run is passed off as the linked reference, and the linked one is out of reach."""
    reference = RunConfig(dataset="ring", batch_size=16, steps=120, seed=31)
    app = opened("mode_collapse", **QUICK, seed="30", reference=controls.written(reference))
    button(app, "Train the reference").click().run()
    wait_until(app, lambda: server.queue().snapshot(reference.digest()).status.state == "finished")


def test_a_run_trained_further_by_others_is_shown_as_far_as_asked() -> None:
    """A preset of 150 steps shows what somebody else's 600 steps made of it."""
    start = PAGES["mode_collapse"].presets["broken"].config
    config = start.replace(dataset="ring", batch_size=16, steps=600, seed=32)
    server.queue().submit(config, "somebody else")
    app = opened("mode_collapse", **QUICK, seed="32")
    wait_until(app, lambda: server.queue().snapshot(config.digest()).status.state == "finished")
    found = server.stored_run(shown(app.run(), "mode_collapse"))
    assert found.snapshot.history.last_step == 150 and not found.live
    assert found.snapshot.status.state == "finished" and max(found.snapshot.samples) == 150


def test_a_stub_of_the_preset_does_not_replace_the_recorded_run() -> None:
    """Whoever presses Train and leaves takes the recorded run from all who come later."""
    config = PAGES["mode_collapse"].presets["broken"].config
    elsewhere = opened("baseline")  # a page that does not watch this run
    server.queue().submit(config, "somebody")
    wait_until(elsewhere, lambda: server.queue().snapshot(config.digest()).history.last_step > 0)
    server.queue().stop(config.digest(), "somebody")
    wait_until(elsewhere, lambda: not server.queue().snapshot(config.digest()).live)
    assert server.queue().snapshot(config.digest()).status.state == "stopped"
    again = opened("mode_collapse")
    assert words(again).count("recorded") >= 2 and "Mode collapse" in words(again)
    assert not button(again, "Apply remedy").disabled


def test_both_runs_on_the_page_stay_alive() -> None:
    """A live run that was kept as reference stops after the grace time, in plain view."""
    name, endless = "mode_collapse", {**QUICK, "steps": "50000"}
    app = opened(name, **endless, seed="33")
    button(app, "Train").click().run()
    button(app, "Pin").click().run()
    pinned = shown(app, name)
    app.number_input(key=controls.key(name, "seed")).set_value(34).run()
    button(app, "Train").click().run()
    job = server.queue()._jobs[pinned.digest()]
    before = dict(job.leases)
    time.sleep(0.05)
    app.run()
    assert job.leases and all(job.leases[viewer] > end for viewer, end in before.items())
    for config in (pinned, shown(app, name)):
        server.queue().stop(config.digest(), next(iter(before)))


def test_coming_back_from_another_page_finds_everything_as_it_was() -> None:
    """A look at another page loses the sliders or the run."""
    name = "mode_collapse"
    app = opened(name, **QUICK, seed="35", dropout="0.25")
    before = shown(app, name)
    app.query_params.clear()
    app.switch_page("streamlit_app.py").run()
    app.query_params.clear()
    app.switch_page(PAGES[name].page).run()
    assert not app.exception
    assert shown(app, name) == before
    assert app.slider(key=controls.key(name, "dropout")).value == 0.25


def test_apply_remedy_pins_the_broken_run_and_trains_the_mended_one() -> None:
    """The remedy is named but not at hand, or the broken run is lost from view."""
    name = "mode_collapse"
    app = opened(name)
    broken = shown(app, name)
    button(app, "Apply remedy").click().run()
    assert not app.exception
    mine = app.session_state[f"{name}/state"]
    assert mine.pinned == broken
    assert mine.shown == broken.replace(discriminator_steps=3)
    assert app.slider(key=controls.key(name, "discriminator_steps")).value == 3
    assert server.queue().snapshot(mine.shown.digest()).live
    button(app, "Stop").click().run()


@pytest.mark.parametrize("name", PAGES)
def test_settings_that_do_not_go_together_are_refused_in_words(name: str) -> None:
    """An impossible combination ends in a stack trace, or trains something else."""
    app = opened(name, dataset="ring", architecture="mlp", training_examples="100000")
    app.selectbox(key=controls.key(name, "dataset")).set_value("mnist").run()
    assert not app.exception
    assert any("training" in error.value and "examples" in error.value for error in app.error)
    assert button(app, "Train").disabled


def test_the_web_process_never_imports_torch() -> None:
    """Opening the page takes seconds longer, and a crash of the trainer takes the server down."""
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('streamlit_app.py', default_timeout=60).run()\n"
        f"for page in {[*(card.page for card in PAGES.values()), 'pages/evidence.py'][1:]}:\n"
        "    app.switch_page(page).run()\n"
        "    assert not app.exception, app.exception\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().endswith("False"), done.stderr[-2000:]


@pytest.mark.parametrize("setting", ["GAN_LAB_WORKERS", "GAN_LAB_STORE_MB"])
def test_a_bad_setting_is_named_on_the_page(setting: str, monkeypatch) -> None:
    """A typing error in the server's settings shows visitors a stack trace."""
    monkeypatch.setenv(setting, "many")
    server.settings.clear()
    try:
        app = AppTest.from_file("../streamlit_app.py", default_timeout=60).run()
        assert not app.exception
        assert setting in app.error[0].value.replace("\\", "")
    finally:
        monkeypatch.undo()
        server.settings.clear()


# --- the claims, and the page of all of them ------------------------------------------------------


def evidence_page(**query: str) -> AppTest:
    """The Evidence page, opened by a link with `query`."""
    app = AppTest.from_file("../streamlit_app.py", default_timeout=60)
    for field, value in query.items():
        app.query_params[field] = value
    return app.switch_page("pages/evidence.py").run()


@pytest.mark.parametrize("name", PAGES)
def test_the_menu_leads_to_the_evidence(name: str) -> None:
    """The page of all claims can be reached by its address only."""
    assert "Evidence" in [link.proto.label for link in opened(name).get("page_link")]


def test_every_claim_is_on_the_evidence_page_with_its_verdict() -> None:
    """A claim of the documents cannot be found, or its verdict or source is missing."""
    app = evidence_page()
    assert not app.exception
    said, known = words(app), measured_runs.read()
    verdicts = [measured_runs.verdict(claim, known) for claim in CLAIMS.values()]
    for name, claim in CLAIMS.items():
        assert claim.says in said and claim.where in said
        assert f"`python -m gan_core claims {name}`" in said
    for word, count in measured_runs.count_verdicts(verdicts).items():
        on_top = int(count > 0 or word != OPEN)
        assert said.count(f" {count} {word}]") == on_top
        assert said.count(f" {word}]") == count + on_top, "one badge a claim"


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ({"document": "The report"}, lambda claim, verdict: claim.source == "report"),
        ({"page": "Mode collapse"}, lambda claim, verdict: claim.page == "mode_collapse"),
        ({"verdict": NOT}, lambda claim, verdict: verdict.word == NOT),
        ({"document": "nonsense"}, lambda claim, verdict: True),
    ],
)
def test_a_link_to_some_of_the_claims_shows_these(query: dict[str, str], chosen) -> None:
    """A teacher sends a link to the claims of one page, and the class sees all of them."""
    app, known = evidence_page(**query), measured_runs.read()
    assert not app.exception
    said = words(app)
    shown = {name for name in CLAIMS if f"`python -m gan_core claims {name}`" in said}
    assert shown == {name for name, claim in CLAIMS.items()
                     if chosen(claim, measured_runs.verdict(claim, known))}


def test_filters_that_leave_nothing_say_so() -> None:
    """The page is empty, and seems broken."""
    app = evidence_page(document="The lecture notes", page="Discriminator overfitting")
    assert not app.exception and "take one filter away" in app.info[0].value


@pytest.mark.parametrize("page", ["mode_collapse"])
def test_a_challenge_page_shows_its_claims_and_no_others(page: str) -> None:
    """A page tells of a claim, but not whether it holds; or of another page's."""
    said = words(opened(page))
    for name, claim in CLAIMS.items():
        assert (f"`python -m gan_core claims {name}`" in said) == (claim.page == page)


def test_a_run_of_a_claim_opens_on_its_page() -> None:
    """The link of a claim's run leads to another run."""
    said = words(evidence_page(page="Mode collapse"))
    path, query = re.search(r"\[G ×10, noise 0.1\]\((\w+)\?([^)]*)\)", said).groups()
    assert path == "mode_collapse"
    app = opened(path, **dict(urllib.parse.parse_qsl(query)))
    assert shown(app, path) == CLAIMS["input-noise"].runs["G ×10, noise 0.1"]
    assert not app.warning
def drawn_neighbours(root: str) -> None:
    """A script for AppTest: the neighbours of the only run in a store, at step 260 and at 0."""
    from gan_core.runs.store import RunStore
    from pages.components import samples
    from pages.components.server import StoredRun

    store = RunStore(root)
    look = StoredRun(store.snapshot(store.digests()[0]), store, False)
    samples.neighbours(look, 260, "this")
    samples.neighbours(look, 0, "reference")


def test_the_pictures_that_look_copied_stand_beside_their_nearest(tmp_path) -> None:
    """D has learned 300 digits by heart, and nobody sees whether G hands them back; or a run from
    before neighbours were stored breaks the page."""
    store = RunStore(tmp_path)
    digest = store.create(RunConfig(training_examples=300))
    pictures = np.zeros((16, 3, 28, 28), np.uint8)
    store.append(digest, [SampleRecord(250, pictures, "neighbours")])
    app = AppTest.from_function(drawn_neighbours, args=(str(tmp_path),), default_timeout=60).run()
    assert not app.exception
    (grid,) = app.get("html")
    assert grid.proto.body.count("<img") == 24
    said = [caption.value for caption in app.caption]
    assert "step 250" in said[0] and "A copy" in said[0] and "not stored" in said[1]
    (tmp_path / digest / "neighbours" / "000250.png").write_bytes(b"torn")
    assert not app.run().exception


# --- a change in mid-run, a prediction, and what only some pages have -----------------------------


def test_a_slider_moved_in_mid_run_changes_the_run() -> None:
    """A rescue starts from the beginning, is not part of the link, or loses the broken run."""
    name = "training_instability"
    app = opened(name, **{**QUICK, "steps": "20000"}, seed="31")
    button(app, "Train").click().run()
    broken = shown(app, name)
    wait_until(app, lambda: server.queue().snapshot(broken.digest()).history.last_step > 30)
    assert button(app, "Change now").disabled, "no slider was moved"
    app.slider(key=controls.key(name, "dropout")).set_value(0.4).run()
    button(app, "Change now").click().run()
    assert not app.exception
    rescued = shown(app, name)
    (_, before), (step, after) = rescued.stages
    assert step > 30 and (before.dropout, after.dropout) == (0.0, 0.4)
    assert before.digest() == broken.digest()
    wait_until(app, lambda: server.queue().snapshot(rescued.digest()).history.last_step > step)
    found = server.queue().snapshot(rescued.digest())
    assert found.history.steps[:30] == server.queue().snapshot(broken.digest()).history.steps[:30]
    assert f"from step {step}: Dropout in D 0.4" in words(app)
    assert "schedule=" in urllib.parse.unquote_plus(app.code[-1].value)
    assert app.session_state[f"{name}/state"].pinned == broken
    button(app, "Stop").click().run()
    wait_until(app, lambda: not server.queue().snapshot(rescued.digest()).live)


def test_a_change_looks_back_to_where_the_slider_of_steps_stands() -> None:
    """Who looks back to step 100 and changes a setting changes the end of the run instead."""
    name = "training_instability"
    app = opened(name, **QUICK, seed="32")
    button(app, "Train").click().run()
    first = shown(app, name)
    wait_until(app, lambda: server.queue().snapshot(first.digest()).status.state == "finished")
    app.run()
    app.slider(key=f"{name}/at/{first.digest()}/150").set_value(100).run()
    app.slider(key=controls.key(name, "dropout")).set_value(0.2).run()
    button(app, "Change now").click().run()
    assert shown(app, name) == first.changed(100, dropout=0.2)
    wait_until(app, lambda: server.queue().snapshot(
        shown(app, name).digest()).status.state == "finished")


@pytest.mark.parametrize("name", PAGES)
def test_a_prediction_is_asked_for_and_answered(name: str) -> None:
    """A page asks nothing before the run, or forgets the answer afterwards."""
    app = opened(name)
    asked = PAGES[name].prediction
    radio = next(one for one in app.radio if one.label == asked.question)
    assert radio.options == [answer for answer, _ in asked.options]
    assert "You predicted" not in words(app)
    radio.set_value(asked.options[0][0]).run()
    assert not app.exception
    assert "You predicted" not in words(app), "the recorded run gave the answer away"
    start = PAGES[name].presets[PAGES[name].start].config
    app.session_state[f"{PAGES[name].title}/predictions"] = {start.digest(): asked.options[0][0]}
    app.run()
    told = f"You predicted *{asked.options[0][0]}*" in words(app)
    assert told == (name != "baseline"), "home shows another run than its preset's before a click"


def test_a_prediction_is_about_one_run() -> None:
    """The prediction for one experiment is held against the next ones."""
    name = "training_instability"
    app = opened(name, **QUICK, seed="41")
    asked = PAGES[name].prediction
    next(one for one in app.radio if one.label == asked.question).set_value(
        asked.options[0][0]).run()
    button(app, "Train").click().run()
    first = shown(app, name)
    assert next(one for one in app.radio if one.label == asked.question).value is None
    wait_until(app, lambda: server.queue().snapshot(first.digest()).status.state == "finished")
    app.run()
    assert f"You predicted *{asked.options[0][0]}*" in words(app)
    app.slider(key=controls.key(name, "dropout")).set_value(0.2).run()
    button(app, "Train").click().run()
    second = shown(app, name)
    wait_until(app, lambda: server.queue().snapshot(second.digest()).status.state == "finished")
    app.run()
    assert "You predicted" not in words(app)


BROKEN = [name for name, challenge in PAGES.items() if "broken" in challenge.presets]


@pytest.mark.parametrize("name", BROKEN)
def test_every_page_shows_its_failure_beside_its_remedy_before_any_click(name: str) -> None:
    """A class whose workers are all busy sees nothing of the failure it is told about."""
    app = opened(name)
    shown_first, beside = (app.session_state[f"{name}/state"].shown_run(),
                           app.session_state[f"{name}/state"].reference_run())
    presets = PAGES[name].presets
    assert shown_first.recorded and beside.recorded
    assert shown_first.snapshot.digest == presets["broken"].config.digest()
    assert beside.snapshot.digest == presets["fixed"].config.digest()
    found = diagnose(shown_first.snapshot.history, shown_first.snapshot.config)
    assert name in {SYMPTOMS[finding.symptom].page for finding in found}
    mended = diagnose(beside.snapshot.history, beside.snapshot.config)
    assert name not in {SYMPTOMS[finding.symptom].page for finding in mended}


def test_a_failure_of_another_page_leads_there() -> None:
    """The verdict names a failure, and the student must look for the page that explains it."""
    config = PAGES["mode_collapse"].presets["broken"].config
    query = config.to_query(base=PAGES["training_instability"].presets["broken"].config)
    server.queue().store.delete(config.digest())  # a stub that another test left; the recorded one
    app = opened("training_instability", **query)
    assert any("Mode collapse" in error.value for error in app.error)
    links = [link.proto for link in app.get("page_link")]
    assert any(link.label == "Mode collapse" and "explains" in link.help for link in links)


def test_home_maps_every_challenge_with_a_picture_of_its_failure() -> None:
    """The map is a list of words."""
    app = opened("baseline")
    assert len(app.get("image")) + len(app.get("imgs")) >= 2 + len(BROKEN)


def test_the_nearest_images_stand_on_the_overfitting_page() -> None:
    """The page tells of copying and shows none of it."""
    app = opened("discriminator_overfitting")
    assert any("nearest training image" in html.proto.body for html in app.get("html"))


def test_a_schedule_can_be_typed_and_a_bad_one_is_named() -> None:
    """A teacher plans a rescue, and a typo in it breaks the page."""
    name = "mode_collapse"
    app = opened(name)
    box = app.text_input(key=controls.key(name, "schedule"))
    box.set_value("@500 dropout=2").run()
    assert not app.exception
    said = "".join(error.value for error in app.error).replace("\\", "")
    assert "at step 500 dropout must be" in said
    assert button(app, "Train").disabled
    app.text_input(key=controls.key(name, "schedule")).set_value("@500 dropout=0.4").run()
    assert not any("schedule" in error.value for error in app.error)
    assert not button(app, "Train").disabled


@pytest.mark.parametrize(("name", "preset"), [
    (name, preset) for name, challenge in PAGES.items() for preset in challenge.presets])
def test_every_preset_trains_on_its_page(name: str, preset: str) -> None:
    """A preset's button leads to settings that the trainer or the page cannot deal with."""
    app = opened(name)
    app.button_group[0].set_value(preset).run()
    app.select_slider(key=controls.key(name, "steps")).set_value(2).run()
    button(app, "Train").click().run()
    run = shown(app, name)
    assert run == PAGES[name].presets[preset].config.replace(steps=2)
    wait_until(app, lambda: server.queue().snapshot(run.digest()).status.step >= 2)
    wait_until(app, lambda: not server.queue().snapshot(run.digest()).live)
    app.run()
    assert not app.exception
    assert "G makes" in words(app) and len(app.get("image")) >= 1
