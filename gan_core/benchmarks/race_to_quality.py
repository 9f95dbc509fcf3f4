"""Seconds until G is good: our default baseline against gan.py with its own settings.

G is good when it makes all ten digits and its Fréchet distance to held-out images is below 100. Our
side is the preset that the baseline's page starts with; its seconds are those of a session,
evaluations and sample sheets included. The reference loop is evaluated every 250 steps as well, but
its clock stands still meanwhile, because the original evaluates nothing. The sides alternate, 250
steps at a time, until both are good, or one has taken six times as long as the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from gan_core.benchmarks.cases import CASES
from gan_core.benchmarks.reference_loops import ReferenceLoop
from gan_core.config.fields import LONGEST_RUN
from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.evaluation import classifier, metrics
from gan_core.runs.records import EvalRecord, Outcome
from gan_core.training.evaluator import fixed_latents
from gan_core.training.trainer import Trainer

BELOW = 100.0  # Fréchet distance
INTERVAL = 250  # steps between evaluations of the reference loop
MOST_SECONDS = 1800.0  # of training, after which a side has not reached the goal
MOST_TIMES = 6.0  # as long as the other side took, after which it has not either

Metrics = dict[str, float]


def is_good(values: Metrics) -> bool:
    return values["modes"] == values["modes_total"] and values["frechet"] < BELOW


class OurSide:
    """A session, from one evaluation to the next."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self.trainer = Trainer(config.replace(steps=LONGEST_RUN), device)
        self.seconds, self.step = 0.0, 0

    def train_on(self) -> Metrics | None:
        """Train until the next evaluation; None if the run has ended."""
        for record in self.trainer:
            if isinstance(record, EvalRecord):
                self.seconds, self.step = record.seconds, record.step
                return record.metrics
            if isinstance(record, Outcome):
                break
        return None


class TheirSide:
    """The reference loop, evaluated every INTERVAL steps."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.loop = ReferenceLoop("gan", config, device)
        self.data = datasets.load(config, device)
        self.model = classifier.load(device, config.dataset)
        self.latents = fixed_latents(config).to(device)
        self.seconds, self.step = 0.0, 0

    def train_on(self) -> Metrics:
        started = time.perf_counter()
        self.loop.advance(INTERVAL)  # which fetches its losses, and so waits for the device
        self.seconds += time.perf_counter() - started
        self.step += INTERVAL
        return self._metrics()

    @torch.no_grad()
    def _metrics(self) -> Metrics:
        generator, discriminator = self.loop.generator, self.loop.discriminator
        generator.eval()
        images = torch.cat([generator(z).flatten(1) for z in self.latents.split(metrics.CHUNK)])
        generator.train()

        def logits(x: torch.Tensor) -> torch.Tensor:
            return discriminator[:-1](x.unflatten(1, (1, 28, 28)))  # without the Sigmoid

        return metrics.evaluate_images(images, logits, self.data, self.model).metrics


def race(device: torch.device, progress: Callable[[str], None] = print) -> dict[str, Any]:
    """Seconds and steps of both sides, whether each ended `good`, and the ratio of the seconds:
    None if our side did not; a lower limit if the reference loop did not."""
    baseline = CHALLENGES["baseline"]
    ours = baseline.presets[baseline.start].config
    theirs = CASES["mlp_reference"].config
    sides: dict[str, OurSide | TheirSide] = {
        "ours": OurSide(ours, device), "textbook": TheirSide(theirs, device)}
    results: dict[str, dict[str, Any]] = {}
    while len(results) < len(sides):
        for name in [name for name in sides if name not in results]:
            result = _result(name, sides[name], _most_seconds(results), progress)
            if result is not None:
                results[name] = result
    ratio = results["textbook"]["seconds"] / results["ours"]["seconds"]
    return {"goal": f"all ten digits, Fréchet distance below {BELOW:g}", **results,
            "ratio": ratio if results["ours"]["good"] else None}


def _most_seconds(results: dict[str, dict[str, Any]]) -> float:
    """How long a side may take: at most a multiple of what the other one took."""
    times = [MOST_TIMES * result["seconds"] for result in results.values() if result["good"]]
    return min([MOST_SECONDS, *times])


def _result(
    name: str, side: OurSide | TheirSide, most_seconds: float, progress: Callable[[str], None]
) -> dict[str, Any] | None:
    """The result of one side after its next evaluation; None while it goes on."""
    values = side.train_on()
    if values is None:
        return {"good": False, "seconds": side.seconds, "steps": side.step}
    progress(f"{name}: step {side.step}, {side.seconds:.0f} s: {values['modes']:.0f} digits, "
             f"Fréchet {values['frechet']:.0f}")
    if not is_good(values) and side.seconds <= most_seconds:
        return None
    measured = {metric: values[metric] for metric in ("modes", "frechet", "coverage")}
    return {"good": is_good(values), "seconds": side.seconds, "steps": side.step, **measured}


def in_words(results: dict[str, Any]) -> str:
    """Three lines for people."""
    lines = [f"until {results['goal']}:"]
    for name, words in (("textbook", "gan.py as published"),
                        ("ours", "our baseline, with evaluations")):
        result = results[name]
        reached = f"{result['seconds']:.0f} s, {result['steps']} steps"
        if not result["good"]:
            reached = f"not reached in {reached}"
        lines.append(f"  {words:32}{reached}")
    if results["ratio"] is not None:
        more = "" if results["textbook"]["good"] else "more than "
        lines.append(f"  {more}{results['ratio']:.1f} × sooner")
    return "\n".join(lines)
