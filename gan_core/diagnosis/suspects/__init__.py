"""Settings far outside the range in which GANs are usually trained, and what each would explain.

A suspect is no finding: only where the curves show a failure that a setting would cause is it
named. `excess` says how far outside it lies, about 1 for each factor of ten. Torch-free.
"""

from __future__ import annotations

from collections.abc import Collection

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.suspects import balance, limits, networks, optimizers, rates
from gan_core.diagnosis.suspects.suspect import Find, Suspect

__all__ = ["FIND", "NOTABLE", "Suspect", "suspects"]

NOTABLE = 0.25  # excess from which on a setting is suspected

FIND: tuple[Find, ...] = (
    *rates.FIND, *balance.FIND, *optimizers.FIND, *limits.FIND, *networks.FIND)


def suspects(
    config: RunConfig, known: Collection[str] | None = None, step: int | None = None
) -> list[Suspect]:
    """The most unusual first, as they are at a step, by default the last one; of settings that are
    not `known` nothing is said."""
    tried = [*(find(config) for find in FIND), limits.noise(config, step or config.steps)]
    found = [suspect for suspect in tried if suspect is not None]
    return sorted(
        (s for s in found if s.excess >= NOTABLE
         and (known is None or all(knob in known for knob in s.knobs))),
        key=lambda suspect: -suspect.excess)
