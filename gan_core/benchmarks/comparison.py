"""What a training step costs: the loop of a textbook, ours, and our matrix products alone.

For every case: rates of both sides at equal networks, loss, batch and threads, what our step
takes beyond its matrix products, where its time goes by phase, and the share of a session that goes
into evaluations and sample sheets. Then many runs at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch

from gan_core.benchmarks import environment, step_cost, throughput
from gan_core.benchmarks.cases import CASES, REPORT_PARTS, BenchmarkCase
from gan_core.benchmarks.interleaved_timing import (
    BLOCK_SECONDS,
    ROUNDS,
    Clock,
    Contender,
    TrainingSteps,
    step_seconds,
)
from gan_core.benchmarks.matrix_products import MatrixProductBound
from gan_core.benchmarks.reference_loops import ReferenceLoop
from gan_core.benchmarks.throughput import Progress
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.training.trainer import Trainer

SESSIONS = (1000, 3000)  # steps of the sessions whose share of evaluations and sheets is reported


def benchmark(
    names: Sequence[str], device: torch.device, most_steps: int, progress: Progress = print,
    processor_time: bool = False,
) -> dict[str, Any]:
    """Figures of the cases and parts in `names`; `progress` gets a line on what is being measured.

    With `processor_time` only the time counts during which this process computes: see
    `interleaved_timing.step_seconds`. Shares of phases and concurrent runs go by the wall clock all
    the same.
    """
    clock = time.process_time if processor_time else time.perf_counter
    report = {**environment.describe(device), "steps": most_steps, "rounds": ROUNDS,
              "block_seconds": BLOCK_SECONDS, "batch_size": DEFAULT.batch_size,
              "clock": "processor" if processor_time else "wall", "networks": {}}
    for name in (name for name in CASES if name in names):
        progress(f"{CASES[name].title}: {ROUNDS} rounds")
        report["networks"][name] = figures_of(CASES[name], device, most_steps, clock)
    for part in (part for part in REPORT_PARTS if part in names):
        report[part] = throughput.MEASUREMENTS[part](device, most_steps, progress, clock)
    return report


# --- one case -------------------------------------------------------------------------------------


def figures_of(
    case: BenchmarkCase, device: torch.device, most_steps: int,
    clock: Clock = time.perf_counter,
) -> dict[str, Any]:
    """All figures of one case, in blocks of at most `most_steps`."""
    bound = MatrixProductBound(case.config, device)
    contenders = {**_trainings(case, device), "bound": bound}
    seconds = step_seconds(contenders, device, most_steps, clock)
    bound_seconds = seconds.pop("bound")
    trainer = Trainer(case.config, device)
    return {
        "title": case.title,
        "precision": environment.precision_of(trainer),
        **_rates(case.config, seconds),
        "ratio": seconds["textbook"] / seconds["ours"],
        "step_ms": 1e3 * seconds["ours"],
        "matrix_products_ms": 1e3 * bound_seconds,
        "matrix_products": len(bound.products),
        "gigaflops": bound.flops / 1e9,
        "step_to_matrix_products": seconds["ours"] / bound_seconds,
        "phases": _phase_shares(trainer, seconds["ours"], most_steps),
        **_observations(trainer, seconds["ours"], clock),
    }


def _trainings(case: BenchmarkCase, device: torch.device) -> dict[str, Contender]:
    """The loop that was published and ours; also ours in the order of a session, if it differs."""
    trainings: dict[str, Contender] = {
        "textbook": ReferenceLoop(case.loop, case.config, device),
        "ours": TrainingSteps(Trainer(case.config, device))}
    default_order = in_default_order(case.config)
    if default_order != case.config:
        trainings["default_order"] = TrainingSteps(Trainer(default_order, device))
    return trainings


def in_default_order(config: RunConfig) -> RunConfig:
    """As a session trains by default: D first, its loss the sum of both terms."""
    return config.replace(
        update_order=DEFAULT.update_order, discriminator_loss=DEFAULT.discriminator_loss)


def _rates(config: RunConfig, seconds: dict[str, float]) -> dict[str, dict[str, float]]:
    """Of every training, from its seconds a step."""
    examples = config.batch_size * config.discriminator_steps
    return {name: {"steps_per_second": 1 / of_step, "images_per_second": examples / of_step,
                   "ratio": seconds["textbook"] / of_step} for name, of_step in seconds.items()}


def _phase_shares(trainer: Trainer, seconds: float, most_steps: int) -> dict[str, float]:
    steps = max(1, min(most_steps, int(BLOCK_SECONDS / seconds)))
    phases = step_cost.time_phases(trainer, steps)
    return {phase: milliseconds / sum(phases.values()) for phase, milliseconds in phases.items()}


def _observations(trainer: Trainer, seconds: float, clock: Clock) -> dict[str, Any]:
    """What evaluations and sample sheets take, and their share of a session."""
    milliseconds = step_cost.time_observations(trainer, clock)
    return {
        "evaluation_ms": milliseconds["evaluation"],
        "samples_ms": milliseconds["samples"],
        "looking_share": {str(steps): observing_share(milliseconds, steps, seconds)
                          for steps in SESSIONS},
    }


def observing_share(milliseconds: dict[str, float], steps: int, seconds: float) -> float:
    """Share of a session of `steps` steps, of `seconds` each, that goes into evaluations and sample
    sheets, which take `milliseconds`."""
    added = step_cost.observations_per_step(milliseconds, steps)
    return added / (added + 1e3 * seconds)


# --- the report -----------------------------------------------------------------------------------

TRAININGS = {"textbook": "textbook", "ours": "ours", "default_order": "ours, D first, sum"}


def in_words(report: dict[str, Any]) -> str:
    """The report for people, one table a case."""
    lines = [f"{environment.in_words(report)}, batch {report['batch_size']}, median of "
             f"{report['rounds']} blocks of {report['block_seconds']:g} s, at most "
             f"{report['steps']} steps, {report['clock']} time"]
    for figures in report["networks"].values():
        lines += ["", *_case_in_words(figures)]
    for part in (part for part in REPORT_PARTS if part in report):
        lines += ["", *throughput.WORDS[part](report[part])]
    return "\n".join(lines)


def _case_in_words(figures: dict[str, Any]) -> list[str]:
    shares = " and ".join(f"{s:.1%} of {n} steps" for n, s in figures["looking_share"].items())
    phases = ", ".join(f"{phase.replace('_', ' ')} {share:.0%}"
                       for phase, share in figures["phases"].items() if share > 0)
    bound = figures["matrix_products_ms"]
    return [
        f"{figures['title']}; {figures['precision']} (textbook: float32)",
        *_rates_in_words(figures),
        f"  one step {figures['step_ms']:.2f} ms, its {figures['matrix_products']} matrix products "
        f"alone {bound:.2f} ms ({1e3 * figures['gigaflops'] / bound:.0f} GFLOP/s): "
        f"{figures['step_to_matrix_products']:.2f} ×",
        f"  by phase: {phases}",
        f"  one evaluation {figures['evaluation_ms']:.0f} ms, one sample sheet "
        f"{figures['samples_ms']:.1f} ms: {shares}",
    ]


def _rates_in_words(figures: dict[str, Any]) -> list[str]:
    lines = [f"  {'':20}{'steps/s':>9}{'images/s':>11}{'÷ textbook':>13}"]
    for name in (name for name in TRAININGS if name in figures):
        rates = figures[name]
        lines.append(f"  {TRAININGS[name]:20}{rates['steps_per_second']:9.1f}"
                     f"{rates['images_per_second']:11.0f}{rates['ratio']:13.2f}")
    return lines
