"""What a run trains: which data and rates reach which network, and the average of G."""

from __future__ import annotations

import pytest
import torch

from gan_core.training.trainer import Trainer, train
from tests.support.runs import EVERYTHING, TINY, networks_of, parameters, run


def after_one_step(**changes) -> Trainer:
    trainer = train(TINY.replace(**changes), device="cpu")
    trainer.train_step()
    return trainer


@pytest.mark.parametrize(("ratio", "faster"), [(5.0, "discriminator"), (0.2, "generator")])
def test_the_ratio_reaches_the_right_network(ratio, faster):
    """Otherwise the main slider would speed up the wrong network. Plain SGD: the first step is
    rate × gradient, and equal settings have equal gradients."""
    plain = {"optimizer": "sgd", "beta1": 0.0, "learning_rate": 1e-3}
    start = networks_of(train(TINY.replace(**plain), device="cpu"))
    once, sped_up = (networks_of(after_one_step(**plain, **changes))
                     for changes in ({}, {"learning_rate_ratio": ratio}))
    for name in start:
        rates = [each[name].optimizer.param_groups[0]["lr"] for each in (once, sped_up)]
        assert rates[1] / rates[0] == pytest.approx(5.0 if name == faster else 1.0), name

    def moved(name: str) -> float:
        origin = parameters(start[name].network)
        first, second = (parameters(each[name].network) - origin for each in (once, sped_up))
        return (second.norm() / first.norm()).item()

    if faster == "discriminator":
        assert moved("discriminator") == pytest.approx(5.0, rel=1e-3)
    else:  # D moved as before, and so scored the same fakes alike
        assert moved("discriminator") == 1.0
        assert moved("generator") == pytest.approx(5.0, rel=1e-3)


@pytest.mark.usefixtures("plain_step")
def test_batches_come_from_the_training_examples_only():
    """Otherwise "1000 images" would train on all of them, and D could not overfit."""
    trainer = train(TINY.replace(training_examples=20, batch_size=64), device="cpu")
    inputs: list[torch.Tensor] = []
    trainer.state.discriminator.network.register_forward_pre_hook(
        lambda network, arguments: inputs.append(arguments[0]))
    for _ in range(3):
        trainer.train_step()
    allowed = {tuple(row) for row in trainer.state.data.train.tolist()}
    assert len(allowed) == 20
    reals = torch.cat([x[:64] for x in inputs[::2]])  # D's update sees reals first, then fakes
    assert {tuple(row) for row in reals.tolist()} == allowed


def test_a_run_leaves_the_processes_random_numbers_alone():
    """Otherwise one run would change what another part of the process draws."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(TINY.replace(**EVERYTHING, steps=5))
    assert torch.equal(torch.rand(3), expected)


def test_streams_of_neighbouring_seeds_are_apart():
    """Otherwise seed 1 would draw as latents what seed 0 draws as noise."""
    first, second = (train(TINY.replace(seed=seed), device="cpu").state.draws for seed in (0, 1))
    drawn = [torch.rand(4, generator=stream)
             for draws in (first, second) for stream in draws.streams.values()]
    assert len({tuple(values.tolist()) for values in drawn}) == len(drawn) == 8


def test_the_average_is_what_it_is_called():
    """mean ← d·mean + (1 − d)·weights with d = min(ema, (1 + t) / (10 + t)) after step t, counted
    here in 64 bits; ema = ½ is reached at t = 8. Buffers are copied."""
    trainer = train(TINY.replace(architecture="pacgan_2d", ema=0.5), device="cpu")
    network, averaged = trainer.state.generator.network, trainer.state.generator.averaged
    mean = parameters(network).double()
    assert torch.equal(parameters(averaged).double(), mean)
    for t in range(1, 13):
        trainer.train_step()
        decay = min(0.5, (1 + t) / (10 + t))
        mean = decay * mean + (1 - decay) * parameters(network).double()
        assert torch.allclose(parameters(averaged).double(), mean, rtol=1e-5, atol=1e-8)
    assert not torch.equal(parameters(averaged), parameters(network))
    copied, original = (dict(each.named_buffers()) for each in (averaged, network))
    assert copied.keys() == original.keys() and copied
    assert all(torch.equal(copied[name], original[name]) for name in copied)
