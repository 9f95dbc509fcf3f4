"""What can be chosen of the Dirac-GAN, how the URL writes it, and its verdict in words; pure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_core.config.presets import RING
from gan_core.config.run_config import RunConfig
from gan_core.config.value_words import ratio_text
from gan_core.dirac import METHODS, ORDERS, DiracGame, eigenvalues, how_it_ends, spectral_radius
from pages.components import dirac_charts

Values = dict[str, Any]  # by the names of CHOICES and SLIDERS


@dataclass(frozen=True)
class Explanation:
    """What the student sees of a game under its published values, and the paper about it."""

    words: str
    source: str


_MESCHEDER_2018 = "[Mescheder et al. 2018](https://arxiv.org/abs/1801.04406)"
EXPLANATIONS: dict[str, Explanation] = {
    "gan": Explanation(
        "The flow turns in closed curves and never arrives. Simultaneous steps leave each curve "
        "outwards and spiral away; alternating steps go round and round.",
        f"{_MESCHEDER_2018}, section 2"),
    "non_saturating": Explanation(
        "The flow creeps inwards, ever more slowly. Simultaneous steps stop short, on a cycle "
        "about √(2h) wide; alternating steps creep in.",
        f"[Goodfellow et al. 2014](https://arxiv.org/abs/1406.2661); {_MESCHEDER_2018}"),
    "wgan": Explanation(
        "Clipping stops ψ at the limit, so the path cannot escape. It does not arrive either: it "
        "ends in a cycle as wide as the limit.",
        f"[Arjovsky et al. 2017](https://arxiv.org/abs/1701.07875); {_MESCHEDER_2018}, section 3"),
    "wgan_gp": Explanation(
        "D's slope is drawn to ±g₀, and jumps from one to the other when ψ passes 0. The path "
        "ends in a cycle about the equilibrium.",
        f"[Gulrajani et al. 2017](https://arxiv.org/abs/1704.00028); {_MESCHEDER_2018}, section 3"),
    "instance_noise": Explanation(
        "Noise makes data and samples overlap, and D flatter where they do. The path spirals into "
        "the equilibrium.",
        f"[Arjovsky & Bottou 2017](https://arxiv.org/abs/1701.04862); {_MESCHEDER_2018}, "
        "section 3"),
    "r1": Explanation(
        "A slope of D on the data costs something, and at the equilibrium it costs nothing. The "
        "path spirals in; with equal rates and γ above 1 the flow no longer turns.",
        f"{_MESCHEDER_2018}, section 3"),
    "r2": Explanation(
        "The penalty is on the samples instead of the data. A line has one slope everywhere, so "
        "the picture is that of R1.",
        f"{_MESCHEDER_2018}, section 3"),
    "consensus": Explanation(
        "Both players also make their common gradient smaller. From near by the path spirals in; "
        "from farther out, or with a large γ, it flees to where that gradient is small as well.",
        "[Mescheder et al. 2017](https://arxiv.org/abs/1705.10461)"),
}

# The same method for networks; consensus optimisation has none here.
_NETWORKS: dict[str, Callable[[DiracGame], dict[str, Any]]] = {
    "gan": lambda game: {"loss": "minimax"},
    "non_saturating": lambda game: {"loss": "non_saturating"},
    "wgan": lambda game: {"loss": "wasserstein", "weight_clip": min(game.clip, 1.0)},
    "wgan_gp": lambda game: {"loss": "wasserstein", "gradient_penalty": game.penalty},
    "instance_noise": lambda game: {"loss": "minimax", "input_noise": min(game.noise, 1.0)},
    "r1": lambda game: {"loss": "minimax", "r1": game.gamma},
    "r2": lambda game: {"loss": "minimax", "r2": game.gamma},
}


def counterpart(game: DiracGame) -> RunConfig | None:
    """The same method, order and ratio on the 2-D ring; None where networks have no such method.

    A step size and a start have no counterpart: networks start at random, and Adam scales steps.
    """
    if game.method not in _NETWORKS:
        return None
    return RING.replace(learning_rate_ratio=game.ratio, update_order=game.order,
                        **_NETWORKS[game.method](game))


STARTS: dict[str, tuple[float, float]] = {"near": (0.3, 0.3), "middle": (1.0, 1.0),
                                          "far": (2.0, 1.0)}
RATIOS = (0.25, 0.4, 0.5, 0.8, 1.0, 1.25, 2.0, 2.5, 4.0)
CHOICES: dict[str, dict[str, str]] = {  # name -> what the URL says -> what people read
    "game": {name: game.label for name, game in METHODS.items()},
    "order": {name: dirac_charts.ORDER_LABELS[name] for name in ORDERS},
    "start": {name: f"{name}: ({theta:g}, {psi:g})" for name, (theta, psi) in STARTS.items()},
    "ratio": {f"{ratio:g}": ratio_text(ratio) for ratio in RATIOS},
}


@dataclass(frozen=True)
class Slider:
    label: str
    low: float
    high: float
    step: float
    help: str


SLIDERS: dict[str, Slider] = {
    "gamma": Slider("γ: weight of the penalty", 0.0, 3.0, 0.05, "0 is the plain GAN."),
    "penalty": Slider("λ: weight of the penalty", 0.0, 3.0, 0.05, "0 takes the penalty away."),
    "target": Slider("g₀: slope asked of D", 0.0, 2.0, 0.05, "WGAN-GP on images asks for 1."),
    "clip": Slider("Limit of ψ", 0.1, 3.0, 0.1, "After each step ψ is cut off at ± this."),
    "noise": Slider("σ of the noise", 0.0, 2.0, 0.05, "Near the equilibrium as R1 with γ = σ²/2."),
    "step_size": Slider("Step size h", 0.01, 0.5, 0.01, "The slower network's learning rate."),
    "steps": Slider("Steps", 10, 1000, 10, "How far the path is followed."),
}
DEFAULTS: Values = {"game": "gan", "gamma": 0.3, "penalty": 0.7, "target": 1.0, "clip": 1.0,
                    "noise": 0.7, "ratio": "1", "step_size": 0.2, "order": "simultaneous",
                    "steps": 300, "start": "middle"}


# --- values in the URL ---------------------------------------------------------------------------


def read(text: str) -> tuple[Values, str]:
    """Values of a URL's `dirac`, and what is wrong with it in a sentence: then all are defaults."""
    given = dict(part.partition(":")[::2] for part in text.split(",") if part)
    try:
        values = {name: _value(name, written) for name, written in given.items()}
    except ValueError as error:
        return dict(DEFAULTS), f"In the address, dirac: {error}"
    published = METHODS[{**DEFAULTS, **values}["game"]].published
    return {**DEFAULTS, **published, **values}, ""


def _value(name: str, text: str) -> Any:
    """Raises ValueError, one sentence naming what is allowed."""
    if name in CHOICES:
        if text not in CHOICES[name]:
            raise ValueError(f"{name} must be one of {', '.join(CHOICES[name])}, "
                             f"not '{text[:40]}'.")
        return text
    if name not in SLIDERS:
        raise ValueError(f"'{name[:40]}' is not a setting; there are {', '.join(DEFAULTS)}.")
    slider, kind = SLIDERS[name], type(DEFAULTS[name])
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not slider.low <= value <= slider.high:  # true for NaN as well
        noun = "whole number" if kind is int else "number"
        raise ValueError(f"{name} must be a {noun} from {slider.low:g} to {slider.high:g}, "
                         f"not '{text[:40]}'.")
    return value


def written(values: Values) -> str:
    """The inverse of `read`: every value that the game reads, or "" where they are the defaults."""
    names = [name for name in DEFAULTS if _reads(values["game"], name)]
    if all(values[name] == DEFAULTS[name] for name in names):
        return ""
    return ",".join(f"{name}:{values[name]}" for name in names)


def _reads(game: str, name: str) -> bool:
    """Whether a game depends on the setting: on all that are not another game's parameter."""
    foreign = set().union(*(entry.published for entry in METHODS.values())) - set(
        METHODS[game].published)
    return name not in foreign


def game_of(values: Values) -> DiracGame:
    names = {entry.name for entry in dataclasses.fields(DiracGame)} - {"method", "ratio"}
    return DiracGame(method=values["game"], ratio=float(values["ratio"]),
                     **{name: values[name] for name in names})


# --- the verdict ---------------------------------------------------------------------------------

TONES = {"converges": "success", "circles": "info", "diverges": "error"}
# (where the multipliers lie, how it ends) -> why; {r} is their largest modulus.
REASONS = {
    ("inside", "converges"): "The largest modulus of the multipliers is {r} < 1: in the long run "
                             "a step multiplies the distance by that.",
    ("inside", "diverges"): "Near the equilibrium steps would converge: the largest modulus of the "
                            "multipliers is {r} < 1. But a path from this start moves outwards.",
    ("on", "converges"): "The largest modulus of the multipliers is 1, so the linear part cannot "
                         "tell. A path that was followed came nearer all the same.",
    ("on", "circles"): "The largest modulus of the multipliers is 1: near the equilibrium steps "
                       "come no nearer and move no further away.",
    ("on", "diverges"): "The largest modulus of the multipliers is 1, so the linear part cannot "
                        "tell. A path from this start moves outwards.",
    ("outside", "circles"): "The largest modulus of the multipliers is {r} > 1: near the "
                            "equilibrium every step pushes outwards. From far out paths come back: "
                            "they end in a cycle.",
    ("outside", "diverges"): "The largest modulus of the multipliers is {r} > 1: every step "
                             "pushes outwards, and nothing brings the path back.",
    ("nowhere", "circles"): "There are no eigenvalues: the field jumps at ψ = 0, so it has no "
                            "derivative at the equilibrium. Paths that were followed from far out "
                            "came inwards and then went round.",
    ("nowhere", "diverges"): "There are no eigenvalues: the field jumps at ψ = 0, so it has no "
                             "derivative at the equilibrium. A path that was followed from far out "
                             "did not come inwards.",
}


def verdict_text(game: DiracGame, start: tuple[float, float], path: np.ndarray) -> tuple[str, str]:
    """The tone (success, info or error) and the words of how a path ends, and why."""
    ending = how_it_ends(game, start)
    radius = spectral_radius(game)
    reason = REASONS[_side(radius), ending].format(r=f"{radius:.6g}")
    return TONES[ending], (f"**It {ending}.** {reason} {_flow_words(game)}"
                           f"{_distance_words(path)}")


def _side(radius: float) -> str:
    if math.isnan(radius):
        return "nowhere"
    if math.isclose(radius, 1.0, abs_tol=1e-9):  # rounding
        return "on"
    return "inside" if radius < 1 else "outside"


def _flow_words(game: DiracGame) -> str:
    """The flow's eigenvalues; "" where there are none."""
    pair = eigenvalues(game)
    if not np.isfinite(pair).all():
        return ""
    growth = float(pair.real.max())
    habit = "converges" if growth < 0 else "turns, to first order"
    return f"The flow {habit}: its eigenvalues are {_complex_words(pair)}. "


def _complex_words(pair: np.ndarray) -> str:
    first, second = pair
    if abs(first.imag) > 0:
        real = f"{first.real:.3g} " if first.real else ""
        return f"{real}± {abs(first.imag):.3g} i"
    return f"{first.real:.3g} and {second.real:.3g}"


def _distance_words(path: np.ndarray) -> str:
    distance = np.hypot(*path.T)
    last = np.flatnonzero(np.isfinite(distance))[-1]
    lost = "" if last == len(path) - 1 else ", and is not followed further"
    return (f"In {last} steps the distance goes from {distance[0]:.3g} to {distance[last]:.3g}"
            f"{lost}.")
