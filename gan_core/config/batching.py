"""Which runs may be trained together, as one batch: those that differ in numbers alone. Torch-free.

On a CPU a step of small networks is mostly overhead, which a batch of runs pays once. Where matrix
products fill the step, as with images, a batch takes as long as its runs one by one (`python -m
gan_core bench` prints both), so they are trained one by one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable

from gan_core.config.run_config import RunConfig

MOST_RUNS = 16  # in one batch

# May be any number in each run of a batch …
FREE = ("seed", "steps", "learning_rate", "learning_rate_ratio", "beta1", "discriminator_beta1",
        "beta2", "label_smoothing", "fake_label_smoothing")
# … or any number above zero in each, or zero in all.
ALIKE = ("label_flips", "dropout", "input_noise", "gradient_penalty", "r1", "r2", "weight_clip")

STACKABLE = ("mlp", "mlp_reference", "pacgan_2d")  # no convolutions


def stackable(config: RunConfig) -> bool:
    """Whether the batched trainer can train this run: no convolutions, no change in mid-run."""
    return (config.architecture in STACKABLE and not config.schedule
            and not config.freeze_generator and not config.augment)


def trains_as_batch(config: RunConfig, step: int) -> bool:
    """Whether a run is trained by the batched trainer from `step` on, if only as a batch of one:
    those whose products round alike however many runs share them. Changes in mid-run and a frozen
    generator keep it from company, not from beginning as the run without them does."""
    frozen = 0 < config.freeze_generator <= step
    return (config.architecture in STACKABLE and config.card.kind == "points"
            and not config.augment and not frozen)


def batch_key(config: RunConfig) -> Hashable | None:
    """Equal for runs that may be trained together; None for one that is trained by itself."""
    if not stackable(config) or config.card.kind != "points":
        return None
    return shape(config)


def shape(config: RunConfig) -> Hashable:
    """What runs of one batch have in common."""
    values = {entry.name: getattr(config, entry.name) for entry in dataclasses.fields(config)
              if entry.name not in FREE}
    return tuple((name, value > 0 if name in ALIKE else value) for name, value in values.items())
