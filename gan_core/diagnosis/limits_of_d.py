"""What limits D and by how much, and what else several remedies share. Torch-free."""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Remedy


def limited(config: RunConfig) -> bool:
    """Whether anything keeps D from being arbitrarily steep."""
    return any((config.gradient_penalty, config.weight_clip, config.r1, config.r2,
                config.spectral_norm))


def unlimited_critic(config: RunConfig) -> bool:
    """A Wasserstein critic must not be arbitrarily steep: its loss has no bottom otherwise."""
    limits = (config.gradient_penalty, config.weight_clip, config.r1, float(config.spectral_norm))
    return config.loss == "wasserstein" and not any(limits)


def weakly_limited_critic(config: RunConfig) -> bool:
    """One that R1 alone limits, and far more weakly than a critic needs."""
    others = (config.gradient_penalty, config.weight_clip, float(config.spectral_norm))
    return (config.loss == "wasserstein" and not any(others)
            and 0 < config.r1 < r1_penalty(config) / 3)


def taking_turns(config: RunConfig) -> dict[str, str]:
    """What must change besides, so that one network may take several steps for each of the other's:
    simultaneous updates are one of each."""
    simultaneous = config.update_order == "simultaneous"
    return {"update_order": "discriminator_first"} if simultaneous else {}


def r1_penalty(config: RunConfig) -> float:
    """The weight that lets D be steep enough for the data. Rings, 2000 steps, three seeds: 0.1 does
    best under the other losses, and a critic needs 1."""
    if config.card.kind == "image":
        return 10.0
    return 1.0 if config.loss == "wasserstein" else 0.1


def flat_at_the_data(config: RunConfig) -> Remedy:
    """R1, whatever else limits D."""
    weight = r1_penalty(config)
    return Remedy(f"R1 penalty, γ {weight:g}", {"r1": weight},
                  "D stays calm around real data, so G can settle there")


def gradient_penalty(config: RunConfig) -> Remedy:
    """That of WGAN-GP: of the published weight for images."""
    weight = 0.1 if config.card.kind == "points" else 10.0
    return Remedy(f"Gradient penalty, λ {weight:g}", {"gradient_penalty": weight},
                  "the critic's scores can no longer run away, so its loss can settle")
