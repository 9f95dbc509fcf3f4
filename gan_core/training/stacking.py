"""Networks of several runs as one: parameters stacked, one pass for all.

Inputs are (r, n, d): run r's examples pass through run r's weights. The networks themselves stay
what they are: their parameters, buffers and optimisers' states become views into the stacks, so
whatever looks at one run (evaluation, checkpoint) finds it up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, normalize
from torch.nn.utils.parametrize import is_parametrized

from gan_core.training.layers import Dropout, KinkedLeakyReLU, Maxout, MinibatchStddev


class Stack:
    """The parameters of one network in each of several runs, as rows of one tensor (r, p)."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self.columns = list(zip(*(network.parameters() for network in networks), strict=True))
        ends = accumulate(column[0].numel() for column in self.columns)
        self.bounds = list(pairwise([0, *ends]))
        self.values = torch.stack([self.row(list(network.parameters())) for network in networks])
        for row, network in zip(self.values, networks, strict=True):
            for parameter, view in zip(network.parameters(), self.views(row), strict=True):
                parameter.data = view
        # What is differentiated: (r, i, o) of weights, (r, 1, o) of biases.
        self.parameters = [
            self.values[:, low:high].unflatten(1, (-1, len(column[0]))).requires_grad_()
            for column, (low, high) in zip(self.columns, self.bounds, strict=True)
        ]
        self._of = {id(column[0]): stack
                    for column, stack in zip(self.columns, self.parameters, strict=True)}

    @staticmethod
    def row(tensors: Sequence[Tensor]) -> Tensor:
        """(p,) from one run's tensors in the shapes of its parameters, weights transposed: in the
        layout in which autograd makes their gradients, so that these need no copy."""
        return torch.cat([tensor.detach().t().flatten() for tensor in tensors])

    def views(self, row: Tensor) -> list[Tensor]:
        """The inverse, sharing memory."""
        return [row[low:high].view(column[0].shape[::-1]).t()
                for column, (low, high) in zip(self.columns, self.bounds, strict=True)]

    def of(self, parameter: Tensor) -> Tensor:
        """The stack whose first row is `parameter`."""
        return self._of[id(parameter)]


def shared(buffers: Sequence[Tensor | None]) -> Tensor:
    """A stack of buffers, which from now on are views into it."""
    tensors = [buffer for buffer in buffers if buffer is not None]
    stack = torch.stack(tensors)
    for tensor, row in zip(tensors, stack, strict=True):
        tensor.data = row
    return stack


class StackedLinear(nn.Module):
    def __init__(self, layers: Sequence[nn.Linear], stack: Stack) -> None:
        super().__init__()
        self.weight = stack.of(layers[0].weight)
        self.bias = None if layers[0].bias is None else stack.of(layers[0].bias)

    def forward(self, x: Tensor) -> Tensor:
        return _products(x, self.weight, self.bias)


def _products(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(r, n, o) of x (r, n, i) through each run's weights (r, i, o), with its bias (r, 1, o).

    In the same rounding whatever the number of runs: for a single vector of a single run torch
    would take another routine, so a run alone passes through such a layer twice.
    """
    runs, examples, _ = x.shape
    if examples > 1 and weight.shape[2] > 1:
        return torch.bmm(x, weight) if bias is None else torch.baddbmm(bias, x, weight)
    # Also of several runs: autograd would else add the gradients of one up in another order.
    factors = [factor.expand(max(runs, 2), -1, -1) for factor in (x, weight)]
    if bias is None:
        return torch.bmm(*factors)[:runs]
    return torch.baddbmm(bias.expand(max(runs, 2), -1, -1), *factors)[:runs]


class StackedSpectralLinear(nn.Module):
    """Weights ÷ their largest singular value, as torch.nn.utils.parametrizations has it."""

    def __init__(self, layers: Sequence[nn.Linear], stack: Stack) -> None:
        super().__init__()
        # torch.nn.utils.parametrize puts these beside the layer's own attributes, untyped.
        parametrized: list[Any] = [layer.parametrizations for layer in layers]
        norms = [parametrizations.weight[0] for parametrizations in parametrized]
        self.weight = stack.of(parametrized[0].weight.original)
        self.bias = stack.of(layers[0].bias)
        self.u, self.v = shared([norm._u for norm in norms]), shared([norm._v for norm in norms])

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            u = _products(self.v[:, None], self.weight, None)[:, 0]
            self.u.copy_(normalize(u, dim=1, eps=1e-12))
            v = _products(self.weight, self.u[:, :, None], None)[:, :, 0]
            self.v.copy_(normalize(v, dim=1, eps=1e-12))
            u, v = self.u.clone(), self.v.clone()  # the next pass moves them, this one is kept
        row = _products(v[:, None], self.weight, None)
        sigma = _products(row, u[:, :, None], None)
        return _products(x, self.weight / sigma, self.bias)


class StackedBatchNorm(nn.Module):
    def __init__(self, layers: Sequence[nn.BatchNorm1d], stack: Stack) -> None:
        super().__init__()
        self.weight, self.bias = stack.of(layers[0].weight), stack.of(layers[0].bias)
        self.mean = shared([layer.running_mean for layer in layers])
        self.variance = shared([layer.running_var for layer in layers])
        self.batches = shared([layer.num_batches_tracked for layer in layers])
        self.momentum, self.eps = layers[0].momentum or 0.0, layers[0].eps

    def forward(self, x: Tensor) -> Tensor:
        self.batches += 1
        runs, examples, width = x.shape
        # Every feature of every run is a channel of its own.
        flat = x.transpose(0, 1).reshape(examples, runs * width)
        normal = batch_norm(
            flat, self.mean.view(-1), self.variance.view(-1), self.weight.flatten(),
            self.bias.flatten(), training=True, momentum=self.momentum, eps=self.eps)
        return normal.view(examples, runs, width).transpose(0, 1)


class StackedDropout(nn.Module):
    """Each run draws its masks from its own generator, at its own rate."""

    def __init__(self, layers: Sequence[Dropout], stack: Stack) -> None:
        super().__init__()
        self.layers = list(layers)

    def forward(self, x: Tensor) -> Tensor:
        if all(layer.rate == 0.0 for layer in self.layers):
            return x
        return torch.stack([layer(each) for layer, each in zip(self.layers, x, strict=True)])


class StackedMaxout(nn.Module):
    def __init__(self, layers: Sequence[Maxout], stack: Stack) -> None:
        super().__init__()
        self.linear = _linear([layer.linear for layer in layers], stack)
        self.largest = layers[0].largest

    def forward(self, x: Tensor) -> Tensor:
        return self.largest(self.linear(x))


def _linear(layers: Sequence[nn.Linear], stack: Stack) -> nn.Module:
    made = StackedSpectralLinear if is_parametrized(layers[0]) else StackedLinear
    return made(layers, stack)


def _alike(layers: Sequence[nn.Module], stack: Stack) -> nn.Module:
    """A layer that treats every example by itself, or every group, and has no parameters."""
    return layers[0]


STACKED: dict[type, Callable[[Sequence[Any], Stack], nn.Module]] = {
    nn.Linear: _linear,
    nn.BatchNorm1d: StackedBatchNorm,
    Dropout: StackedDropout,
    Maxout: StackedMaxout,
    MinibatchStddev: _alike,
    nn.ReLU: _alike,
    nn.LeakyReLU: _alike,
    KinkedLeakyReLU: _alike,
    nn.Tanh: _alike,
}


def stacked(networks: Sequence[nn.Module], stack: Stack) -> nn.Sequential:
    """The networks as one. Raises KeyError on a layer that cannot be stacked."""
    return nn.Sequential(*(_stacked(layers, stack) for layers in zip(
        *(network.children() for network in networks), strict=True)))


def _stacked(layers: Sequence[nn.Module], stack: Stack) -> nn.Module:
    # Spectral normalisation makes a class of its own, derived from the layer's.
    kind = type(layers[0])
    return STACKED[kind if kind in STACKED else kind.__bases__[0]](layers, stack)
