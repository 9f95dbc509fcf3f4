"""Spread: a recipe under several seeds, and with one of its settings changed a little.

One run of a GAN proves little: its seed may have been lucky, or its settings may lie at the edge of
a cliff. Torch-free.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar

from gan_core.config.fields import KNOBS
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import ConfigError
from gan_core.exploration.study import Results

SEEDS = 5
VARIED = ("learning_rate_ratio", "learning_rate", "label_smoothing", "dropout")
FACTORS = (0.8, 0.9, 1.1, 1.25)  # of a setting whose slider goes by factors
SHIFTS = (-0.1, -0.05, 0.05, 0.1)  # of one whose slider is even


@functools.lru_cache(maxsize=64)
def can_vary(recipe: RunConfig) -> tuple[str, ...]:
    """Which of VARIED can be changed a little in this recipe: a critic has no labels to smooth."""
    return tuple(name for name in VARIED if len(Spread(recipe, name).values) > 2)


@dataclass(frozen=True)
class Spread:
    """`recipe` under the seeds 0 to 4; and under the first of them with `varied`, one of VARIED,
    at a few values close by. Raises ConfigError."""

    folder: ClassVar[str] = "spreads"
    keeps_courses: ClassVar[bool] = True

    recipe: RunConfig  # under seed 0, whichever it is given
    varied: str = VARIED[0]

    def __post_init__(self) -> None:
        if self.varied not in VARIED:
            raise ConfigError("varied", f"varied must be one of {', '.join(VARIED)}, not "
                              f"{self.varied[:40]!r}.")
        object.__setattr__(self, "recipe", self.recipe.replace(seed=0))

    @functools.cached_property
    def seeds(self) -> dict[float, RunConfig]:
        """The recipe by seed."""
        return {seed: self.recipe.replace(seed=seed) for seed in range(SEEDS)}

    @functools.cached_property
    def values(self) -> dict[float, RunConfig]:
        """The recipe by the value of its varied setting, lowest first, its own included; without
        values that are not allowed."""
        own = float(getattr(self.recipe, self.varied))
        near = ([own * factor for factor in FACTORS] if KNOBS[self.varied].scale != "linear"
                else [own + shift for shift in SHIFTS])
        found = {own: self.recipe}
        for value in (float(f"{value:.3g}") for value in near):
            try:
                found[value] = self.recipe.replace(**{self.varied: value})
            except ConfigError:  # below zero, or past the end of the slider
                continue
        return dict(sorted(found.items()))

    @functools.cached_property
    def _runs(self) -> dict[str, RunConfig]:
        runs = (*self.seeds.values(), *self.values.values())
        return {config.digest(): config for config in runs}

    def wanted(self, results: Results) -> list[RunConfig]:
        """As `study.Study` has it: the seeds first."""
        return [config for digest, config in self._runs.items() if digest not in results]

    def remaining(self, results: Results) -> int:
        """As `study.Study` has it."""
        return len(self.wanted(results))

    @property
    def digests(self) -> tuple[str, ...]:
        """Of all its runs."""
        return tuple(self._runs)

    @property
    def total(self) -> int:
        """How many runs it takes."""
        return len(self._runs)

    def digest(self) -> str:
        """Sixteen hex digits naming the recipe, and how far its runs go; whichever setting varies,
        its seeds are the same runs."""
        text = json.dumps({**self.recipe.changes(), "steps": self.recipe.steps}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; of the recipe, what differs from the default."""
        return {"recipe": {**self.recipe.changes(), "steps": self.recipe.steps},
                "varied": self.varied}
