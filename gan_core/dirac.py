"""The Dirac-GAN: the smallest GAN there is, as a map of the plane. NumPy only, torch-free.

    game = DiracGame("r1", gamma=0.3)
    path = trajectory(game, start=(1.0, 1.0), steps=500)

Mescheder, Geiger & Nowozin, "Which Training Methods for GANs do actually Converge?" (ICML 2018),
sections 2 and 3. The data are one point, 0. The generator makes one point, θ. The discriminator is
a line through the origin, D(x) = ψx, its slope ψ a logit per unit of length. With f(t) = −ln(1 +
e^−t), so f′(t) = σ(−t), D climbs f(ψθ) and G descends it. The equilibrium is θ = ψ = 0: the
generator sits on the data, and the discriminator is flat.

`vector_field` is the continuous flow that gradient steps imitate, `jacobian` and `eigenvalues`
describe it at the equilibrium. `update` and `multipliers` do the same for the steps themselves,
which need not agree with the flow: steps of finite size push outwards. `how_it_ends` says whether
the steps converge, circle or diverge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike

Velocity = tuple[np.ndarray, np.ndarray]  # (θ̇, ψ̇)

# Which of (θ, ψ) move, phase by phase, within one step. The paper's alternation is G first.
ORDERS: dict[str, tuple[tuple[float, float], ...]] = {
    "simultaneous": ((1.0, 1.0),),
    "generator_first": ((1.0, 0.0), (0.0, 1.0)),
    "discriminator_first": ((0.0, 1.0), (1.0, 0.0)),
}

BOUNDS: dict[str, tuple[float, float]] = {
    "gamma": (0.0, 10.0),
    "penalty": (0.0, 10.0),
    "target": (0.0, 10.0),
    "clip": (0.01, 10.0),
    "noise": (0.0, 3.0),
    "step_size": (0.01, 1.0),
    "ratio": (0.1, 10.0),
}
MOST_STEPS = 100_000
FAR = 1e9  # a path this far from 0 has diverged and is not followed further


@dataclass(frozen=True)
class DiracGame:
    """A training method and how its steps are taken. Raises ValueError on a bad field.

    A method uses only the parameters that its entry of METHODS publishes; the others do nothing.
    """

    method: str = "gan"
    gamma: float = 0.3  # γ: weight of R1, R2 and of consensus optimisation
    penalty: float = 0.7  # λ: weight of WGAN-GP
    target: float = 1.0  # g₀: the slope that WGAN-GP asks for
    clip: float = 1.0  # WGAN keeps |ψ| at or below this
    noise: float = 0.7  # σ: standard deviation of instance noise
    step_size: float = 0.2  # h
    ratio: float = 1.0  # D : G, as RunConfig.learning_rate_ratio: one speeds up, the other keeps h
    order: str = "simultaneous"

    def __post_init__(self) -> None:
        _check_choice("method", self.method, METHODS)
        _check_choice("order", self.order, ORDERS)
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            number = isinstance(value, Real) and not isinstance(value, bool)
            if not (number and low <= value <= high):  # false for NaN as well
                raise _refusal(name, f"a number from {low:g} to {high:g}", value)

    @property
    def speeds(self) -> np.ndarray:
        """Learning rates of G and D in units of the step size; the slower one's is 1."""
        return np.array([1.0 / min(self.ratio, 1.0), max(self.ratio, 1.0)])


def _check_choice(name: str, value: object, table: Mapping[str, object]) -> None:
    # A dict lookup would raise TypeError on an unhashable value.
    if not isinstance(value, str) or value not in table:
        raise _refusal(name, f"one of {', '.join(table)}", value)


def _refusal(name: str, allowed: str, value: object) -> ValueError:
    try:
        shown = repr(value)[:40]
    except ValueError:  # Python does not write out integers of thousands of digits
        shown = "a number of thousands of digits"
    return ValueError(f"{name} must be {allowed}, not {shown}.")


# --- the methods ---------------------------------------------------------------------------------


def _sigmoid(t: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * t)  # 1/(1 + e^−t) overflows for t below −709


def _gan(game: DiracGame, theta: np.ndarray, psi: np.ndarray) -> Velocity:
    slope = _sigmoid(-psi * theta)
    return -psi * slope, theta * slope


def _non_saturating(game: DiracGame, theta: np.ndarray, psi: np.ndarray) -> Velocity:
    return -psi * _sigmoid(psi * theta), theta * _sigmoid(-psi * theta)


def _wgan(game: DiracGame, theta: np.ndarray, psi: np.ndarray) -> Velocity:
    return -psi, theta


def _wgan_gp(game: DiracGame, theta: np.ndarray, psi: np.ndarray) -> Velocity:
    return -psi, theta - game.penalty * (np.abs(psi) - game.target) * np.sign(psi)


def _zero_centred(game: DiracGame, theta: np.ndarray, psi: np.ndarray) -> Velocity:
    """The gradient of D is ψ everywhere, on the data (R1) as on the samples (R2)."""
    generator, discriminator = _gan(game, theta, psi)
    return generator, discriminator - game.gamma * psi


# Equal steps out to 8 standard deviations. For integrands this smooth the plain sum converges
# exponentially, and unlike Gauss-Hermite nodes it still resolves a steep σ(ψx).
_NODES = np.linspace(-8.0, 8.0, 161)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()


def _instance_noise(game: DiracGame, theta: np.ndarray, psi: np.ndarray) -> Velocity:
    """The expectation over Gaussian noise on D's inputs: E f(ψ(θ + σε)) + E f(−ψσε)."""
    psi = psi[..., None]
    real, fake = game.noise * _NODES, theta[..., None] + game.noise * _NODES
    slope = _sigmoid(-psi * fake)
    generator = (-psi * slope) @ _WEIGHTS
    return generator, (fake * slope - real * _sigmoid(psi * real)) @ _WEIGHTS


def _consensus(game: DiracGame, theta: np.ndarray, psi: np.ndarray) -> Velocity:
    """v − γ∇½‖v‖² of the GAN's field v, with ½‖v‖² = ½(θ² + ψ²) f′(ψθ)² and f″ = −f′(1 − f′).

    Mescheder, Nowozin & Geiger, "The Numerics of GANs" (2017). The later paper's notebook halves
    the terms with f″; that matters on the way, and no longer near the equilibrium.
    """
    slope = _sigmoid(-psi * theta)
    bend = -(theta**2 + psi**2) * slope**2 * _sigmoid(psi * theta)
    generator = -psi * slope - game.gamma * (theta * slope**2 + psi * bend)
    discriminator = theta * slope - game.gamma * (psi * slope**2 + theta * bend)
    return generator, discriminator


@dataclass(frozen=True)
class Method:
    """One training method: its flow at equal learning rates, and its Jacobian at θ = ψ = 0.

    There every method rotates at some rate, f′(0) = ½ for a GAN and 1 for a WGAN, and damps θ and ψ
    at rates of its own: [[−damping_θ, −rotation], [rotation, −damping_ψ]].
    """

    label: str
    idea: str
    velocity: Callable[[DiracGame, np.ndarray, np.ndarray], Velocity]
    rotation: float = 0.5
    damping: Callable[[DiracGame], tuple[float, float]] = lambda game: (0.0, 0.0)
    limit: Callable[[DiracGame], float] = lambda game: math.inf  # of |ψ|
    size: Callable[[DiracGame], float] = lambda game: 1.0  # of its cycles, roughly
    # The values of the authors' figures; the keys are the parameters that the method uses.
    published: Mapping[str, float] = field(default_factory=dict)


def _gp_damping(game: DiracGame) -> tuple[float, float]:
    """WGAN-GP pushes ψ off 0 on either side: no Jacobian there (NaN), unless g₀ or λ is 0."""
    return 0.0, math.nan if game.penalty * game.target else game.penalty


METHODS: dict[str, Method] = {
    "gan": Method(
        "GAN", "D and G pull on the same objective, and turn about the equilibrium.", _gan),
    "non_saturating": Method(
        "Non-saturating GAN",
        "G climbs −f(−ψθ) instead. The flow creeps inwards, more slowly the nearer it gets.",
        _non_saturating),
    "wgan": Method(
        "WGAN, clipped", "f(t) = t, and D's slope is cut off at a limit.", _wgan,
        rotation=1.0, limit=lambda game: game.clip, size=lambda game: game.clip,
        published={"clip": 1.0}),
    "wgan_gp": Method(
        "WGAN-GP", "f(t) = t, and D's slope is drawn to ±g₀, though at the equilibrium it is 0.",
        _wgan_gp, rotation=1.0, damping=_gp_damping,
        size=lambda game: game.target * max(1.0, game.penalty) or 1.0,
        published={"penalty": 0.7, "target": 1.0}),
    "instance_noise": Method(
        "Instance noise", "Noise on D's inputs. Near the equilibrium it is R1 with γ = σ²/2.",
        _instance_noise, damping=lambda game: (0.0, game.noise**2 / 2),
        published={"noise": 0.7}),
    "r1": Method(
        "R1", "D's gradient on the data is drawn to 0, as it is at the equilibrium.",
        _zero_centred, damping=lambda game: (0.0, game.gamma), published={"gamma": 0.3}),
    "r2": Method(
        "R2", "D's gradient on the samples is drawn to 0. D is a line, so this is R1 again.",
        _zero_centred, damping=lambda game: (0.0, game.gamma), published={"gamma": 0.3}),
    "consensus": Method(
        "Consensus optimisation", "Both players also make their common gradient smaller.",
        _consensus, damping=lambda game: (game.gamma / 4, game.gamma / 4),
        published={"gamma": 1.0}),
}


# --- flow and steps ------------------------------------------------------------------------------


def vector_field(game: DiracGame, theta: ArrayLike, psi: ArrayLike) -> Velocity:
    """(θ̇, ψ̇) at points of any shape, each network at its own speed; one step is h times this.

    A WGAN's field is shown unclipped: `trajectory` cuts ψ off after each step.
    """
    theta, psi = np.broadcast_arrays(np.asarray(theta, float), np.asarray(psi, float))
    # Far out a product may overflow: divergence is a value, not an accident.
    with np.errstate(over="ignore", invalid="ignore"):
        generator, discriminator = METHODS[game.method].velocity(game, theta, psi)
        return game.speeds[0] * generator, game.speeds[1] * discriminator


def trajectory(game: DiracGame, start: tuple[float, float], steps: int) -> np.ndarray:
    """Positions (θ, ψ) before and after each of `steps` steps, (steps + 1, 2).

    A WGAN's start is clipped too. From where a diverging path is `FAR` out, its rows are NaN.
    Raises ValueError on a start that is not two numbers within ±`FAR`, or a bad number of steps.
    """
    rates = game.step_size * game.speeds
    position = np.array(_clipped(game, *_checked_start(start)))
    path = np.full((_checked_steps(steps) + 1, 2), math.nan)
    for row in path:
        row[:] = position
        position = _step(game, rates, position)
        if not np.abs(position).max() < FAR:
            break
    return path


def _step(game: DiracGame, rates: np.ndarray, position: np.ndarray) -> np.ndarray:
    theta, psi = position
    for moves in ORDERS[game.order]:
        generator, discriminator = METHODS[game.method].velocity(game, theta, psi)
        theta, psi = _clipped(
            game,
            theta + rates[0] * moves[0] * generator,
            psi + rates[1] * moves[1] * discriminator,
        )
    return np.array([theta, psi])


def _clipped(game: DiracGame, theta: float, psi: float) -> tuple[float, float]:
    limit = METHODS[game.method].limit(game)
    return theta, min(max(psi, -limit), limit)


def _checked_start(start: tuple[float, float]) -> np.ndarray:
    try:
        position = np.asarray(start, float)
    except (TypeError, ValueError, OverflowError):
        position = np.empty(0)
    if position.shape != (2,) or not (np.abs(position) < FAR).all():
        raise _refusal("start", f"two numbers from {-FAR:g} to {FAR:g}", start)
    return position


def _checked_steps(steps: int) -> int:
    whole = isinstance(steps, Integral) and not isinstance(steps, bool)
    if not (whole and 0 <= steps <= MOST_STEPS):
        raise _refusal("steps", f"a whole number from 0 to {MOST_STEPS}", steps)
    return int(steps)


# --- at the equilibrium --------------------------------------------------------------------------


def jacobian(game: DiracGame) -> np.ndarray:
    """Of `vector_field` at θ = ψ = 0 in closed form, (2, 2); NaN where it jumps (WGAN-GP)."""
    method = METHODS[game.method]
    damping_theta, damping_psi = method.damping(game)
    matrix = np.array([[0.0 - damping_theta, -method.rotation],
                       [method.rotation, 0.0 - damping_psi]])
    return game.speeds[:, None] * matrix


def eigenvalues(game: DiracGame) -> np.ndarray:
    """Of the flow at the equilibrium, (2,) complex: it converges if both real parts are below 0.

    For R1 at equal rates −γ/2 ± √(γ²/4 − ¼): the damping is critical at γ = 1.
    """
    return _eigenvalues(jacobian(game))


def update(game: DiracGame) -> np.ndarray:
    """The linear part of one whole step at the equilibrium, (2, 2): I + hJ, phase after phase."""
    operator = np.eye(2)
    for moves in ORDERS[game.order]:
        operator = (np.eye(2) + game.step_size * np.diag(moves) @ jacobian(game)) @ operator
    return operator


def multipliers(game: DiracGame) -> np.ndarray:
    """Eigenvalues of `update`, (2,) complex: the steps converge if both lie in the unit circle."""
    return _eigenvalues(update(game))


def spectral_radius(game: DiracGame) -> float:
    """The factor by which one step, in the long run, changes a small distance; NaN for WGAN-GP."""
    return float(np.abs(multipliers(game)).max())


def _eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """By the quadratic formula, which keeps a double eigenvalue double."""
    (a, b), (c, d) = matrix
    root = np.sqrt(complex((a - d) ** 2 / 4 + b * c))
    return (a + d) / 2 + np.array([root, -root])


# --- how it ends ---------------------------------------------------------------------------------

_ROUNDING = 1e-9  # a spectral radius this near to 1 is 1
_DOUBLE = 1e-6  # multipliers this near to each other are one (a square root of rounding)
_HORIZON = 60.0  # time followed: five rotations of a GAN about its equilibrium
_INNER, _OUTER = 0.3, 10.0  # distances from which a path is followed, in units of the method's size
_SHRUNK = 0.95  # a path whose extent falls below this share of what it was goes inwards


def how_it_ends(game: DiracGame, start: tuple[float, float] | None = None) -> str:
    """"converges", "circles" or "diverges": how the steps end.

    With a spectral radius below 1, paths that come near enough converge. Otherwise the linear part
    does not decide, and paths are followed for some five rotations. At a radius of 1 a path begun
    near the equilibrium may still creep in (non-saturating, alternating). Above 1, or without
    Jacobian (WGAN-GP), none arrives: if a path from far out comes inwards, paths end in a cycle, as
    at √(2h) for the simultaneous non-saturating GAN or at the clipping limit of a WGAN; if it does
    not, they diverge. Following paths is evidence, not proof. "diverges" includes paths that move
    out to where σ is flat and then hardly move.

    Near enough may be very near: strong consensus optimisation drives a path from (1, 1) out to
    where the gradient is small as well. With a `start`, a path from there that moves outwards
    diverges, whatever holds near the equilibrium.
    """
    steady = spectral_radius(game) < 1 - _ROUNDING
    if steady or _neutral(game):
        if start is not None and _leaves(game, start):
            return "diverges"
        return "converges" if steady or _shrinks(game, _INNER) else "circles"
    # The cycle that a step jumps about in is as wide as the step is long.
    outer = _OUTER * (1 + game.step_size * game.speeds.max())
    return "circles" if _shrinks(game, outer) else "diverges"


def _neutral(game: DiracGame) -> bool:
    """Whether steps neither shrink nor stretch: a double multiplier of size 1 stretches slowly."""
    first, second = multipliers(game)
    return abs(spectral_radius(game) - 1) <= _ROUNDING and abs(first - second) > _DOUBLE


def _shrinks(game: DiracGame, distance: float) -> bool:
    """Whether a path from that far is later less wide than at first; false if it diverges."""
    side = distance * METHODS[game.method].size(game) / math.sqrt(2)
    early, late = _extents(game, (side, side))
    return late < _SHRUNK * early


def _leaves(game: DiracGame, start: tuple[float, float]) -> bool:
    """Whether the path is later wider than at first; true if it diverges."""
    early, late = _extents(game, start)
    return not late <= early * (2 - _SHRUNK)


def _extents(game: DiracGame, start: tuple[float, float]) -> tuple[float, float]:
    """Largest distance from the equilibrium in the first and in the last third of a path."""
    steps = max(300, math.ceil(_HORIZON / game.step_size))
    extent = np.hypot(*trajectory(game, start, steps).T)
    return float(extent[: steps // 3].max()), float(extent[-steps // 3:].max())
