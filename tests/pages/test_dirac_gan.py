"""The Dirac-GAN on a page: its charts, its words, and its place in the URL."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gan_core.dirac import BOUNDS, METHODS, ORDERS, DiracGame, how_it_ends, trajectory
from pages.components import dirac_charts, dirac_choices

GARBAGE = [
    ("nonsense:1", "'nonsense' is not a setting"),
    ("game:poker", "game must be one of gan,"),
    ("game:r1,gamma:9", "gamma must be a number from 0 to 3, not '9'"),
    ("step_size:nan", "step_size must be a number from 0.01 to 0.5, not 'nan'"),
    ("steps:1.5", "steps must be a whole number from 10 to 1000, not '1.5'"),
    ("ratio:7", "ratio must be one of 0.25,"),
    (":::,", "'' is not a setting"),
]
# R1 far too strong for its step: the path flips from side to side and is lost within some steps.
LOST = "game:r1,gamma:3,ratio:4,step_size:0.5,steps:300"


def values(text: str = "") -> dirac_choices.Values:
    chosen, problem = dirac_choices.read(text)
    assert not problem
    return chosen


def verdict_of(text: str) -> tuple[str, str]:
    chosen = values(text)
    game, start = dirac_choices.game_of(chosen), dirac_choices.STARTS[chosen["start"]]
    return dirac_choices.verdict_text(game, start, trajectory(game, start, chosen["steps"]))


# --- words ---------------------------------------------------------------------------------------


def test_every_game_is_explained_with_its_paper() -> None:
    """A method can be chosen of which the student is not told what to see."""
    assert set(dirac_choices.EXPLANATIONS) == set(METHODS)
    assert all("arxiv.org" in seen.source for seen in dirac_choices.EXPLANATIONS.values())


@pytest.mark.parametrize(
    ("game", "simultaneous", "alternating"),
    [("gan", "diverges", "circles"), ("non_saturating", "circles", "converges"),
     ("wgan", "circles", "circles"), ("wgan_gp", "circles", "circles"),
     ("instance_noise", "converges", "converges"), ("r1", "converges", "converges"),
     ("r2", "converges", "converges"), ("consensus", "converges", "converges")],
)
def test_what_the_student_is_told_is_what_happens(game, simultaneous, alternating) -> None:
    """The sentence beside the plane promises a spiral inwards, and the path goes outwards."""
    for order, expected in (("simultaneous", simultaneous), ("generator_first", alternating)):
        assert f"It {expected}." in verdict_of(f"game:{game},order:{order}")[1]


def test_consensus_flees_from_far_out_and_when_strong_as_it_says() -> None:
    """The warning about strong consensus optimisation would be false."""
    for text in ("gamma:2", "start:far"):
        assert "It diverges." in verdict_of(f"game:consensus,{text}")[1]


def test_verdicts_carry_their_numbers() -> None:
    """The verdict is a claim without evidence."""
    tone, words = verdict_of("")
    # |1 ± i h/2| = √(1 + h²/4) at h = 0.2 (Mescheder et al. 2018, section 2).
    assert tone == "error" and f"{math.sqrt(1.01):.6g} > 1" in words and "± 0.5 i" in words
    tone, words = verdict_of("game:r1")
    assert tone == "success" and "< 1" in words and "-0.15 ± 0.477 i" in words
    assert "no eigenvalues" in verdict_of("game:wgan_gp")[1]
    assert "not followed further" in verdict_of(LOST)[1]


@pytest.mark.parametrize("name", METHODS)
def test_every_corner_of_the_sliders_has_a_reason(name: str) -> None:
    """Some position of the sliders ends in an error instead of a verdict."""
    parameters = list(METHODS[name].published)
    limits = [(dirac_choices.SLIDERS[p].low, dirac_choices.SLIDERS[p].high) for p in parameters]
    for order, ratio, step, *given in itertools.product(
        ORDERS, (0.25, 4.0), (0.05, 0.5), *limits
    ):
        game = DiracGame(name, order=order, ratio=ratio, step_size=step,
                         **dict(zip(parameters, given, strict=True)))
        path = trajectory(game, (1.0, 1.0), 20)
        words = dirac_choices.verdict_text(game, (1.0, 1.0), path)[1]
        assert how_it_ends(game, (1.0, 1.0)) in words


# --- the URL -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_a_portrait_survives_its_url(name: str) -> None:
    """A shared portrait opens as another one."""
    chosen = values(f"game:{name},step_size:0.3,start:far")
    assert values(dirac_choices.written(chosen)) == chosen
    assert dirac_choices.written(values()) == "", "the URL of a page that nobody touched grows"


@pytest.mark.parametrize(("text", "words"), GARBAGE)
def test_garbage_is_named_in_one_sentence(text: str, words: str) -> None:
    """A mistyped link breaks the page, or opens something else without a word."""
    chosen, problem = dirac_choices.read(text)
    assert chosen == dirac_choices.DEFAULTS
    assert words in problem and problem.startswith("In the address, dirac: ")


def test_the_sliders_stay_within_what_the_game_takes() -> None:
    """A slider can be moved to where the Dirac-GAN refuses to be drawn."""
    for name, slider in dirac_choices.SLIDERS.items():
        low, high = BOUNDS.get(name, (0, math.inf))
        assert low <= slider.low <= dirac_choices.DEFAULTS[name] <= slider.high <= high
    for game in METHODS.values():
        for name, value in game.published.items():
            assert dirac_choices.SLIDERS[name].low <= value <= dirac_choices.SLIDERS[name].high
    for name, words in dirac_choices.CHOICES.items():
        assert dirac_choices.DEFAULTS[name] in words


# --- charts --------------------------------------------------------------------------------------


def test_arrows_point_where_the_flow_goes() -> None:
    """The field of arrows turns the wrong way round."""
    game = DiracGame("gan")
    frame = dirac_charts.plane_frame(game, trajectory(game, (1.0, 1.0), 10), 2.0)
    arrows = frame[frame["kind"] == "arrow"]
    above = arrows[(arrows["theta"].abs() < 1e-9) & (arrows["psi"] > 0)]
    right = arrows[(arrows["psi"].abs() < 1e-9) & (arrows["theta"] > 0)]
    assert np.allclose(above["angle"], -90) and np.allclose(right["angle"], 0)  # left; up
    assert arrows["speed"].between(0, 1).all()


def test_a_path_is_drawn_with_start_end_and_equilibrium() -> None:
    """The student cannot see where the path begins, or where it should go."""
    game = DiracGame("r1")
    path = trajectory(game, (1.0, 1.0), 50)
    frame = dirac_charts.plane_frame(game, path, 2.0).set_index("kind")
    assert len(frame.loc["simultaneous"]) == 51
    marks = {dirac_charts.START: path[0], dirac_charts.END: path[-1],
             dirac_charts.EQUILIBRIUM: (0, 0)}
    for mark, place in marks.items():
        assert frame.loc[mark, ["theta", "psi"]].tolist() == pytest.approx(list(place))


def test_a_path_that_is_lost_can_be_drawn() -> None:
    """A path beyond 1e9, which holds NaN, empties the charts or breaks the page."""
    chosen = values(LOST)
    game = dirac_choices.game_of(chosen)
    path = trajectory(game, (1.0, 1.0), chosen["steps"])
    assert np.isnan(path).any()
    frame = dirac_charts.plane_frame(game, path, dirac_charts.extent(path))
    assert np.isfinite(frame[["theta", "psi"]]).all(axis=None)
    distances = dirac_charts.distance_frame({"simultaneous": path})
    low, high = dirac_charts.decades(distances["drawn"])
    assert 0 < low < high < 1e12
    assert distances["drawn"].dropna().between(low, high).all()


@pytest.mark.parametrize("game", METHODS)
def test_spectra_hold_what_there_is(game: str) -> None:
    """WGAN-GP, which has no eigenvalues, breaks the chart, or others show none."""
    games = {order: DiracGame(game, order=order) for order in ("simultaneous", "generator_first")}
    flow, steps = dirac_charts.spectrum_frames(games)
    assert (len(flow), len(steps)) == ((0, 0) if game == "wgan_gp" else (2, 4))
    for frame in (flow, steps):
        side = dirac_charts.complex_extent(frame)
        assert (frame[["real", "imaginary"]].abs() <= side).all(axis=None)


def test_charts_have_titles_units_and_reference_lines() -> None:
    """A chart does not say what it shows, or lacks the line that decides."""
    orders = ("simultaneous", "generator_first")
    expected = {
        "θ: the generator's point": dirac_charts.plane_spec(2.0, 100),
        "log scale": dirac_charts.distance_spec(0.1, 10.0, 100, orders),
        "Flow: eigenvalues": dirac_charts.flow_spec(1.25),
        "inside the circle: converges": dirac_charts.steps_spec(1.25, orders),
    }
    for words, spec in expected.items():
        assert words in json.dumps(spec, ensure_ascii=False)
    again = dirac_charts.flow_spec(1.25)
    assert expected["Flow: eigenvalues"] is again, "converted anew at every refresh"


# --- on a page -----------------------------------------------------------------------------------

PAGE = "mode_collapse"


def _page() -> None:
    import streamlit as st

    from gan_core.config.presets import CHALLENGES
    from pages.components.dirac_gan import portrait
    from pages.components.state import arrive, link, write_url

    state = arrive("mode_collapse", CHALLENGES["mode_collapse"])
    write_url(state)
    portrait("mode_collapse")
    st.code(link(state))


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def widget(app: AppTest, name: str):
    kinds = (app.selectbox, app.slider, app.select_slider, app.button)
    where = f"{PAGE}/dirac/{name}"
    return next(one for kind in kinds for one in kind if one.key == where)


def test_the_plain_gan_is_mended_by_one_click() -> None:
    """The page shows the failure, and the student does not find the remedy."""
    app = opened()
    assert "It diverges." in app.error[0].value
    assert len(app.get("vega_lite_chart")) == 4
    widget(app, "mend").click().run()
    assert not app.exception and "It converges." in app.success[0].value
    widget(app, "mend").click().run()
    assert "It diverges." in app.error[0].value


@pytest.mark.parametrize("game", [name for name in METHODS if name != "consensus"])
def test_a_game_shows_its_own_parameters_at_their_published_values(game: str) -> None:
    """A parameter is missing, does nothing, or keeps the value of another game."""
    app = opened(dirac="game:consensus,gamma:2.5")
    widget(app, "game").select(game).run()
    assert not app.exception
    keys = {slider.key.rpartition("/")[2] for slider in app.slider}
    assert keys == {*METHODS[game].published, "step_size", "steps"}
    assert all(widget(app, name).value == value for name, value in METHODS[game].published.items())


def test_a_portrait_is_shared_by_its_url() -> None:
    """Moving a slider does not change the address, or a reload forgets it."""
    app = opened(dirac="game:r1,gamma:0.5")
    assert widget(app, "gamma").value == 0.5
    widget(app, "gamma").set_value(0.8).run()
    assert "gamma:0.8" in app.query_params["dirac"]
    assert "dirac=game%3Ar1%2Cgamma%3A0.8" in app.run().code[0].value, "the link leaves it out"
    assert widget(opened(dirac=app.query_params["dirac"]), "gamma").value == 0.8


def test_the_portrait_of_a_link_leaves_the_runs_alone() -> None:
    """A link to a portrait alone trains something, hides the recorded run or reports a problem."""
    app = opened(dirac="game:r1")
    state = app.session_state[f"{PAGE}/state"]
    assert state.fresh and not state.problems


def test_garbage_in_the_address_is_said_until_a_slider_is_moved() -> None:
    """A mistyped link opens the defaults without a word, or blames the student for ever."""
    app = opened(dirac="gamma:9,<b>")
    assert "gamma must be a number" in app.warning[0].value.replace("\\", "")
    assert widget(app, "game").value == "gan" and "dirac" not in app.query_params
    assert app.run().warning
    widget(app, "step_size").set_value(0.3).run()
    assert not app.warning
    assert not app.exception


def test_a_lost_path_and_a_game_without_eigenvalues_open() -> None:
    """A corner of the sliders shows a stack trace instead of a chart."""
    for text in (LOST, "game:wgan_gp"):
        assert len(opened(dirac=text).get("vega_lite_chart")) == 4


@pytest.mark.parametrize("game", METHODS)
def test_every_method_that_networks_have_can_be_taken_to_the_ring(game: str) -> None:
    """The picture of one point stays a toy: the same method cannot be tried on networks."""
    config = dirac_choices.counterpart(DiracGame(game, ratio=2.0, order="simultaneous"))
    if game == "consensus":
        assert config is None
        return
    assert (config.dataset, config.learning_rate_ratio) == ("ring", 2.0)
    assert config.update_order == "simultaneous"
    published = METHODS[game].published
    limits = {"gamma": config.r1 + config.r2, "penalty": config.gradient_penalty,
              "clip": config.weight_clip, "noise": config.input_noise}
    for name in set(published) & set(limits):
        assert limits[name] == pytest.approx(min(published[name], 1.0))
