"""`bench`: its figures add up, as text and as JSON. No test asserts a wall time."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from gan_core.benchmarks import comparison, interleaved_timing, step_cost
from gan_core.benchmarks.cases import CASES
from gan_core.cli.main import main
from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig

CPU = torch.device("cpu")
ON_CPU = ("--device", "cpu", "--threads", "1")
RATES = {"steps_per_second", "images_per_second", "ratio"}
FIGURES = {
    "ratio", "evaluation_ms", "samples_ms", "step_ms", "matrix_products_ms", "matrix_products",
    "gigaflops", "step_to_matrix_products",
}


@pytest.fixture(autouse=True)
def _threads_restored():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quick(monkeypatch):
    """Fewer repetitions: these tests look at what is reported, not at how fast it is."""
    for name in ("ROUNDS", "WARM_UP"):
        monkeypatch.setattr(interleaved_timing, name, 1)
    monkeypatch.setattr(interleaved_timing, "BLOCK_SECONDS", 0.01)
    monkeypatch.setattr(step_cost, "OBSERVATIONS", 1)


def test_bench_json_has_the_documented_keys_and_positive_figures(quick, capsys):
    """Whoever reads the report with a program would not find what the documentation names."""
    assert main(["bench", "--json", "--steps", "3", *ON_CPU,
                 "--network", "mlp_on_ring", "wgan_gp"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["networks"]) == {"mlp_on_ring", "wgan_gp"}
    assert (report["threads"], report["steps"], report["batch_size"]) == (1, 3, 64)
    assert {"device", "processor", "instructions", "avx512_bf16", "torch", "clock"} <= set(report)
    for name, figures in report["networks"].items():
        assert figures["precision"] in ("float32", "bfloat16")
        for who in ("textbook", "ours"):
            assert set(figures[who]) == RATES
            assert min(figures[who].values()) > 0
            batches = 5 if name == "wgan_gp" else 1
            assert figures[who]["images_per_second"] == pytest.approx(
                64 * batches * figures[who]["steps_per_second"])
        assert figures["ratio"] == figures["ours"]["ratio"]
        assert ("default_order" in figures) is (name != "wgan_gp")
        assert all(figures[figure] > 0 for figure in FIGURES)
        assert sum(figures["phases"].values()) == pytest.approx(1)
        assert (figures["phases"]["penalty"] > 0) is (name == "wgan_gp")
        assert all(0 < share < 1 for share in figures["looking_share"].values())
        assert set(figures["looking_share"]) == {"1000", "3000"}


@pytest.mark.parametrize("name", CASES)
def test_every_network_is_measured(quick, monkeypatch, name):
    """`bench` would fail at the network, after minutes. Evaluations take the same for all."""
    monkeypatch.setattr(step_cost, "time_observations",
                        lambda *_: {"evaluation": 100.0, "samples": 1.0})
    case = CASES[name]
    small = dataclasses.replace(case, config=case.config.replace(batch_size=4))
    figures = comparison.figures_of(small, CPU, 1)
    assert all(figures[figure] > 0 for figure in FIGURES)


def test_bench_says_what_the_figures_depend_on(quick, capsys):
    """Figures of another machine, clock or number format would be taken for those of this one."""
    assert main(["bench", "--steps", "2", *ON_CPU, "--network", "mlp_on_ring"]) == 0
    out = capsys.readouterr().out
    for word in ("1 thread", f"torch {torch.__version__}", "avx512_bf16", "float32", "textbook",
                 "ours, D first", "wall time", "GFLOP/s", "generator backward"):
        assert word in out
    assert "wgan_gp" not in out


def test_processor_time_is_counted_and_said(quick, monkeypatch, capsys):
    """On a busy machine the wall clock also counts what other processes compute."""
    monkeypatch.setattr(comparison.time, "process_time", iter(range(10_000)).__next__)
    assert main(["bench", "--json", "--processor-time", *ON_CPU, "--network",
                 "mlp_on_ring"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["clock"] == "processor"
    # Read twice around a block of one step, it has moved by one second.
    assert report["networks"]["mlp_on_ring"]["ours"]["steps_per_second"] == 1.0


def test_both_sides_of_a_case_run_one_algorithm():
    """Otherwise the ratio would show work left out, not work done faster: G first and the mean of
    D's terms as in gan.py; learning rates, weight and critic steps of wgan_gp.py."""
    assert {case.config.architecture for case in CASES.values()} == set(ARCHITECTURES)
    for name, case in CASES.items():
        config = case.config
        assert (config.batch_size, config.learning_rate, config.beta1, config.beta2) == (
            64, 2e-4, 0.5, 0.999)
        if name != "wgan_gp":
            assert (config.update_order, config.discriminator_loss, config.loss) == (
                "generator_first", "mean", "non_saturating")
    critic = CASES["wgan_gp"].config
    assert (critic.loss, critic.gradient_penalty, critic.discriminator_steps) == (
        "wasserstein", 10.0, 5)
    assert CASES["dcgan_reference"].config.dropout == 0.25


def test_the_share_of_evaluations_counts_those_of_a_session():
    """1000 steps: evaluations at 0, 250, 500, 750, 1000; sheets at the 16 other fifties, and at 8
    other tens of the first hundred."""
    milliseconds = {"evaluation": 1000.0, "samples": 100.0}
    expected = (5 + 24 * 0.1) / (5 + 24 * 0.1 + 1000 * 0.01)
    assert comparison.observing_share(milliseconds, 1000, 0.01) == pytest.approx(expected)


def test_default_order_is_what_a_session_does():
    """Otherwise the third row of a table would be of an order that nobody trains in."""
    assert comparison.in_default_order(CASES["mlp"].config) == RunConfig()
