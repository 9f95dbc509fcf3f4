"""The phases of a run: which settings are in force from which step on, and whether G still learns.

Most runs have one. A change in mid-run begins another, and so does the freeze of G.
"""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.config.run_config import RunConfig


@dataclass(frozen=True)
class Phase:
    """Steps from `start` until `end`, None meaning the end of the run, under one set of settings.
    With `frozen`, G stands still in them."""

    start: int
    end: int | None
    settings: RunConfig
    frozen: bool = False

    @property
    def steps(self) -> str:
        """The steps of this phase, as code."""
        end = "steps" if self.end is None else f"min({self.end}, steps)"
        return f"range({self.start}, {end})" if self.start else f"range({end})"


def phases(config: RunConfig) -> list[Phase]:
    """In order, the first from step 0."""
    freeze = config.freeze_generator
    starts = sorted({step for step, _ in config.stages} | ({freeze} if freeze else set()))
    ends = [*starts[1:], None]
    return [Phase(start, end, config.at(start), frozen=0 < freeze <= start)
            for start, end in zip(starts, ends, strict=True)]
