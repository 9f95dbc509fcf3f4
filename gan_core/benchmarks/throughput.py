"""Many runs at once, as one batch of networks and as processes side by side; and a run that is
watched.

A band of seeds or a sweep trains as one batch; two workers train two runs on two cores. Their speed
is the steps a second of all of them together, beside that of one run alone.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gan_core.benchmarks import look_cost
from gan_core.benchmarks.cases import BAND, RUNS_AT_ONCE, SIDE_BY_SIDE
from gan_core.benchmarks.interleaved_timing import ROUNDS, Clock, TrainingSteps, step_seconds
from gan_core.config.run_config import RunConfig
from gan_core.system.machine import usable_cores
from gan_core.training.devices import set_up_process
from gan_core.training.ensemble import Ensemble
from gan_core.training.trainer import Trainer

PROJECT = Path(__file__).resolve().parents[2]
RACERS = 2
RACE_SECONDS = 3.0
TIMEOUT = 300.0  # seconds for a process to start, or to finish a part
CHUNK = 5  # steps between readings of the clock

Progress = Callable[[str], None]  # is called with a line on what is being measured

# --- one batch ------------------------------------------------------------------------------------


def batched(
    device: torch.device, most_steps: int, progress: Progress, clock: Clock = time.perf_counter
) -> dict[str, Any]:
    """Steps a second of 1 to 16 seeds in one batch, all runs together, and the time of their step
    ÷ that of a single run (`cost`)."""
    progress(f"batched runs: {', '.join(map(str, RUNS_AT_ONCE))} seeds of {BAND.dataset}")
    contenders = {"alone": TrainingSteps(Trainer(BAND, device))}
    for runs in RUNS_AT_ONCE:
        seeds = [BAND.replace(seed=seed) for seed in range(runs)]
        contenders[str(runs)] = TrainingSteps(Ensemble(seeds, device))
    seconds = step_seconds(contenders, device, most_steps, clock)
    single = seconds.pop("alone")
    return {
        "networks": BAND.architecture, "dataset": BAND.dataset, "batch_size": BAND.batch_size,
        "alone": {"step_ms": 1e3 * single, "steps_per_second": 1 / single},
        "runs": {runs: {"step_ms": 1e3 * of_step, "steps_per_second": int(runs) / of_step,
                        "cost": of_step / single, "gain": int(runs) * single / of_step}
                 for runs, of_step in seconds.items()},
    }


def batched_in_words(figures: dict[str, Any]) -> list[str]:
    lines = [
        f"seeds in one batch: {figures['networks']} on {figures['dataset']}, batch "
        f"{figures['batch_size']}",
        f"  {'runs':8}{'ms a step':>11}{'steps/s of all':>16}{'÷ one, cost':>13}{'gain':>8}",
        f"  {'alone':8}{figures['alone']['step_ms']:11.2f}"
        f"{figures['alone']['steps_per_second']:16.1f}{1:13.2f}{1:8.2f}",
    ]
    return lines + [
        f"  {runs:8}{speed['step_ms']:11.2f}{speed['steps_per_second']:16.1f}"
        f"{speed['cost']:13.2f}{speed['gain']:8.2f}" for runs, speed in figures["runs"].items()]


# --- processes side by side -----------------------------------------------------------------------


def concurrent(
    device: torch.device, most_steps: int, progress: Progress, clock: Clock = time.perf_counter
) -> dict[str, Any] | None:
    """Steps a second of one process with one thread, and of two at the same time together; None
    where there are no two cores for them, or the device is not the CPU."""
    if device.type != "cpu" or usable_cores() < RACERS:
        return None
    progress(f"concurrent runs: {RACERS} processes with one thread each")
    rates = race(SIDE_BY_SIDE, RACE_SECONDS)
    alone = statistics.median(rates[0]["alone"])
    rounds = zip(*(of_process["together"] for of_process in rates), strict=True)
    together = statistics.median(sum(of_round) for of_round in rounds)
    return {"networks": SIDE_BY_SIDE.architecture, "processes": RACERS,
            "alone_steps_per_second": alone, "steps_per_second": together,
            "ratio": together / alone}


def concurrent_in_words(figures: dict[str, Any] | None) -> list[str]:
    if figures is None:
        return ["concurrent runs: not measured, they need a CPU with two cores"]
    return [f"{figures['processes']} processes with one thread each, {figures['networks']}: "
            f"{figures['steps_per_second']:.1f} steps/s together, one alone "
            f"{figures['alone_steps_per_second']:.1f}: {figures['ratio']:.2f} ×"]


def race(config: RunConfig, seconds: float) -> list[dict[str, list[float]]]:
    """Steps a second of every process in every round, "alone" (the first process only) and
    "together".

    Raises RuntimeError if one of them ends without a result.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(RACERS)
    pipes, processes = [], []
    for number in range(RACERS):
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(
            target=_racer, args=(number, config, seconds, ROUNDS, barrier, sending),
            daemon=True)
        process.start()
        sending.close()  # only the process holds it: when that ends, the pipe does
        pipes.append(receiving)
        processes.append(process)
    try:
        return [pipe.recv() for pipe in pipes]
    except EOFError:
        raise RuntimeError("a process of the concurrent runs ended without a result") from None
    finally:
        barrier.abort()
        for process in processes:
            process.join()


def _racer(
    number: int, config: RunConfig, seconds: float, rounds: int, barrier: Any, pipe: Any
) -> None:
    """One of the processes: trains with one thread, alone and together with the others."""
    set_up_process(threads=1)
    steps = TrainingSteps(Trainer(config, torch.device("cpu")))
    steps.advance(CHUNK)
    rates: dict[str, list[float]] = {"alone": [], "together": []}
    with contextlib.suppress(threading.BrokenBarrierError):  # the other one has ended
        for _ in range(rounds):
            for part, racers in (("alone", 1), ("together", RACERS)):
                barrier.wait(TIMEOUT)
                if number < racers:
                    rates[part].append(_rate(steps, seconds))
        barrier.wait(TIMEOUT)
        pipe.send(rates)


def _rate(steps: TrainingSteps, seconds: float) -> float:
    started, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < seconds:
        steps.advance(CHUNK)
        count += CHUNK
    return count / passed


# --- the app --------------------------------------------------------------------------------------


def interface(
    device: torch.device, most_steps: int, progress: Progress, clock: Clock = time.perf_counter
) -> dict[str, Any] | None:
    """Steps a second of a run that somebody watches in the app, and on the command line; None in an
    installation without the app. `tests.app_bench` measures it, in processes of its own."""
    if not (PROJECT / "tests" / "app_bench").is_dir():
        return None
    progress("interface: the app against the command line")
    done = subprocess.run(
        [sys.executable, "-m", "tests.app_bench", "--only", "overhead", "--json"],
        cwd=PROJECT, stdout=subprocess.PIPE, check=False,
        env={**os.environ, "GAN_LAB_DEVICE": device.type,
             "GAN_LAB_THREADS": str(torch.get_num_threads())})
    return json.loads(done.stdout)["overhead"] if done.returncode == 0 else None


def interface_in_words(figures: dict[str, Any] | None) -> list[str]:
    if figures is None:
        return ["interface: not measured, the app did not run; see python -m tests.app_bench"]
    return [f"the app, watched: {figures['app']:.1f} steps/s, the command line "
            f"{figures['command_line']:.1f}: {figures['ratio']:.2f} ×"]


def looks(
    device: torch.device, most_steps: int, progress: Progress, clock: Clock = time.perf_counter
) -> dict[str, Any]:
    """What a look at a live run costs, at any length of the run."""
    progress(f"looks at live runs of {', '.join(map(str, look_cost.RUN_STEPS))} steps")
    return look_cost.looks(clock)


# By REPORT_PARTS.
MEASUREMENTS = {"batched": batched, "concurrent": concurrent, "interface": interface,
                "looks": looks}
WORDS = {"batched": batched_in_words, "concurrent": concurrent_in_words,
         "interface": interface_in_words, "looks": look_cost.looks_in_words}
