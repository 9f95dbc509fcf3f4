"""Many runs at once: what is counted as their speed. No test asserts a wall time."""

from __future__ import annotations

import subprocess

import pytest
import torch

from gan_core.benchmarks import interleaved_timing, throughput
from gan_core.benchmarks.cases import BAND, RUNS_AT_ONCE
from gan_core.config.run_config import RunConfig
from gan_core.system.machine import usable_cores

CPU = torch.device("cpu")
TWO_CORES = pytest.mark.skipif(usable_cores() < 2, reason="two processes at once take two cores")


def test_a_batch_of_runs_is_counted_by_the_steps_of_all(monkeypatch):
    """A step of eight runs in 4 ms is 2000 steps a second, and takes twice the 2 ms of one run."""
    made = {}

    def ensemble(configs, device):
        made[len(configs)] = configs

    def seconds(contenders, device, most_steps, clock):
        assert most_steps == 7
        return {name: 2e-3 if name == "alone" else 2e-3 + 0.25e-3 * int(name)
                for name in contenders}

    monkeypatch.setattr(throughput, "Ensemble", ensemble)
    monkeypatch.setattr(throughput, "step_seconds", seconds)
    figures = throughput.batched(CPU, 7, lambda _: None)
    assert made[8] == [BAND.replace(seed=seed) for seed in range(8)]
    assert (BAND.dataset, BAND.batch_size, BAND.architecture) == ("ring", 64, "mlp")
    assert set(figures["runs"]) == {str(runs) for runs in RUNS_AT_ONCE}
    assert figures["alone"]["steps_per_second"] == pytest.approx(500)
    assert figures["runs"]["8"] == pytest.approx(
        {"step_ms": 4.0, "steps_per_second": 2000, "cost": 2.0, "gain": 4.0})
    text = "\n".join(throughput.batched_in_words(figures))
    assert "2000.0" in text
    assert "seeds in one batch" in text


@TWO_CORES
def test_processes_train_alone_and_together():
    """The ratio would be of other rounds than the report says."""
    config = RunConfig(dataset="ring", batch_size=4)
    first, second = throughput.race(config, 0.05)
    for rates in (first["alone"], first["together"], second["together"]):
        assert len(rates) == interleaved_timing.ROUNDS
    assert second["alone"] == []
    assert min(*first["alone"], *first["together"], *second["together"]) > 0


@TWO_CORES
def test_a_process_that_ends_without_a_result_does_not_hold_up_the_other():
    """Otherwise the benchmark would hang."""
    with pytest.raises(RuntimeError, match="without a result"):
        throughput.race("not a config", 0.05)


def test_together_is_the_sum_of_both_beside_one_alone(monkeypatch):
    """Two workers would look slower than one."""
    rates = [{"alone": [10.0, 99.0, 10.0], "together": [8.0, 9.0, 1.0]},
             {"alone": [], "together": [9.0, 9.0, 1.0]}]
    monkeypatch.setattr(throughput, "race", lambda config, seconds: rates)
    monkeypatch.setattr(throughput, "usable_cores", lambda: 2)
    figures = throughput.concurrent(CPU, 1, lambda _: None)
    assert figures["ratio"] == pytest.approx(1.7)
    assert "1.70 ×" in throughput.concurrent_in_words(figures)[0]


def test_what_cannot_be_measured_is_said(monkeypatch):
    """One core, or a GPU that both would share: a ratio would mean something else."""
    monkeypatch.setattr(throughput, "usable_cores", lambda: 1)
    assert throughput.concurrent(CPU, 1, lambda _: None) is None
    assert "two cores" in throughput.concurrent_in_words(None)[0]


def test_the_app_is_measured_by_app_bench(monkeypatch):
    """The engine knows nothing of the pages: it runs a command, and says so if that fails."""
    calls = []

    def answer(command, **settings):
        calls.append((command, settings["cwd"]))
        text = b'{"overhead": {"app": 45.0, "command_line": 50.0, "ratio": 0.9}}'
        return subprocess.CompletedProcess(command, code, text if code == 0 else b"")

    monkeypatch.setattr(subprocess, "run", answer)
    code = 0
    figures = throughput.interface(CPU, 1, lambda _: None)
    assert figures["ratio"] == 0.9
    assert "45.0" in throughput.interface_in_words(figures)[0]
    ((command, folder),) = calls
    assert command[1:] == ["-m", "tests.app_bench", "--only", "overhead", "--json"]
    assert (folder / "streamlit_app.py").exists()
    code = 1
    assert throughput.interface(CPU, 1, lambda _: None) is None
    assert "app_bench" in throughput.interface_in_words(None)[0]
