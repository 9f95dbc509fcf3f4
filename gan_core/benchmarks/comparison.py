"""What a training step costs: the textbook loop, ours, and our matrix products alone.

For every contest: rates of both sides at equal networks, loss, batch and threads, what our step
takes beyond its matrix products, where its time goes by phase, and the share of a session that goes
into looking at it. Then many runs at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from gan_core.benchmarks import interleaved_timing, step_cost, throughput
from gan_core.benchmarks.cases import CONTESTS, PARTS, Contest
from gan_core.benchmarks.product_bound import Products
from gan_core.benchmarks.reference_loops import Textbook
from gan_core.benchmarks.step_phases import Watched
from gan_core.config.run_config import DEFAULT, RunConfig
from gan_core.system.processor import processor_name
from gan_core.training.devices import device_name
from gan_core.training.trainer import Training

SESSIONS = (1000, 3000)  # steps of the sessions whose share of looking is told

Tell = Callable[[str], None]


def our_steps(config: RunConfig, device: torch.device) -> interleaved_timing.Steps:
    training = Training(config, device)
    return interleaved_timing.Steps(training.train_step, training._measure)


def measure(
    contest: Contest, device: torch.device, most_steps: int,
    clock: interleaved_timing.Clock = time.perf_counter,
) -> dict[str, Any]:
    """All figures of one contest, in blocks of at most `most_steps`."""
    config, usual = contest.config, _in_our_order(contest.config)
    products = Products(config, device)
    contenders = {"textbook": Textbook(contest.loop, config, device),
                  "ours": our_steps(config, device), "products": products}
    if usual != config:
        contenders["default_order"] = our_steps(usual, device)
    seconds = interleaved_timing.step_seconds(contenders, device, most_steps, clock)
    bound = seconds.pop("products")
    training = Watched(config, device)
    look = step_cost.time_look(training, clock)
    examples = config.batch_size * config.discriminator_steps
    return {
        "title": contest.title,
        "precision": "bfloat16" if training.bfloat16 else "float32",
        **{who: {"steps_per_second": 1 / each, "images_per_second": examples / each,
                 "ratio": seconds["textbook"] / each} for who, each in seconds.items()},
        "ratio": seconds["textbook"] / seconds["ours"],
        "step_ms": 1e3 * seconds["ours"],
        "matrix_products_ms": 1e3 * bound,
        "matrix_products": len(products.products),
        "gigaflops": products.flops / 1e9,
        "step_to_matrix_products": seconds["ours"] / bound,
        "phases": _phase_shares(training, seconds["ours"], most_steps),
        "evaluation_ms": look["evaluation"],
        "samples_ms": look["samples"],
        "looking_share": {str(n): _looking_share(look, n, seconds["ours"]) for n in SESSIONS},
    }


def _in_our_order(config: RunConfig) -> RunConfig:
    """As a session trains unless told otherwise: D first, its loss the sum of both terms."""
    return config.replace(
        update_order=DEFAULT.update_order, discriminator_loss=DEFAULT.discriminator_loss)


def _phase_shares(training: Watched, seconds: float, most_steps: int) -> dict[str, float]:
    steps = max(1, min(most_steps, int(interleaved_timing.BLOCK_SECONDS / seconds)))
    found = step_cost.time_phases(training, steps)
    return {phase: each / sum(found.values()) for phase, each in found.items()}


def _looking_share(look: dict[str, float], steps: int, seconds: float) -> float:
    """Share of a session of `steps` steps that goes into evaluations and sample sheets."""
    added = step_cost.looks_per_step(look, steps)
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
    names: Sequence[str], device: torch.device, most_steps: int, tell: Tell = print,
    processor_time: bool = False,
) -> dict[str, Any]:
    """Figures of the contests and parts in `names`; `tell` hears what is being measured.

    With `processor_time` the steps' time counts that this process has computed: see `blocks`.
    Shares of phases and concurrent runs go by the wall clock all the same.
    """
    clock = time.process_time if processor_time else time.perf_counter
    report = {**machine(device), "steps": most_steps, "rounds": interleaved_timing.ROUNDS,
              "block_seconds": interleaved_timing.BLOCK_SECONDS, "batch_size": DEFAULT.batch_size,
              "clock": "processor" if processor_time else "wall", "networks": {}}
    for name in (name for name in CONTESTS if name in names):
        tell(f"{CONTESTS[name].title}: {interleaved_timing.ROUNDS} rounds")
        report["networks"][name] = measure(CONTESTS[name], device, most_steps, clock)
    for part in (part for part in PARTS if part in names):
        report[part] = throughput.MEASURES[part](device, most_steps, tell, clock)
    return report


# --- in words -------------------------------------------------------------------------------------

WHO = {"textbook": "textbook", "ours": "ours", "default_order": "ours, D first, sum"}


def headline(report: dict[str, Any]) -> str:
    """The machine, in a line."""
    # A CPU's own name holds it already; beside a GPU it is worth telling.
    host = "" if report["processor"] in report["device"] else f"{report['processor']}, "
    return (f"{report['device']} ({host}{report['instructions']}, avx512_bf16: "
            f"{'yes' if report['avx512_bf16'] else 'no'}), torch {report['torch']}")


def in_words(report: dict[str, Any]) -> str:
    """The report for people, one table a contest."""
    lines = [f"{headline(report)}, batch {report['batch_size']}, median of {report['rounds']} "
             f"blocks of {report['block_seconds']:g} s, at most {report['steps']} steps, "
             f"{report['clock']} time"]
    for found in report["networks"].values():
        lines += ["", *_contest_in_words(found)]
    for part in (part for part in PARTS if part in report):
        lines += ["", *throughput.WORDS[part](report[part])]
    return "\n".join(lines)


def _contest_in_words(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['title']}; {found['precision']} (textbook: float32)",
             f"  {'':20}{'steps/s':>9}{'images/s':>11}{'÷ textbook':>13}"]
    for who, words in WHO.items():
        if who in found:
            own = found[who]
            lines.append(f"  {words:20}{own['steps_per_second']:9.1f}"
                         f"{own['images_per_second']:11.0f}{own['ratio']:13.2f}")
    shares = " and ".join(f"{s:.1%} of {n} steps" for n, s in found["looking_share"].items())
    phases = ", ".join(f"{phase.replace('_', ' ')} {share:.0%}"
                       for phase, share in found["phases"].items() if share > 0)
    bound = found["matrix_products_ms"]
    return [
        *lines,
        f"  one step {found['step_ms']:.2f} ms, its {found['matrix_products']} matrix products "
        f"alone {bound:.2f} ms ({1e3 * found['gigaflops'] / bound:.0f} GFLOP/s): "
        f"{found['step_to_matrix_products']:.2f} ×",
        f"  by phase: {phases}",
        f"  one evaluation {found['evaluation_ms']:.0f} ms, one sample sheet "
        f"{found['samples_ms']:.1f} ms: {shares}",
    ]
