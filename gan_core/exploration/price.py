"""About how long a map takes, before any of it has been trained. Torch-free.

Of images, from the recorded prices of their networks; of points, from what the batched trainer took
(`python -m gan_core bench`). Another machine, or one that is busy, takes another time: a map that
is being filled says how long it has left from its own runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from gan_core.config.batching import batch_key
from gan_core.config.run_config import RunConfig
from gan_core.cost import price_list
from gan_core.exploration.planner import batches

# Milliseconds on one thread of an EPYC: a step of a GAN of points by itself, the same of a batch,
# and what each run adds to that.
ALONE, BATCH, EACH = 2.3, 3.0, 0.9
OF_D, OF_G = 0.5, 0.5  # the share of a step that one update of D, and of G, takes
EVALUATIONS = 1.1  # what looking at runs adds
START_SECONDS = 4.0  # until a process trains
PUBLISHED_BATCH = 64  # at which networks are priced


def seconds(configs: Iterable[RunConfig], workers: int) -> float:
    """Of all these runs, with so many processes at work."""
    of_batches = [_of_batch(batch) for batch in batches(configs)]
    if not of_batches:
        return 0.0
    return START_SECONDS + max(sum(of_batches) / workers, max(of_batches))


def _of_batch(batch: tuple[RunConfig, ...]) -> float:
    first = batch[0]
    updates = OF_D * first.discriminator_steps + OF_G * first.generator_steps
    steps = max(config.steps for config in batch)
    return 1e-3 * EVALUATIONS * steps * updates * _step_milliseconds(first, len(batch))


def _step_milliseconds(config: RunConfig, together: int) -> float:
    if config.card.kind == "points":
        alone = batch_key(config) is None or together == 1
        return ALONE if alone else BATCH + EACH * together
    known = price_list.recorded().get(price_list.network(config.architecture).name)
    step = known.step_ms if known is not None else 15.0
    return step * max(config.batch_size / PUBLISHED_BATCH, 0.25) * config.width
