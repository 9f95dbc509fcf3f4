"""High computational cost: steps so slow on this machine that a short session is out of reach.

Torch-free.
"""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.findings import Finding, Remedy, Threshold
from gan_core.diagnosis.quality_words import quality_words
from gan_core.runs.history import History
from gan_core.runs.records import EvalRecord

SESSION_STEPS = 1000  # of a short session: most presets of the pages take about as many

THRESHOLDS = {
    "slow_step": Threshold(
        0.3, "seconds a step, evaluations included, above which a session is out of reach",
        f"convention: {SESSION_STEPS} steps then take more than five minutes; of the presets only "
        "the published DCGAN on a processor comes near it"),
    "slow_seconds": Threshold(
        3, "seconds of training before its speed counts",
        "convention: the first steps are slow"),
}


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


def computational_cost(history: History, config: RunConfig) -> Finding | None:
    """Steps so slow on this machine that a short session is not possible."""
    evaluations, since = history.evaluations, None
    for evaluation in evaluations[1:]:
        if not _out_of_reach(evaluations[0], evaluation):
            since = None
        elif since is None:
            since = evaluation.step
    if since is None:
        return None
    last = evaluations[-1]
    seconds = seconds_a_step(evaluations[0], last)
    evidence = (
        f"A step takes {seconds:.2f} s on this machine, evaluations included: {SESSION_STEPS} like "
        f"these would take {_minutes(SESSION_STEPS * seconds)}. The {last.step} steps so far "
        f"took {last.seconds:.0f} s. {quality_words(last, config.card)}"
    )
    return Finding("computational_cost", "warning", since, evidence, _cheaper(config))


def seconds_a_step(first: EvalRecord, last: EvalRecord) -> float:
    """Between two evaluations, so that the start does not count."""
    return (last.seconds - first.seconds) / max(last.step - first.step, 1)


def _out_of_reach(first: EvalRecord, now: EvalRecord) -> bool:
    return (
        now.seconds - first.seconds >= _limit("slow_seconds")
        and seconds_a_step(first, now) > _limit("slow_step")
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _cheaper(config: RunConfig) -> tuple[Remedy, ...]:
    remedies = []
    if config.architecture == "dcgan_reference":
        remedies.append(Remedy(
            "Light DCGAN", {"architecture": "dcgan"},
            "convolutions on 28×28 pixels with far fewer channels"))
    if config.architecture != "mlp":
        remedies.append(Remedy(
            "The report's MLP", {"architecture": "mlp"},
            "matrix products are what a processor does fastest"))
    if config.discriminator_steps > 1:
        remedies.append(Remedy(
            "One D step per round", {"discriminator_steps": 1}, "D is trained less for each step"))
    if config.batch_size >= 32:
        remedies.append(Remedy(
            "A quarter of the batch", {"batch_size": config.batch_size // 4},
            "a step then works on fewer images; its gradient is noisier"))
    if config.width >= 0.5:
        remedies.append(Remedy(
            "Half the width", {"width": config.width / 2}, "fewer products in every layer"))
    return tuple(remedies)
