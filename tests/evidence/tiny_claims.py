"""Two claims about tiny runs: one that holds, and one that never does."""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.evidence.claim_verdicts import Claim, at_least
from gan_core.evidence.measured_runs import MeasuredRun, run_key

RING = RunConfig(dataset="ring", batch_size=16, steps=40)
TINY = {
    "ring": Claim("report", "here", "baseline", "A ring has a mode.", {"ring": RING},
                  (at_least("ring", "least", 0.0), at_least("ring", "loss_d", -100)), over=(0, 1)),
    "never": Claim("notes", "there", "mode_collapse", "A ring has forty modes.", {"ring": RING},
                   (at_least("ring", "modes", 40),), over=(0, 1)),
}


def measured_run(**values: float) -> MeasuredRun:
    return MeasuredRun("CPU", "2026-01-01", values)


def measured(claim: Claim, **values: float) -> dict[str, MeasuredRun]:
    """Every run of the claim, with these values."""
    return {run_key(config): measured_run(**values)
            for configs in claim.configs().values() for config in configs}
