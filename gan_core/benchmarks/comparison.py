"""What a training step costs: the textbook loop, ours, and our matrix products alone.

For every case: rates of both sides at equal networks, loss, batch and threads, what our step
takes beyond its matrix products, where its time goes by phase, and the share of a session that goes
into evaluations and sample sheets. Then many runs at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from gan_core.benchmarks import step_cost, throughput
from gan_core.benchmarks.cases import CASES, PARTS, BenchmarkCase
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
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.system.processor import processor_name
from gan_core.training.devices import device_name
from gan_core.training.trainer import Trainer

SESSIONS = (1000, 3000)  # steps of the sessions whose share of evaluations and sheets is reported

Progress = Callable[[str], None]


def our_steps(config: RunConfig, device: torch.device) -> TrainingSteps:
    return TrainingSteps(Trainer(config, device))


def figures_of(
    case: BenchmarkCase, device: torch.device, most_steps: int,
    clock: Clock = time.perf_counter,
) -> dict[str, Any]:
    """All figures of one case, in blocks of at most `most_steps`."""
    config, usual = case.config, _in_our_order(case.config)
    bound = MatrixProductBound(config, device)
    contenders: dict[str, Contender] = {
        "textbook": ReferenceLoop(case.loop, config, device),
        "ours": our_steps(config, device), "bound": bound}
    if usual != config:
        contenders["default_order"] = our_steps(usual, device)
    seconds = step_seconds(contenders, device, most_steps, clock)
    bound_seconds = seconds.pop("bound")
    trainer = Trainer(config, device)
    observing = step_cost.time_observations(trainer, clock)
    examples = config.batch_size * config.discriminator_steps
    return {
        "title": case.title,
        "precision": "bfloat16" if trainer.bfloat16 else "float32",
        **{who: {"steps_per_second": 1 / each, "images_per_second": examples / each,
                 "ratio": seconds["textbook"] / each} for who, each in seconds.items()},
        "ratio": seconds["textbook"] / seconds["ours"],
        "step_ms": 1e3 * seconds["ours"],
        "matrix_products_ms": 1e3 * bound_seconds,
        "matrix_products": len(bound.products),
        "gigaflops": bound.flops / 1e9,
        "step_to_matrix_products": seconds["ours"] / bound_seconds,
        "phases": _phase_shares(trainer, seconds["ours"], most_steps),
        "evaluation_ms": observing["evaluation"],
        "samples_ms": observing["samples"],
        "looking_share": {str(steps): _observing_share(observing, steps, seconds["ours"])
                          for steps in SESSIONS},
    }


def _in_our_order(config: RunConfig) -> RunConfig:
    """As a session trains by default: D first, its loss the sum of both terms."""
    return config.replace(
        update_order=DEFAULT.update_order, discriminator_loss=DEFAULT.discriminator_loss)


def _phase_shares(trainer: Trainer, seconds: float, most_steps: int) -> dict[str, float]:
    steps = max(1, min(most_steps, int(BLOCK_SECONDS / seconds)))
    phases = step_cost.time_phases(trainer, steps)
    return {phase: each / sum(phases.values()) for phase, each in phases.items()}


def _observing_share(observing: dict[str, float], steps: int, seconds: float) -> float:
    """Share of a session of `steps` steps that goes into evaluations and sample sheets."""
    added = step_cost.observations_per_step(observing, steps)
    return added / (added + 1e3 * seconds)


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures depend on."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return {
        "device": device_name(device),
        "processor": processor_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "avx512_bf16": bool(supported()),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def benchmark(
    names: Sequence[str], device: torch.device, most_steps: int, progress: Progress = print,
    processor_time: bool = False,
) -> dict[str, Any]:
    """Figures of the cases and parts in `names`; `progress` gets a line on what is being measured.

    With `processor_time` the steps' time counts that this process has computed: see
    `interleaved_timing`. Shares of phases and concurrent runs go by the wall clock all the same.
    """
    clock = time.process_time if processor_time else time.perf_counter
    report = {**machine(device), "steps": most_steps, "rounds": ROUNDS,
              "block_seconds": BLOCK_SECONDS, "batch_size": DEFAULT.batch_size,
              "clock": "processor" if processor_time else "wall", "networks": {}}
    for name in (name for name in CASES if name in names):
        progress(f"{CASES[name].title}: {ROUNDS} rounds")
        report["networks"][name] = figures_of(CASES[name], device, most_steps, clock)
    for part in (part for part in PARTS if part in names):
        report[part] = throughput.PARTS_OF_THE_REPORT[part](device, most_steps, progress, clock)
    return report


# --- in words -------------------------------------------------------------------------------------

WHO = {"textbook": "textbook", "ours": "ours", "default_order": "ours, D first, sum"}


def headline(report: dict[str, Any]) -> str:
    """The machine, in a line."""
    # A CPU's own name holds it already; beside a GPU it is worth saying.
    host = "" if report["processor"] in report["device"] else f"{report['processor']}, "
    return (f"{report['device']} ({host}{report['instructions']}, avx512_bf16: "
            f"{'yes' if report['avx512_bf16'] else 'no'}), torch {report['torch']}")


def in_words(report: dict[str, Any]) -> str:
    """The report for people, one table a case."""
    lines = [f"{headline(report)}, batch {report['batch_size']}, median of {report['rounds']} "
             f"blocks of {report['block_seconds']:g} s, at most {report['steps']} steps, "
             f"{report['clock']} time"]
    for figures in report["networks"].values():
        lines += ["", *_case_in_words(figures)]
    for part in (part for part in PARTS if part in report):
        lines += ["", *throughput.WORDS[part](report[part])]
    return "\n".join(lines)


def _case_in_words(figures: dict[str, Any]) -> list[str]:
    lines = [f"{figures['title']}; {figures['precision']} (textbook: float32)",
             f"  {'':20}{'steps/s':>9}{'images/s':>11}{'÷ textbook':>13}"]
    for who, words in WHO.items():
        if who in figures:
            own = figures[who]
            lines.append(f"  {words:20}{own['steps_per_second']:9.1f}"
                         f"{own['images_per_second']:11.0f}{own['ratio']:13.2f}")
    shares = " and ".join(f"{s:.1%} of {n} steps" for n, s in figures["looking_share"].items())
    phases = ", ".join(f"{phase.replace('_', ' ')} {share:.0%}"
                       for phase, share in figures["phases"].items() if share > 0)
    bound = figures["matrix_products_ms"]
    return [
        *lines,
        f"  one step {figures['step_ms']:.2f} ms, its {figures['matrix_products']} matrix products "
        f"alone {bound:.2f} ms ({1e3 * figures['gigaflops'] / bound:.0f} GFLOP/s): "
        f"{figures['step_to_matrix_products']:.2f} ×",
        f"  by phase: {phases}",
        f"  one evaluation {figures['evaluation_ms']:.0f} ms, one sample sheet "
        f"{figures['samples_ms']:.1f} ms: {shares}",
    ]
