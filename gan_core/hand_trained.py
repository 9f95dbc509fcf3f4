"""A GAN small enough to be trained by hand, one update at a time. NumPy only, torch-free.

    gan = HandTrained.start()
    gan = gan.step("d")             # one update of the discriminator
    gan = gan.step("g")             # one of the generator
    gan.losses(), gan.samples(500), gan.surface(2.0, 48)

Two networks of two hidden layers of 32 tanh units, on the ring of eight Gaussians; binary cross
entropy, the non-saturating loss for G, Adam. Each update draws its batch by its own number, so that
the same presses give the same networks.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan_core.config.choices import DATASETS

RING = DATASETS["ring"]
HIDDEN, LATENT = 32, 2
BATCH = 256
JUDGED = 1000  # samples and reals by which losses are compared, always the same
SMALL = 0.4  # of G's last layer: its first samples lie among the modes, where they can be seen
LEARNING_RATE = 0.01  # a single update can be seen
BETA1, BETA2, EPSILON = 0.5, 0.999, 1e-8
NETWORKS = ("d", "g")

Weights = tuple[np.ndarray, ...]
"""Of three layers, from the inputs to the outputs: weights (in, out), bias (out), and so on."""


@dataclass(frozen=True)
class Trained:
    """A network with what Adam keeps of its gradients; `updates` so far."""

    weights: Weights
    mean: Weights
    square: Weights
    updates: int = 0

    @staticmethod
    def start(generator: np.random.Generator, inputs: int, outputs: int) -> Trained:
        """Weights of variance 1 ÷ inputs, so that tanh units neither saturate nor fall silent."""
        sizes = (inputs, HIDDEN, HIDDEN, outputs)
        weights: list[np.ndarray] = []
        for before, after in itertools.pairwise(sizes):
            weights += [generator.normal(0, before**-0.5, (before, after)), np.zeros(after)]
        zeros = tuple(np.zeros_like(part) for part in weights)
        return Trained(tuple(weights), zeros, zeros)

    def updated(self, gradient: Weights) -> Trained:
        """One update by Adam."""
        count = self.updates + 1
        mean = _mixed(self.mean, gradient, BETA1)
        square = _mixed(self.square, tuple(part**2 for part in gradient), BETA2)
        rate, unbiased = LEARNING_RATE / (1 - BETA1**count), 1 - BETA2**count
        weights = tuple(w - rate * m / ((s / unbiased) ** 0.5 + EPSILON)
                        for w, m, s in zip(self.weights, mean, square, strict=True))
        return Trained(weights, mean, square, count)


def _mixed(old: Weights, new: Weights, share: float) -> Weights:
    return tuple(share * a + (1 - share) * b for a, b in zip(old, new, strict=True))


@dataclass(frozen=True)
class HandTrained:
    """Both networks as they are now."""

    generator: Trained
    discriminator: Trained
    seed: int = 0

    @staticmethod
    def start(seed: int = 0) -> HandTrained:
        """Both networks before the first update."""
        draws = np.random.default_rng([seed, 0])
        generator, discriminator = Trained.start(draws, LATENT, 2), Trained.start(draws, 2, 1)
        *first, last, bias = generator.weights
        near = dataclasses.replace(generator, weights=(*first, SMALL * last, bias))
        return HandTrained(near, discriminator, seed)

    def step(self, network: str) -> HandTrained:
        """After one update of the network "d" or "g". Raises ValueError on another name."""
        if network not in NETWORKS:
            raise ValueError(f"network must be d or g, not {network!r}.")
        count = self.generator.updates + self.discriminator.updates + 1
        draws = np.random.default_rng([self.seed, count])
        latents = draws.normal(size=(BATCH, LATENT))
        if network == "d":
            gradient = discriminator_gradient(
                self.discriminator.weights, ring(draws, BATCH),
                output(self.generator.weights, latents))
            return dataclasses.replace(self, discriminator=self.discriminator.updated(gradient))
        gradient = generator_gradient(self.generator.weights, self.discriminator.weights, latents)
        return dataclasses.replace(self, generator=self.generator.updated(gradient))

    def losses(self) -> tuple[float, float]:
        """D's and G's loss on the same reals and latents every time."""
        draws = np.random.default_rng([self.seed, 2**20])
        real = output(self.discriminator.weights, ring(draws, JUDGED))
        fake = output(self.discriminator.weights, self.samples(JUDGED))
        return (float(_softplus(-real).mean() + _softplus(fake).mean()),
                float(_softplus(-fake).mean()))

    def samples(self, count: int) -> np.ndarray:
        """Points (count, 2) that G makes of the same latents every time."""
        draws = np.random.default_rng([self.seed, 2**20 + 1])
        return output(self.generator.weights, draws.normal(size=(count, LATENT)))

    def surface(self, extent: float, side: int) -> np.ndarray:
        """D's scores (side, side) over the square from −extent to extent, the top row first."""
        ticks = (np.arange(side) + 0.5) / side * 2 * extent - extent
        x, y = np.meshgrid(ticks, ticks[::-1])
        logits = output(self.discriminator.weights, np.stack([x.ravel(), y.ravel()], 1))
        return _sigmoid(logits).reshape(side, side)


def ring(draws: np.random.Generator, count: int) -> np.ndarray:
    """Points (count, 2) of the eight Gaussians."""
    centres = np.asarray(RING.centres)[draws.integers(len(RING.centres), size=count)]
    return centres + draws.normal(0, RING.sigma, (count, 2))


# --- networks ------------------------------------------------------------------------------------


def output(weights: Weights, x: np.ndarray) -> np.ndarray:
    """What a network makes of x (n, in): (n, out)."""
    return _forward(weights, x)[-1]


def _forward(weights: Weights, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    w1, b1, w2, b2, w3, b3 = weights
    first = np.tanh(x @ w1 + b1)
    second = np.tanh(first @ w2 + b2)
    return first, second, second @ w3 + b3


def backward(weights: Weights, x: np.ndarray, slope: np.ndarray) -> tuple[Weights, np.ndarray]:
    """The gradient by all weights and by x (n, in), where `slope` (n, out) is that by the output.
    """
    w1, _, w2, _, w3, _ = weights
    first, second, _ = _forward(weights, x)
    at_second = (slope @ w3.T) * (1 - second**2)
    at_first = (at_second @ w2.T) * (1 - first**2)
    return (x.T @ at_first, at_first.sum(0), first.T @ at_second, at_second.sum(0),
            second.T @ slope, slope.sum(0)), at_first @ w1.T


def discriminator_gradient(weights: Weights, real: np.ndarray, fake: np.ndarray) -> Weights:
    """Of softplus(−D(real)) + softplus(D(fake)), means over the batch."""
    parts = [backward(weights, x, sign * _sigmoid(sign * output(weights, x)) / len(x))[0]
             for x, sign in ((real, -1), (fake, 1))]
    return _sum(parts)


def generator_gradient(generator: Weights, discriminator: Weights, latents: np.ndarray) -> Weights:
    """Of the non-saturating loss softplus(−D(G(z))), its mean over the batch."""
    fake = output(generator, latents)
    logits = output(discriminator, fake)
    _, at_fake = backward(discriminator, fake, -_sigmoid(-logits) / len(latents))
    return backward(generator, latents, at_fake)[0]


def _sum(parts: Sequence[Weights]) -> Weights:
    return tuple(np.sum(each, axis=0) for each in zip(*parts, strict=True))


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))
