"""Our optimisers, against those of PyTorch which they are."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from gan_core.config.choices import OPTIMIZERS
from gan_core.config.run_config import RunConfig
from gan_core.training import optimizers
from gan_core.training.optimizers import optimizer_of_discriminator, optimizer_of_generator

LIBRARY = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}


def settings(config: RunConfig) -> dict:
    """What the report and published loops pass to the library's optimisers."""
    return {
        "adam": {"betas": (config.beta1, config.beta2)},
        "rmsprop": {"alpha": config.beta2, "momentum": config.beta1},
        "sgd": {"momentum": config.beta1},
    }[config.optimizer]


def pair() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))
    return network, copy.deepcopy(network)


def gradients(network: nn.Module, transposed: bool = False) -> list[Tensor]:
    """Some for each parameter; `transposed` ones lie in memory another way round."""
    made = [torch.randn_like(parameter) for parameter in network.parameters()]
    if not transposed:
        return made
    return [each.to(memory_format=torch.channels_last) if each.dim() == 4
            else each.t().contiguous().t() for each in made]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_are_the_librarys(name):
    """Otherwise "Adam" on a page would not be what students know by the name."""
    config = RunConfig(optimizer=name, beta1=0.5, beta2=0.99, learning_rate=0.01)
    ours, theirs = pair()
    mine = optimizer_of_generator(config, ours.parameters())
    library = LIBRARY[name](theirs.parameters(), lr=0.01, **settings(config))
    for step in range(4):
        if step == 2:
            mine.set_learning_rate(0.003)
            library.param_groups[0]["lr"] = 0.003
        current = gradients(ours)
        mine.apply_gradients(current)
        for parameter, gradient in zip(theirs.parameters(), current, strict=True):
            parameter.grad = gradient.clone()
        library.step()
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-7, rtol=1e-6)
    assert all(parameter.grad is None for parameter in ours.parameters())  # memory is given back


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_layout_of_a_gradient_does_not_matter(name):
    """Fused updates go through memory number by number: convolutions of channels-last images give
    gradients in another order, and each weight would move by its neighbour's."""
    (ours, theirs), config = pair(), RunConfig(optimizer=name, learning_rate=0.01)
    mine, other = (optimizer_of_generator(config, each.parameters()) for each in (ours, theirs))
    for _ in range(3):
        current = gradients(ours, transposed=True)
        mine.apply_gradients(current)
        other.apply_gradients([each.contiguous() for each in current])
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_survives_the_librarys_way_of_saving(name):
    """Otherwise Continue would begin with an optimiser that has forgotten everything."""
    (ours, theirs), config = pair(), RunConfig(optimizer=name, learning_rate=0.01)
    mine, other = (optimizer_of_generator(config, each.parameters()) for each in (ours, theirs))
    first, second = gradients(ours), gradients(ours)
    mine.apply_gradients(first)
    theirs.load_state_dict(ours.state_dict())
    other.load_state_dict(copy.deepcopy(mine.state_dict()))
    mine.apply_gradients(second)
    other.apply_gradients(second)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimisers_that_update_alike_are_known_by_their_hyperparameters(name):
    """Runs with equal ones are updated in one pass: one that differs must not be among them."""
    config = RunConfig(optimizer=name)
    network, _ = pair()

    def made(rate: float, **changes):
        return optimizer_of_generator(
            config.replace(learning_rate=rate, **changes), network.parameters())

    base = made(0.01)
    for alike in (made(0.01), base.like([torch.zeros(3)])):
        assert alike.hyperparameters() == base.hyperparameters()
    assert base.hyperparameters() != made(0.02).hyperparameters()
    assert base.hyperparameters() != made(0.01, beta1=0.1).hyperparameters()
    for other in set(OPTIMIZERS) - {name}:
        assert base.hyperparameters() != made(0.01, optimizer=other).hyperparameters()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ds_own_optimiser_trains_d_alone(name):
    """Otherwise "SGD for D, Adam for G" would be a label only. Where D has none of its own, both
    have the same but for their rates."""
    network, _ = pair()
    for of_g in OPTIMIZERS:
        config = RunConfig(optimizer=of_g, beta1=0.5, beta2=0.99, learning_rate_ratio=2.0)
        for own in (config, config.replace(discriminator_optimizer=name, discriminator_beta1=0.9)):
            g, d = (make(own, network.parameters())
                    for make in (optimizer_of_generator, optimizer_of_discriminator))
            kind, beta1 = (of_g, 0.5) if own == config else (name, 0.9)
            expected = own.replace(optimizer=kind, beta1=beta1)
            assert isinstance(g, LIBRARY[of_g]) and isinstance(d, LIBRARY[kind])
            for made, theirs, rate in ((g, config, 2e-4), (d, expected, 4e-4)):
                group = made.param_groups[0]
                assert {"lr": rate, **settings(theirs)}.items() <= group.items()


def test_every_choice_is_in_the_table_and_nothing_else_trains():
    """An optimiser that a person can choose would fail at its first step, or one that nobody has
    written would silently be trained by SGD."""
    assert set(optimizers.OPTIMIZERS) == set(OPTIMIZERS)
    unknown = SimpleNamespace(
        optimizer="lion", generator_learning_rate=0.01, beta1=0.5, beta2=0.9)
    with pytest.raises(KeyError, match="lion"):
        optimizer_of_generator(unknown, pair()[0].parameters())
