"""Spectral normalisation of D: Miyato et al. (2018), in every network and from the first step."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from gan_core.training.networks import NETWORKS
from tests.support.networks import FIRST, dim_of, made, random


def matrices(network: nn.Module) -> list[Tensor]:
    """The weights a network multiplies by, those of convolutions as (out, in · h · w)."""
    return [layer.weight.detach().flatten(1) for layer in network.modules()
            if isinstance(layer, nn.Linear | nn.Conv2d)]


def largest(matrix: Tensor) -> float:
    return torch.linalg.svdvals(matrix)[0].item()


@pytest.mark.parametrize("architecture", NETWORKS)
def test_spectral_norm_brings_every_matrix_to_one(architecture, cpu):
    """Miyato et al. (2018): one left out, and D would not be 1-Lipschitz; G must stay free."""
    generator, discriminator = made(cpu, architecture=architecture, spectral_norm=True)
    x = random(4, dim_of(FIRST[architecture]))
    for _ in range(150):  # one power iteration each; the largest two values can be close
        discriminator(x)
    discriminator.eval()
    norms = [largest(matrix) for matrix in matrices(discriminator)]
    assert len(norms) == {"dcgan_reference": 5, "pacgan_2d": 4}.get(architecture, 3)
    assert norms == [pytest.approx(1.0, abs=0.01)] * len(norms)
    assert not any("parametrizations" in name for name in generator.state_dict())


@pytest.mark.parametrize("architecture", NETWORKS)
def test_spectral_norm_works_from_the_first_step(architecture, cpu):
    """PyTorch warms its vectors up by 15 iterations: the first pass is within a tenth of 1."""
    _, discriminator = made(cpu, architecture=architecture, spectral_norm=True)
    discriminator(random(4, dim_of(FIRST[architecture])))
    for matrix in matrices(discriminator.eval()):
        assert largest(matrix) == pytest.approx(1.0, abs=0.1)


def test_spectral_norm_makes_an_mlp_one_lipschitz(cpu):
    """The promise itself: |D(x) − D(y)| ≤ ‖x − y‖, since LeakyReLU stretches nothing."""
    _, discriminator = made(cpu, spectral_norm=True)
    with torch.no_grad():
        for layer in discriminator:
            if isinstance(layer, nn.Linear):
                layer.parametrizations.weight.original.mul_(50)  # however large they grow
        for _ in range(150):
            discriminator(random(4, 784))
        x, y = random(500, 784), random(500, 784, seed=1)
        gap = (discriminator(x) - discriminator(y)).abs().flatten()
    assert (gap <= 1.02 * (x - y).norm(dim=1)).all()


@pytest.mark.parametrize("architecture", NETWORKS)
def test_evaluating_d_leaves_spectral_norm_where_it_was(architecture, cpu):
    """Otherwise a run evaluated more often would be another run."""
    _, discriminator = made(cpu, architecture=architecture, spectral_norm=True)
    x = random(8, dim_of(FIRST[architecture]))
    discriminator(x)
    before = copy.deepcopy(discriminator.state_dict())
    vectors = [name for name in before if name.endswith(("._u", "._v"))]
    discriminator.eval()
    assert torch.equal(discriminator(x), discriminator(x))
    after = discriminator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    discriminator.train()
    discriminator(x)
    assert any(not torch.equal(before[name], after[name]) for name in vectors)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_a_checkpoint_carries_spectral_norms_vectors(architecture, cpu):
    """Otherwise a run that was continued would be another one than a run in one go."""
    settings = {"architecture": architecture, "spectral_norm": True}
    (_, first), (_, second) = made(cpu, **settings), made(cpu, seed=1, **settings)
    x = random(8, dim_of(FIRST[architecture]))
    for _ in range(3):
        first(x)
    state = copy.deepcopy(first.state_dict())
    names = [name for name in state if name.endswith(("._u", "._v"))]
    assert len(names) == 2 * len(matrices(first.eval()))
    first.train()
    second.load_state_dict(state)
    for _ in range(2):
        assert torch.equal(first(x), second(x))


def test_spectral_norm_runs_in_bfloat16(cpu):
    """The default precision of a processor that has it; the norm itself stays in 32 bits."""
    for architecture in NETWORKS:
        _, discriminator = made(cpu, architecture=architecture, spectral_norm=True)
        with torch.autocast("cpu", torch.bfloat16):
            logits = discriminator(random(8, dim_of(FIRST[architecture])))
        logits.float().sum().backward()
        assert logits.isfinite().all()
        assert all(p.grad.isfinite().all() for p in discriminator.parameters())
