"""`cost`: what a step costs, beside the plain GAN, as JSON and in words."""

from __future__ import annotations

import json

import pytest

from gan_core.cli.main import main
from tests.cli.calls import TINY


@pytest.fixture
def briefly(monkeypatch):
    """These tests look at what is reported, not at how fast it is."""
    for name in ("ROUNDS", "WARM_UP", "OBSERVATIONS"):
        monkeypatch.setattr(f"gan_core.benchmarks.step_cost.{name}", 1)


def test_cost_prints_one_json_object_with_the_plain_gan_beside(briefly, capsys):
    arguments = ["cost", "--json", "--steps", "1", "--device", "cpu", "--threads", "1"]
    assert main([*arguments, "--set", *TINY, "r1=1"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"cost", "plain", "relative"}
    assert (report["cost"]["config"]["r1"], report["plain"]["config"]["r1"]) == (1.0, 0.0)
    assert report["plain"]["config"]["batch_size"] == 16
    assert report["relative"]["flops"] == (
        report["cost"]["flops_total"] / report["plain"]["flops_total"])


def test_cost_in_words_has_phases_memory_and_the_price(briefly, capsys):
    assert main(["cost", "--steps", "2", "--threads", "1", "--device", "cpu", "--set", *TINY,
                     "discriminator_steps=2"]) == 0
    out = capsys.readouterr().out
    for words in ("mlp on ring, batch 16", "GFLOP", "penalty", "saved for backward",
                  "÷ the plain GAN's", "1 × 2 steps", "1 thread"):
        assert words in out


def test_cost_without_the_data_is_a_failure_in_one_sentence(capsys, monkeypatch):
    from gan_core.data import datasets, downloads

    def absent(config, device):
        raise downloads.DatasetError("Fashion-MNIST cannot be downloaded.")

    monkeypatch.setattr(datasets, "load", absent)
    assert main(["cost", "--set", "dataset=fashion_mnist"]) == 1
    assert capsys.readouterr().err == "Fashion-MNIST cannot be downloaded.\n"
