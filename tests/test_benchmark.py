"""The benchmark: its textbook is the textbook, its figures add up. No test asserts a wall time."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import nn

from gan_core import __main__ as cli
from gan_core import benchmark
from gan_core.config import RunConfig
from gan_core.trainer import Training

ON_CPU = ("--device", "cpu", "--threads", "1")
RATES = {"steps_per_second", "images_per_second"}
FIGURES = {
    "ratio", "session_ratio", "evaluation_ms", "samples_ms", "step_ms", "matrix_products_ms",
    "step_to_matrix_products",
}


@pytest.fixture(autouse=True)
def _threads_restored():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quick(monkeypatch):
    """Fewer repetitions: these tests look at what is reported, not at how fast it is."""
    for name in ("ROUNDS", "WARM_UP", "LOOKS", "PRODUCT_ROUNDS"):
        monkeypatch.setattr(benchmark, name, 1)


def test_bench_json_has_the_documented_keys_and_positive_figures(quick, capsys):
    assert cli.main(["bench", "--json", "--steps", "3", *ON_CPU]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["networks"]) == {"mlp", "mlp_reference"}
    assert (found["threads"], found["steps"], found["batch_size"]) == (1, 3, 64)
    assert {"device", "processor", "instructions", "avx512_bf16", "torch"} <= set(found)
    for figures in found["networks"].values():
        assert figures["precision"] in ("float32", "bfloat16")
        for who in benchmark.CONTENDERS:
            assert set(figures[who]) == RATES
            assert min(figures[who].values()) > 0
            assert figures[who]["images_per_second"] == pytest.approx(
                64 * figures[who]["steps_per_second"])
        assert all(figures[name] > 0 for name in FIGURES)
        assert all(0 < share < 1 for share in figures["looking_share"].values())
        assert set(figures["looking_share"]) == {"1000", "3000"}


def test_bench_tells_people_what_the_figures_depend_on(quick, capsys):
    assert cli.main(["bench", "--steps", "2", *ON_CPU, "--network", "mlp"]) == 0
    out = capsys.readouterr().out
    for word in ("1 thread", f"torch {torch.__version__}", "avx512_bf16", "float32", "textbook"):
        assert word in out
    assert "mlp_reference" not in out


@pytest.mark.parametrize("architecture", ["mlp", "mlp_reference"])
def test_the_textbook_trains_the_same_networks(architecture):
    config, cpu = RunConfig(architecture=architecture), torch.device("cpu")
    textbook, ours = benchmark.Textbook(config, cpu), Training(config, cpu)
    for theirs, mine in ((textbook.generator, ours.generator),
                         (textbook.discriminator, ours.discriminator)):
        assert [p.shape for p in theirs.parameters()] == [p.shape for p in mine.parameters()]
    assert isinstance(textbook.discriminator[-1], nn.Sigmoid)
    before = [p.detach().clone() for p in textbook.generator.parameters()]
    textbook.advance(2)
    assert not torch.equal(before[0], next(textbook.generator.parameters()))
    # 2 ln 2 / 2 for D and ln 2 for G at the start, where D knows nothing.
    assert textbook.losses == pytest.approx((math.log(2), math.log(2)), abs=0.2)


def test_the_textbook_sees_mnist_as_the_networks_expect_it():
    pictures = benchmark.Pictures()
    assert len(pictures) == 60_000
    image, label = pictures[0]
    assert image.shape == (1, 28, 28)
    assert (image.min(), image.max()) == (-1.0, 1.0)
    assert label == 5  # the first digit of MNIST's training set


def test_the_bound_counts_every_product_of_a_step_and_no_other(monkeypatch):
    """At batch 64 the sizes 784-512-256-1 and 100-256-512-784, by hand."""
    count = 0

    def counting(a, b, out):
        nonlocal count
        assert (a.shape[0], b.shape[1]) == tuple(out.shape)
        count += a.shape[0] * a.shape[1] * b.shape[1]

    work = benchmark.products(RunConfig(), torch.device("cpu"), torch.float32)
    monkeypatch.setattr(torch, "mm", counting)
    for product in work:
        product()
    d = 784 * 512 + 512 * 256 + 256
    g = 100 * 256 + 256 * 512 + 512 * 784
    d_update = 128 * (d + d + (d - 784 * 512))  # forward, weights, inputs but the images
    g_update = 64 * (d + d + g + (g - 100 * 256))  # D there and back, G's weights and inputs
    assert count == 64 * g + d_update + g_update


def test_the_share_of_looking_counts_what_a_session_shows():
    """1000 steps: evaluations at 0, 250, 500, 750, 1000; sheets at the 16 other fifties."""
    look = {"evaluation": 1.0, "samples": 0.1}
    expected = (5 + 16 * 0.1) / (5 + 16 * 0.1 + 1000 * 0.01)
    assert benchmark.looking_share(1000, 0.01, look) == pytest.approx(expected)
