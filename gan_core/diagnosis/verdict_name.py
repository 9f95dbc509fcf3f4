"""A verdict in at most three words, for a screen at the other end of a room. Torch-free.

    print(name(judged))  # Vanishing gradient
"""

from __future__ import annotations

from gan_core.diagnosis.judged import Judged
from gan_core.diagnosis.no_learning import HELD_BACK, NEVER, STILL, WORSE

NAMES = {  # by state; failing runs are named by their symptom
    "healthy": "No failure", "too_early": "Too early", "improving": "Getting better",
    "diverged": "Diverged", "failed": "Failed",
}
NAMES_OF_SYMPTOMS = {
    "no_learning": "No learning",
    "mode_collapse": "Mode collapse",
    "mode_rotation": "Mode rotation",
    "vanishing_gradient": "Vanishing gradient",
    "discriminator_overfitting": "D overfits",
    "instability": "Unstable training",
    "divergence": "Exploding gradients",
    "computational_cost": "Costly steps",
}
NAMES_OF_NO_LEARNING = {  # by the finding's title
    NEVER: "No learning", STILL: "Learning stalled", WORSE: "Samples got worse",
    HELD_BACK: "Learning held back",
}
NAMES_OF_GOOD = {  # what was found beside good samples
    "instability": "Good but unstable", "computational_cost": "Good but slow",
}
LIVE, FROZEN = "Good so far", "G is frozen"  # nobody is acquitted before the end


def name(judged: Judged) -> str:
    """Always true, also of a run that goes on."""
    state, first = judged.verdict.state, judged.first
    if state == "failing" and first is not None:
        return NAMES_OF_NO_LEARNING.get(first.title) or NAMES_OF_SYMPTOMS[first.symptom]
    if state == "healthy":
        plain = LIVE if judged.live else NAMES[state]
        return plain if first is None else NAMES_OF_GOOD.get(first.symptom, "Good samples")
    if state in ("too_early", "improving") and first is not None:
        return NAMES_OF_SYMPTOMS[first.symptom]
    return FROZEN if state == "too_early" and judged.frozen else NAMES[state]
