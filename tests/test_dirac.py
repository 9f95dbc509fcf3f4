"""The Dirac-GAN: what the phase portrait draws and says, against derivatives and published runs.

Mescheder, Geiger & Nowozin, "Which Training Methods for GANs do actually Converge?" (ICML 2018).
The final radii are those of the authors' notebook: h = 0.2, 500 steps from (1, 1).
"""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from gan_core.config.run_config import RunConfig
from gan_core.dirac import (
    BOUNDS,
    FAR,
    METHODS,
    MOST_STEPS,
    ORDERS,
    DiracGame,
    eigenvalues,
    how_it_ends,
    jacobian,
    multipliers,
    spectral_radius,
    trajectory,
    update,
    vector_field,
)

SMOOTH = [name for name in METHODS if name != "wgan_gp"]
RATIOS = [0.5, 1.0, 3.0]
POINTS = [(1.0, 1.0), (-0.7, 1.3), (2.0, -0.4), (-1.5, -2.0)]


def published(name: str, **changes) -> DiracGame:
    return DiracGame(name, **{**METHODS[name].published, **changes})


def final_radius(game: DiracGame) -> float:
    return float(np.hypot(*trajectory(game, (1.0, 1.0), 500)[-1]))


def slopes(function, *point: float, step: float = 1e-5) -> np.ndarray:
    """Central differences: the derivative of `function` along each of its arguments, last axis."""
    columns = []
    for axis in range(len(point)):
        offset = step * np.eye(len(point))[axis]
        ahead, behind = (np.array(function(*(point + sign * offset))) for sign in (1, -1))
        columns.append((ahead - behind) / (2 * step))
    return np.stack(columns, axis=-1)


def f(t: float) -> float:
    return -math.log1p(math.exp(-t))


# --- published runs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "changes", "simultaneous", "alternating"),
    [
        ("gan", {}, "3.10", "1.42"),
        ("non_saturating", {}, "0.64", "0.28"),
        ("wgan", {}, "1.00", "1.02"),
        ("wgan_gp", {}, "1.80", "1.22"),
        ("r1", {}, "2.6e-06", "2.3e-07"),
        ("r1", {"gamma": 1.0}, "9.5e-22", "7.5e-17"),
        ("r2", {}, "2.6e-06", "2.3e-07"),
        # Of the exact gradient and the exact expectation; the notebook's own follow below.
        ("consensus", {}, "2.6e-10", "1.7e-11"),
        ("instance_noise", {}, "5.7e-05", "4.0e-06"),
    ],
)
def test_final_radius(name, changes, simultaneous, alternating):
    """Otherwise the page would draw another picture than the paper it cites."""
    for order, expected in (("simultaneous", simultaneous), ("generator_first", alternating)):
        radius = final_radius(published(name, order=order, **changes))
        assert f"{radius:{'.1e' if 'e' in expected else '.2f'}}" == expected


def notebook_run(velocity, order: str) -> np.ndarray:
    """500 steps of 0.2 from (1, 1) along a field that is given as (θ, ψ) -> (θ̇, ψ̇)."""
    path = [(1.0, 1.0)]
    for _ in range(500):
        theta, psi = path[-1]
        moved = theta + 0.2 * velocity(theta, psi)[0]
        psi += 0.2 * velocity(theta if order == "simultaneous" else moved, psi)[1]
        path.append((moved, psi))
    return np.array(path)


@pytest.mark.parametrize(
    ("order", "expected"), [("simultaneous", "2e-10"), ("generator_first", "1e-11")])
def test_the_notebooks_consensus_halves_a_term(order, expected):
    """Why our radius, 2.6e-10 or 1.7e-11, is not the notebook's: same game, half a term less."""
    def velocity(theta, psi):
        slope, away = 1 / (1 + math.exp(psi * theta)), 1 / (1 + math.exp(-psi * theta))
        bend = -(theta**2 + psi**2) * slope**2 * away / 2
        return (-psi * slope - theta * slope**2 - psi * bend,
                theta * slope - psi * slope**2 - theta * bend)

    assert f"{np.hypot(*notebook_run(velocity, order)[-1]):.0e}" == expected


@pytest.mark.parametrize(
    ("order", "expected"), [("simultaneous", 0.02), ("generator_first", 0.01)])
def test_drawn_instance_noise_ends_in_a_haze(order, expected):
    """The notebook draws 1000 noises a step and stays 0.02 or 0.01 away: its draws, not its game.

    The mean of such a draw is the expectation that we take, so there the path goes to 0.
    """
    rng = np.random.default_rng(0)

    def velocity(theta, psi):
        fake, real = theta + 0.7 * rng.standard_normal(1000), 0.7 * rng.standard_normal(1000)
        slope = 1 / (1 + np.exp(psi * fake))
        return (-psi * slope).mean(), (fake * slope - real / (1 + np.exp(-psi * real))).mean()

    haze = np.hypot(*notebook_run(velocity, order)[250:].T).mean()
    assert expected / 2 < haze < 2 * expected
    drawn = np.mean([velocity(1.0, 1.5) for _ in range(400)], axis=0)
    expectation = vector_field(published("instance_noise"), 1.0, 1.5)
    np.testing.assert_allclose(drawn, expectation, atol=4e-3)


# --- the field -----------------------------------------------------------------------------------


def two_players(name: str, theta: float, psi: float) -> tuple[float, float]:
    """What G and what D climb, from the paper's definitions, at the published parameters."""
    t = psi * theta
    return {
        "gan": (-f(t), f(t)),
        "non_saturating": (f(-t), f(t)),
        "wgan": (-t, t),
        "wgan_gp": (-t, t - 0.7 / 2 * (abs(psi) - 1) ** 2),
        "r1": (-f(t), f(t) - 0.3 / 2 * psi**2),
        "r2": (-f(t), f(t) - 0.3 / 2 * psi**2),
    }[name]


@pytest.mark.parametrize("name", ["gan", "non_saturating", "wgan", "wgan_gp", "r1", "r2"])
def test_each_player_climbs_its_objective(name):
    """Otherwise the arrows would belong to another method than the label says."""
    for point in POINTS:
        slope = slopes(lambda theta, psi: two_players(name, theta, psi), *point)
        np.testing.assert_allclose(
            vector_field(published(name), *point), np.diag(slope), atol=1e-8, err_msg=str(point))


def test_instance_noise_is_the_expectation():
    """Otherwise its arrows would depend on how the expectation is computed."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()

    def objective(theta, psi):
        fake, real = psi * (theta + 0.7 * nodes), -psi * 0.7 * nodes
        return -(np.log1p(np.exp(-fake)) + np.log1p(np.exp(-real))) @ weights

    for point in POINTS:
        slope = slopes(objective, *point) * (-1, 1)
        velocity = vector_field(published("instance_noise"), *point)
        np.testing.assert_allclose(velocity, slope, atol=1e-7, err_msg=str(point))


def test_consensus_descends_the_common_gradient():
    """Otherwise it would not be v − γ∇½‖v‖², as the page writes it down."""
    def half_norm(theta, psi):
        return sum(part**2 for part in vector_field(DiracGame("gan"), theta, psi)) / 2

    for point in POINTS:
        expected = vector_field(DiracGame("gan"), *point) - 1.0 * slopes(half_norm, *point)
        velocity = vector_field(published("consensus"), *point)
        np.testing.assert_allclose(velocity, expected, atol=1e-8, err_msg=str(point))


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_the_field_takes_points_of_any_shape(shape):
    """Otherwise the grid of arrows would have to be filled one by one, or come out scrambled."""
    theta, psi = np.random.default_rng(1).normal(size=(2, *shape))
    for name in METHODS:
        game = DiracGame(name, ratio=2.0)
        together = np.array(vector_field(game, theta, psi))
        single = [vector_field(game, *point)
                  for point in zip(np.ravel(theta), np.ravel(psi), strict=True)]
        assert together.shape == (2, *shape), name
        np.testing.assert_allclose(
            together.reshape(2, -1), np.transpose(single), rtol=1e-12, err_msg=name)


def test_the_field_broadcasts():
    """A row of θ against a column of ψ is how a grid is written."""
    game = DiracGame("instance_noise")
    theta_dot, psi_dot = vector_field(game, np.zeros((1, 3)), np.ones((2, 1)))
    assert theta_dot.shape == psi_dot.shape == (2, 3)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("name", ["gan", "wgan"])
def test_the_unregularised_flow_keeps_its_radius(name, ratio):
    """θ² + ψ², weighted by the speeds, is conserved: the steps push outwards, not the game."""
    game = DiracGame(name, ratio=ratio)
    theta, psi = np.meshgrid(np.linspace(-3, 3, 13), np.linspace(-3, 3, 13))
    theta_dot, psi_dot = vector_field(game, theta, psi)
    change = theta * theta_dot / game.speeds[0] + psi * psi_dot / game.speeds[1]
    np.testing.assert_allclose(change, 0, atol=1e-12)


def test_the_non_saturating_flow_never_leaves():
    """d/dt ½(θ² + ψ²) = −ψθ tanh(ψθ/2): the sentence that it creeps inwards."""
    theta, psi = np.meshgrid(np.linspace(-3, 3, 13), np.linspace(-3, 3, 13))
    theta_dot, psi_dot = vector_field(DiracGame("non_saturating"), theta, psi)
    expected = -psi * theta * np.tanh(psi * theta / 2)
    np.testing.assert_allclose(theta * theta_dot + psi * psi_dot, expected, atol=1e-12)


def test_r1_and_r2_are_one_game_here():
    """D is a line, with one gradient everywhere; the page says so."""
    for point in POINTS:
        assert vector_field(DiracGame("r1"), *point) == vector_field(DiracGame("r2"), *point)


# --- at the equilibrium --------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTH)
def test_jacobian_is_the_slope_of_the_field(name):
    """Otherwise the eigenvalues beside the portrait would be those of another flow."""
    for ratio in RATIOS:
        game = published(name, ratio=ratio)
        slope = slopes(lambda *point, game=game: vector_field(game, *point), 0.0, 0.0)
        np.testing.assert_allclose(jacobian(game), slope, atol=1e-8, err_msg=str(game))
        np.testing.assert_allclose(
            np.sort_complex(eigenvalues(game)), np.sort_complex(np.linalg.eigvals(slope)),
            atol=1e-7, err_msg=str(game))


@pytest.mark.parametrize("name", SMOOTH)
def test_update_is_the_slope_of_one_step(name):
    """Otherwise the spectral radius would be that of steps which nobody takes."""
    for ratio, order in itertools.product(RATIOS, ORDERS):
        game = published(name, ratio=ratio, order=order)
        slope = slopes(lambda *point, game=game: trajectory(game, point, 1)[1], 0.0, 0.0)
        np.testing.assert_allclose(update(game), slope, atol=1e-8, err_msg=str(game))
        assert multipliers(game).prod() == pytest.approx(np.linalg.det(slope), abs=1e-7), game


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_eigenvalues_of_zero_centred_penalties(name):
    """−γ/2 ± √(γ²/4 − ¼): the formula that the page shows."""
    for gamma in (0.0, 0.3, 0.99, 1.0, 1.01, 3.0):
        root = np.sqrt(complex(gamma**2 / 4 - 1 / 4))
        expected = [-gamma / 2 + root, -gamma / 2 - root]
        game = DiracGame(name, gamma=gamma)
        np.testing.assert_allclose(eigenvalues(game), expected, atol=1e-12, err_msg=str(gamma))


def test_damping_is_critical_at_one():
    """Below γ = 1 the path turns, above it creeps; at 1 both eigenvalues are −½, none is faster."""
    assert eigenvalues(DiracGame("r1", gamma=1.0)).tolist() == [-0.5, -0.5]
    slowest = {gamma: eigenvalues(DiracGame("r1", gamma=gamma)).real.max()
               for gamma in (0.25, 0.5, 0.9, 1.0, 1.1, 2.0, 4.0)}
    assert min(slowest, key=slowest.__getitem__) == 1.0


def test_instance_noise_is_locally_r1():
    """With γ = σ²/2: the paths, not only the formulas, run together near the equilibrium."""
    for noise, order in itertools.product((0.3, 0.7, 1.5), ORDERS):
        noisy = DiracGame("instance_noise", noise=noise, order=order)
        penalised = DiracGame("r1", gamma=noise**2 / 2, order=order)
        np.testing.assert_allclose(
            update(noisy), update(penalised), rtol=1e-12, err_msg=str(noisy))
        paths = (trajectory(game, (1e-3, 1e-3), 60) for game in (noisy, penalised))
        np.testing.assert_allclose(*paths, atol=1e-7, err_msg=str(noisy))


@pytest.mark.parametrize("name", [name for name in SMOOTH if name not in ("gan", "wgan")])
def test_spectral_radius_is_the_pace_of_a_path(name):
    """Otherwise “shrinks by 3 % a step” would not be what the path does."""
    for order in ORDERS:
        game = published(name, order=order)
        extent = np.hypot(*trajectory(game, (1e-4, 1e-4), 300).T)
        pace = (extent[300] / extent[100]) ** (1 / 200)
        assert pace == pytest.approx(spectral_radius(game), abs=2e-3), order


@pytest.mark.parametrize(
    ("name", "rotation"), [("gan", 1 / 2), ("non_saturating", 1 / 2), ("wgan", 1)])
def test_simultaneous_steps_push_outwards_and_alternating_ones_do_not(name, rotation):
    """√(1 + h²/4) against exactly 1 for a GAN: the reason to alternate."""
    game = DiracGame(name)
    assert spectral_radius(game) == pytest.approx(math.hypot(1, 0.2 * rotation), rel=1e-12)
    for order in ("generator_first", "discriminator_first"):
        assert spectral_radius(DiracGame(name, order=order)) == pytest.approx(1, rel=1e-12)


def test_wgan_gp_has_no_jacobian_at_the_equilibrium():
    """Its field jumps by 2λg₀ at ψ = 0; eigenvalues of either side would promise convergence."""
    game = published("wgan_gp")
    jump = vector_field(game, 0.0, 1e-9)[1] - vector_field(game, 0.0, -1e-9)[1]
    assert jump == pytest.approx(2 * 0.7 * 1.0, rel=1e-6)
    assert np.isnan(eigenvalues(game)).all() and math.isnan(spectral_radius(game))


@pytest.mark.parametrize("changes", [{"target": 0.0}, {"penalty": 0.0}])
def test_wgan_gp_without_a_jump_is_smooth(changes):
    """With g₀ = 0 it is a zero-centred penalty, and converges: the remedy that the page offers."""
    game = published("wgan_gp", **changes)
    slope = slopes(lambda *point: vector_field(game, *point), 0.0, 0.0)
    np.testing.assert_allclose(jacobian(game), slope, atol=1e-8)
    assert how_it_ends(game) == ("diverges" if "penalty" in changes else "converges")


# --- steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_steps_by_hand(name):
    """Simultaneous: both from where they are. Alternating: the second sees where the first went."""
    h, start = 0.2, (0.8, 0.5)
    theta_dot, psi_dot = vector_field(DiracGame(name), *start)
    theta, psi = 0.8 + h * theta_dot, 0.5 + h * psi_dot
    expected = {
        "simultaneous": (theta, psi),
        "generator_first": (theta, 0.5 + h * vector_field(DiracGame(name), theta, 0.5)[1]),
        "discriminator_first": (0.8 + h * vector_field(DiracGame(name), 0.8, psi)[0], psi),
    }
    assert set(expected) == set(ORDERS)
    for order, position in expected.items():
        path = trajectory(DiracGame(name, order=order), start, 1)
        np.testing.assert_allclose(path, [start, position], rtol=1e-12)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0, 4.0])
def test_the_ratio_means_what_it_means_in_a_run(ratio):
    """Otherwise the same slider would favour the other network on this page."""
    config = RunConfig(learning_rate=0.2, learning_rate_ratio=ratio)
    rates = [config.generator_learning_rate, config.discriminator_learning_rate]
    game = DiracGame("wgan", step_size=0.2, ratio=ratio)
    np.testing.assert_allclose(0.2 * game.speeds, rates)
    moved = trajectory(game, (0.5, 0.1), 1)
    np.testing.assert_allclose(moved[1], (0.5 - rates[0] * 0.1, min(0.1 + rates[1] * 0.5, 1.0)))


@pytest.mark.parametrize("order", ORDERS)
def test_clipping_holds_from_the_start(order):
    """A WGAN's slope beyond its limit would be one that its training never sees."""
    path = trajectory(DiracGame("wgan", clip=0.4, order=order), (1.0, -3.0), 300)
    assert path[0].tolist() == [1.0, -0.4] and np.abs(path[:, 1]).max() == 0.4


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_a_path_has_its_start_and_every_step(steps):
    """Otherwise the step slider would be off by one."""
    path = trajectory(DiracGame(), (1, 1), steps)
    assert path.shape == (steps + 1, 2) and path[0].tolist() == [1, 1]


def test_a_diverging_path_ends_in_nan():
    """Divergence is what the page shows; an error or a warning in its place would end the page."""
    game = DiracGame("wgan_gp", penalty=0.0, step_size=1.0)
    path = trajectory(game, (1.0, 1.0), 500)
    lost = np.isnan(path).any(axis=1)
    assert not lost[0] and lost[-1] and np.diff(lost.astype(int)).sum() == 1  # lost once, for good
    assert np.nanmax(np.abs(path)) < FAR and how_it_ends(game) == "diverges"


@pytest.mark.parametrize("name", METHODS)
def test_far_out_the_field_neither_raises_nor_warns(name):
    """Otherwise a wide view of the plane, or a path on its way out, would end the page."""
    for far, signs in itertools.product((40.0, 1e4, 1e200), ((1, 1), (1, -1), (-1, -1))):
        parts = np.array(vector_field(DiracGame(name), *(far * sign for sign in signs)))
        assert parts.shape == (2,) and (np.isfinite(parts).all() or far > 1e100), (far, signs)


# --- how it ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "simultaneous", "alternating"),
    [
        ("gan", "diverges", "circles"),
        ("non_saturating", "circles", "converges"),
        ("wgan", "circles", "circles"),
        ("instance_noise", "converges", "converges"),
        ("r1", "converges", "converges"),
        ("r2", "converges", "converges"),
        ("consensus", "converges", "converges"),
    ],
)
def test_how_each_method_ends(name, simultaneous, alternating):
    """Which converges, and with which steps: the paper's message, and the lesson of the page."""
    expected = {"simultaneous": simultaneous, "generator_first": alternating,
                "discriminator_first": alternating}
    games = [published(name, order=order, step_size=step_size, ratio=ratio)
             for order, step_size, ratio in itertools.product(
                 ORDERS, (0.1, 0.2, 0.4), (0.5, 1.0, 2.0))]
    wrong = {game: end for game in games if (end := how_it_ends(game)) != expected[game.order]}
    assert not wrong


@pytest.mark.parametrize("order", ORDERS)
def test_strong_consensus_drives_a_path_away(order):
    """It converges from nearby, and from (1, 1) it seeks the flat far field: the chart shows that.

    ½(θ² + ψ²) f′(ψθ)² is small at the equilibrium, but also wherever ψθ is large.
    """
    game = DiracGame("consensus", gamma=3.0, order=order)
    assert how_it_ends(game) == how_it_ends(game, (0.3, 0.3)) == "converges"
    assert how_it_ends(game, (1.0, 1.0)) == "diverges" and final_radius(game) > 5


def test_the_start_makes_no_difference_at_the_published_values():
    """Otherwise the words beside the paper's own pictures would be wrong."""
    games = [published(name, order=order) for name in METHODS for order in ORDERS]
    assert not [game for game in games if how_it_ends(game, (1.0, 1.0)) != how_it_ends(game)]


def test_wgan_gp_circles_if_it_is_stable_far_out():
    """Far out its jump is a bounded push upon the smooth game with g₀ = 0: that one decides."""
    for step_size, ratio, order in itertools.product((0.2, 0.5), (0.5, 1.0, 2.0), ORDERS):
        game = published("wgan_gp", step_size=step_size, ratio=ratio, order=order)
        smooth = dataclasses.replace(game, target=0.0)
        expected = "circles" if spectral_radius(smooth) < 1 else "diverges"
        assert how_it_ends(game) == expected, game


def test_weak_r1_does_not_hold_large_steps():
    """Simultaneous: det(I + hJ) = 1 − hγ + h²/4, so γ must exceed h/4; less leaves a cycle."""
    assert how_it_ends(DiracGame("r1", gamma=0.051)) == "converges"
    assert how_it_ends(DiracGame("r1", gamma=0.049)) == "circles"
    assert how_it_ends(DiracGame("r1", gamma=0.049, order="generator_first")) == "converges"


@pytest.mark.parametrize("step_size", [0.2, 0.4])
def test_the_cycle_of_the_non_saturating_game(step_size):
    """Radius √(2h), where steps push out as much as the flow pulls in, for small h (averaging)."""
    extent = np.hypot(*trajectory(DiracGame("non_saturating", step_size=step_size),
                                  (1.0, 1.0), 2000)[1000:].T)
    assert extent.mean() == pytest.approx(math.sqrt(2 * step_size), rel=0.1)


def test_the_alternating_non_saturating_game_creeps():
    """Radius √(8/t) in the long run: it converges, at no rate; the page says how slowly."""
    path = trajectory(DiracGame("non_saturating", order="generator_first"), (1.0, 1.0), 3000)
    assert np.hypot(*path[3000]) == pytest.approx(math.sqrt(8 / 600), rel=0.05)


def test_too_much_damping_overshoots():
    """hγ > 2 throws ψ farther to the other side with each step: stronger is not always better."""
    assert how_it_ends(DiracGame("r1", gamma=3.0, step_size=0.5)) == "converges"
    assert how_it_ends(DiracGame("r1", gamma=5.0, step_size=0.5)) == "diverges"


def test_a_double_multiplier_on_the_unit_circle_diverges():
    """Rates whose product is 4 make both −1: the radius is 1, and yet the path grows steadily."""
    game = DiracGame("wgan_gp", penalty=0.0, step_size=1.0, ratio=4.0, order="generator_first")
    assert spectral_radius(game) == pytest.approx(1) and how_it_ends(game) == "diverges"


# --- the table, and what is refused --------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_a_method_uses_exactly_the_parameters_it_publishes(name):
    """Otherwise a slider would be shown that does nothing, or one be hidden that does."""
    used = set(METHODS[name].published)
    for parameter in set(BOUNDS) - {"step_size", "ratio"}:
        low, high = BOUNDS[parameter]
        paths = [trajectory(published(name, **{parameter: value}), (1.0, 1.0), 5)
                 for value in (low, (low + high) / 8)]
        assert np.array_equal(*paths) == (parameter not in used), parameter


def test_every_method_has_words():
    """Otherwise it could not be chosen, or not be distinguished from the others."""
    assert all(method.label and method.idea.endswith(".") for method in METHODS.values())
    assert len({method.label for method in METHODS.values()}) == len(METHODS)


@pytest.mark.parametrize("name", BOUNDS)
def test_numbers_out_of_range_are_refused(name):
    """In one sentence that names the field and what is allowed; never a traceback of NumPy's."""
    low, high = BOUNDS[name]
    words = f"^{name} must be a number from {low:g} to {high:g}, not"
    for bad in (None, "0.2", True, math.nan, math.inf, -1.0, 1e3, [0.2], 10**5000):
        with pytest.raises(ValueError, match=words):
            DiracGame(**{name: bad})


def test_bounds_themselves_are_allowed():
    """Otherwise a slider's end would be an error."""
    for name, bounds in BOUNDS.items():
        for value in bounds:
            trajectory(DiracGame(**{name: value}), (1.0, 1.0), 1)


@pytest.mark.parametrize(("name", "table"), [("method", METHODS), ("order", ORDERS)])
def test_unknown_choices_are_refused(name, table):
    """The message lists what there is."""
    for bad in ("", "GAN", None, 3, ["gan"]):
        with pytest.raises(ValueError, match=f"^{name} must be one of {', '.join(table)}, not"):
            DiracGame(**{name: bad})


@pytest.mark.parametrize(
    "bad", [(1.0,), (1.0, 2.0, 3.0), 1.0, (math.nan, 0.0), (0.0, math.inf), "ab", None, ("a", 1)])
def test_bad_starts_are_refused(bad):
    """A start that is typed by hand."""
    with pytest.raises(ValueError, match=r"^start must be two numbers from -1e\+09 to 1e\+09, not"):
        trajectory(DiracGame(), bad, 10)


@pytest.mark.parametrize("bad", [-1, 2.5, True, None, "10", MOST_STEPS + 1])
def test_bad_numbers_of_steps_are_refused(bad):
    """Otherwise one request could keep the page busy for good."""
    with pytest.raises(ValueError, match=r"^steps must be a whole number from 0 to 100000, not"):
        trajectory(DiracGame(), (1.0, 1.0), bad)
