"""The benchmark: its figures add up and are told to people and to machines. No test asserts a wall
time."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from gan_core import __main__ as cli
from gan_core.benchmarks import comparison, interleaved_timing, step_cost
from gan_core.benchmarks.cases import CONTESTS
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
    monkeypatch.setattr(step_cost, "LOOKS", 1)


def test_bench_json_has_the_documented_keys_and_positive_figures(quick, capsys):
    assert cli.main(["bench", "--json", "--steps", "3", *ON_CPU,
                     "--network", "mlp_on_ring", "wgan_gp"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["networks"]) == {"mlp_on_ring", "wgan_gp"}
    assert (found["threads"], found["steps"], found["batch_size"]) == (1, 3, 64)
    assert {"device", "processor", "instructions", "avx512_bf16", "torch", "clock"} <= set(found)
    for name, figures in found["networks"].items():
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


@pytest.mark.parametrize("name", CONTESTS)
def test_every_network_is_measured(quick, monkeypatch, name):
    """Images apart: what an evaluation takes is the same for all."""
    monkeypatch.setattr(step_cost, "time_look", lambda *_: {"evaluation": 100.0, "samples": 1.0})
    contest = CONTESTS[name]
    small = dataclasses.replace(contest, config=contest.config.replace(batch_size=4))
    figures = comparison.measure(small, CPU, 1)
    assert all(figures[figure] > 0 for figure in FIGURES)


def test_bench_tells_people_what_the_figures_depend_on(quick, capsys):
    assert cli.main(["bench", "--steps", "2", *ON_CPU, "--network", "mlp_on_ring"]) == 0
    out = capsys.readouterr().out
    for word in ("1 thread", f"torch {torch.__version__}", "avx512_bf16", "float32", "textbook",
                 "ours, D first", "wall time", "GFLOP/s", "generator backward"):
        assert word in out
    assert "wgan_gp" not in out


def test_processor_time_is_counted_and_said(quick, monkeypatch, capsys):
    """On a busy machine the wall clock tells of the others' work."""
    monkeypatch.setattr(comparison.time, "process_time", iter(range(10_000)).__next__)
    assert cli.main(["bench", "--json", "--processor-time", *ON_CPU, "--network",
                     "mlp_on_ring"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["clock"] == "processor"
    # Read twice around a block of one step, it has moved by one second.
    assert found["networks"]["mlp_on_ring"]["ours"]["steps_per_second"] == 1.0


def test_both_sides_of_a_contest_run_one_algorithm():
    """Otherwise the ratio would tell of work left out, not of work done faster: G first and the
    mean of D's terms as gan.py has it; wgan_gp.py's own rates, weight and critic steps."""
    assert {c.config.architecture for c in CONTESTS.values()} == set(ARCHITECTURES)
    for name, contest in CONTESTS.items():
        config = contest.config
        assert (config.batch_size, config.learning_rate, config.beta1, config.beta2) == (
            64, 2e-4, 0.5, 0.999)
        if name != "wgan_gp":
            assert (config.update_order, config.discriminator_loss, config.loss) == (
                "generator_first", "mean", "non_saturating")
    critic = CONTESTS["wgan_gp"].config
    assert (critic.loss, critic.gradient_penalty, critic.discriminator_steps) == (
        "wasserstein", 10.0, 5)
    assert CONTESTS["dcgan_reference"].config.dropout == 0.25


def test_the_share_of_looking_counts_what_a_session_shows():
    """1000 steps: evaluations at 0, 250, 500, 750, 1000; sheets at the 16 other fifties."""
    look = {"evaluation": 1000.0, "samples": 100.0}
    expected = (5 + 16 * 0.1) / (5 + 16 * 0.1 + 1000 * 0.01)
    assert comparison._looking_share(look, 1000, 0.01) == pytest.approx(expected)


def test_default_order_is_what_a_session_does():
    usual = comparison._in_our_order(CONTESTS["mlp"].config)
    assert usual == RunConfig()
