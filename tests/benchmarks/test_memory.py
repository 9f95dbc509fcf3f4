"""The bytes of a step are exact: they are those computed by hand."""

from __future__ import annotations

import pytest
import torch

from gan_core.benchmarks.memory import SavedForBackward, account_memory
from gan_core.config.run_config import RunConfig
from gan_core.training.trainer import Trainer

CPU = torch.device("cpu")
POINTS = RunConfig(dataset="ring", latent_dim=3, batch_size=8, width=0.25, depth=1,
                   precision="float32")  # G 3-32-2, D 2-32-1
N, Z, H, X = 8, 3, 32, 2


@pytest.mark.usefixtures("plain_step")
def test_memory_of_a_small_mlp_is_that_computed_by_hand():
    """What each layer keeps for its backward pass, four bytes a number.

    At the peak, in D's update, G's pass is kept too: latents, and the hidden units once, as
    ReLU's result, which is the next layer's input. LeakyReLU keeps its input as well.
    """
    memory = account_memory(Trainer(POINTS, CPU))
    weights = Z * H + H + H * X + X + X * H + H + H + 1
    assert memory["networks"] == 4 * weights
    # D's are gone when G's are taken.
    assert memory["gradients"] == 4 * max(Z * H + H + H * X + X, X * H + H + H + 1)
    counters = 8  # Adam's, one for each of two weights and two biases of each network
    assert memory["optimizers"] == 4 * (2 * weights + counters)
    passed_g = N * Z + N * H
    passed_d = 2 * N * (X + H + H)
    logits = 2 * N  # kept by the loss
    assert memory["activations"] == 4 * (passed_g + passed_d + logits)


def test_the_data_set_counts_once_and_as_it_is_held():
    """MNIST is bytes; labels are 64-bit numbers; then 2000-odd latents, all with their size."""
    trainer = Trainer(RunConfig(batch_size=4, architecture="mlp", width=0.25), CPU)
    data = trainer.state.data
    expected = sum(t.numel() * t.element_size() for t in (
        data.train, data.held_out, data.labels, data.held_out_labels,
        trainer.evaluator.fixed_latents))
    assert account_memory(trainer)["data"] == expected


def test_memory_grows_with_what_a_remedy_keeps():
    """The page would call a remedy free of charge that is not, or the reverse."""
    def memory(**changes):
        return account_memory(Trainer(POINTS.replace(**changes), CPU))

    plain = memory()
    assert memory(batch_size=2 * N)["activations"] == 2 * plain["activations"]
    assert memory(r1=1)["activations"] > plain["activations"]
    averaged = memory(ema=0.9)
    assert averaged["networks"] == plain["networks"] + 4 * (Z * H + H + H * X + X)
    assert averaged["gradients"] == plain["gradients"]
    assert memory(optimizer="sgd", beta1=0.0)["optimizers"] == 0
    assert memory(discriminator_steps=5)["activations"] == plain["activations"]


def test_what_autograd_keeps_is_counted_until_it_lets_go():
    """Also where an operation keeps its own result, as Tanh does: it must not keep itself alive."""
    weight = torch.ones(10, requires_grad=True)
    with SavedForBackward([weight]) as saved:
        product = (weight * torch.ones(10)).tanh()
        assert saved.now == 2 * 40  # the factor and Tanh's result; the weight is not counted
        product.sum().backward()
        del product
    assert (saved.now, saved.peak) == (0, 80)
