"""Optimisers of PyTorch whose `apply_gradients` does nothing but the update.

Their `step` gathers parameters anew each time, groups them by device and runs hooks, which on a CPU
takes longer than the update of a small network. State, and so checkpoints, are the library's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from gan_core.config.run_config import RunConfig


class Optimizer(torch.optim.Optimizer):
    """What all of them add to the library's; one group of parameters, one learning rate."""

    @property
    def parameters(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def hyperparameters(self, without_rate: bool = False) -> tuple:
        """Its kind and hyperparameters: equal for optimisers that update alike; `without_rate`,
        but for the learning rate."""
        left_out = ("params", "lr") if without_rate else ("params",)
        group = self.param_groups[0]
        return type(self), *(value for name, value in group.items() if name not in left_out)

    def like(self, parameters: Iterable[Tensor]) -> Optimizer:
        """One of the same kind and hyperparameters for other parameters, without state."""
        group = {name: value for name, value in self.param_groups[0].items() if name != "params"}
        return type(self)(list(parameters), **group)

    @property
    def learning_rate(self) -> float:
        return self.param_groups[0]["lr"]

    def set_learning_rate(self, learning_rate: float) -> None:
        self.param_groups[0]["lr"] = learning_rate

    def apply_gradients(self, gradients: Sequence[Tensor]) -> None:
        """One update, by gradients in the order of the parameters."""
        for parameter, gradient in zip(self.parameters, self._laid_out(gradients), strict=True):
            parameter.grad = gradient
        self.step()
        self.zero_grad()

    def _laid_out(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """In memory as the parameters are: fused updates go through both number by number.

        Convolutions of channels-last images give gradients in that layout.
        """
        return [
            gradient if gradient.stride() == parameter.stride()
            else torch.empty_like(parameter).copy_(gradient)
            for parameter, gradient in zip(self.parameters, gradients, strict=True)
        ]


class SGD(Optimizer, torch.optim.SGD):
    """Stochastic gradient descent, with momentum."""


class RMSprop(Optimizer, torch.optim.RMSprop):
    """Gradients divided by a running mean of their size."""


class Adam(Optimizer, torch.optim.Adam):
    """Kingma & Ba, "Adam" (2015), in one pass over all parameters."""

    @torch.no_grad()
    def apply_gradients(self, gradients: Sequence[Tensor]) -> None:
        group = self.param_groups[0]
        states = [self.state[parameter] for parameter in self.parameters]
        if not all(states):  # the first update: the library makes the state
            super().apply_gradients(gradients)
            return
        means, squares, steps = (
            [state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
        beta1, beta2 = group["betas"]
        adam(
            self.parameters, self._laid_out(gradients), means, squares, [], steps,
            fused=True, foreach=False, amsgrad=False, maximize=False, beta1=beta1, beta2=beta2,
            lr=group["lr"], weight_decay=0.0, eps=group["eps"],
        )


Parameters = Iterable[Tensor]


def adam_of(parameters: Parameters, rate: float, beta1: float, beta2: float) -> Optimizer:
    return Adam(parameters, rate, (beta1, beta2), fused=True)


def rmsprop_of(parameters: Parameters, rate: float, beta1: float, beta2: float) -> Optimizer:
    return RMSprop(parameters, rate, alpha=beta2, momentum=beta1)


def sgd_of(parameters: Parameters, rate: float, beta1: float, beta2: float) -> Optimizer:
    return SGD(parameters, rate, momentum=beta1, fused=True)


# fused: one pass over all parameters; the default loop is several times slower everywhere.
OPTIMIZERS: dict[str, Callable[[Parameters, float, float, float], Optimizer]] = {
    "adam": adam_of,
    "rmsprop": rmsprop_of,
    "sgd": sgd_of,
}


def optimizer_of_generator(config: RunConfig, parameters: Parameters) -> Optimizer:
    return OPTIMIZERS[config.optimizer](
        parameters, config.generator_learning_rate, config.beta1, config.beta2)


def optimizer_of_discriminator(config: RunConfig, parameters: Parameters) -> Optimizer:
    return OPTIMIZERS[config.optimizer_of_discriminator](
        parameters, config.discriminator_learning_rate, config.beta1_of_discriminator,
        config.beta2)
