"""Seconds until G is good: our default baseline against gan.py with its own settings.

Good is: all ten digits are there, and the Fréchet distance to held-out images is below 100. Ours is
the preset that a newcomer finds on the baseline's sliders, trained on until it is reached; its
seconds are a session's, evaluations and sample sheets included. The textbook is looked at every 250
steps as well, and its clock stands still meanwhile, because the original never looks. Their steps
alternate, in parts of 250, until both are there, or one has taken six times as long as the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from gan_core.benchmarks.cases import CONTESTS
from gan_core.benchmarks.reference_loops import Textbook
from gan_core.config.fields import KNOBS
from gan_core.config.presets import CHALLENGES
from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.evaluation import classifier, metrics
from gan_core.runs.records import EvalRecord, Outcome
from gan_core.training.trainer import LATENT_SEED, Training

BELOW = 100.0  # Fréchet distance
INTERVAL = 250  # steps between looks at the textbook
MOST_SECONDS = 1800.0  # of training, after which a side is said not to have reached it
MOST_TIMES = 6.0  # and of the seconds of the other side, once that one is there

Metrics = dict[str, float]


def is_good(found: Metrics) -> bool:
    return found["modes"] == found["modes_total"] and found["frechet"] < BELOW


class OurSide:
    """A session, from one evaluation to the next."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self.training = Training(config.replace(steps=int(KNOBS["steps"].high)), device)
        self.seconds, self.step = 0.0, 0

    def look(self) -> Metrics | None:
        """Train until the next evaluation; None if the run has ended."""
        for record in self.training:
            if isinstance(record, EvalRecord):
                self.seconds, self.step = record.seconds, record.step
                return record.metrics
            if isinstance(record, Outcome):
                break
        return None


class TheirSide:
    """The textbook loop, looked at every INTERVAL steps."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.textbook = Textbook("gan", config, device)
        self.data = datasets.load(config, device)
        self.model = classifier.load(device, config.dataset)
        shape = (metrics.sample_count("image"), config.latent_dim)
        fixed = torch.randn(shape, generator=torch.Generator().manual_seed(LATENT_SEED))
        self.latents = fixed.to(device)
        self.seconds, self.step = 0.0, 0

    def look(self) -> Metrics:
        started = time.perf_counter()
        self.textbook.advance(INTERVAL)  # which fetches its losses, and so waits for the device
        self.seconds += time.perf_counter() - started
        self.step += INTERVAL
        return self._metrics()

    @torch.no_grad()
    def _metrics(self) -> Metrics:
        generator, discriminator = self.textbook.generator, self.textbook.discriminator
        generator.eval()
        images = torch.cat([generator(z).flatten(1) for z in self.latents.split(metrics.CHUNK)])
        generator.train()

        def judge(x: torch.Tensor) -> torch.Tensor:
            return discriminator[:-1](x.unflatten(1, (1, 28, 28)))  # logits: without the Sigmoid

        return metrics.evaluate_images(images, judge, self.data, self.model).metrics


def measure(device: torch.device, tell: Callable[[str], None] = print) -> dict[str, Any]:
    """Seconds and steps of both sides, whether each is `good` then, and the ratio of the seconds;
    None for the ratio if ours is not. If the textbook is not, the ratio is one that it exceeds."""
    baseline = CHALLENGES["baseline"]
    ours = baseline.presets[baseline.start].config
    theirs = CONTESTS["mlp_reference"].config
    sides = {"ours": OurSide(ours, device), "textbook": TheirSide(theirs, device)}
    found: dict[str, Any] = {"goal": f"all ten digits, Fréchet distance below {BELOW:g}"}
    while waiting := [name for name in sides if name not in found]:
        for name in waiting:
            there = [own["seconds"] for own in found.values() if isinstance(own, dict)
                     and own["good"]]
            most = min([MOST_SECONDS, *(MOST_TIMES * seconds for seconds in there)])
            result = _looked(name, sides[name], most, tell)
            if result is not None:
                found[name] = result
    ratio = found["textbook"]["seconds"] / found["ours"]["seconds"]
    return {**found, "ratio": ratio if found["ours"]["good"] else None}


def _looked(
    name: str, side: OurSide | TheirSide, most_seconds: float, tell: Callable[[str], None]
) -> dict[str, Any] | None:
    """What came of one side at its next look; None while there is hope."""
    seen = side.look()
    if seen is not None:
        tell(f"{name}: step {side.step}, {side.seconds:.0f} s: {seen['modes']:.0f} digits, "
             f"Fréchet {seen['frechet']:.0f}")
        if is_good(seen) or side.seconds > most_seconds:
            measured = {name: seen[name] for name in ("modes", "frechet", "coverage")}
            return {"good": is_good(seen), "seconds": side.seconds, "steps": side.step, **measured}
    else:
        return {"good": False, "seconds": side.seconds, "steps": side.step}
    return None


def in_words(found: dict[str, Any]) -> str:
    """Three lines for people."""
    lines = [f"until {found['goal']}:"]
    for name, words in (("textbook", "gan.py as published"), ("ours", "our baseline, looks incl.")):
        own = found[name]
        reached = f"{own['seconds']:.0f} s, {own['steps']} steps"
        if not own["good"]:
            reached = f"not reached in {reached}"
        lines.append(f"  {words:26}{reached}")
    if found["ratio"] is not None:
        more = "" if found["textbook"]["good"] else "more than "
        lines.append(f"  {more}{found['ratio']:.1f} × sooner")
    return "\n".join(lines)
