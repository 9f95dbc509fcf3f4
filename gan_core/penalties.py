"""Penalties on D's gradient at its inputs. A penalty is a term of D's loss, without its weight.

Gulrajani et al., "Improved Training of Wasserstein GANs" (2017): the gradient penalty. Roth et al.
(2017) and Mescheder et al., "Which Training Methods for GANs do actually Converge?" (2018): R1, R2.
Gradients are those of D itself at what it sees: after noise, augmentation and packing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Judged:
    """What D saw in one step and what it said: `inputs` (2n, d), reals first, which require
    gradients, and `logits` (2n, 1). `judge` is D, `random` draws on its device."""

    judge: Callable[[Tensor], Tensor]
    inputs: Tensor
    logits: Tensor
    random: torch.Generator

    @cached_property
    def gradients(self) -> tuple[Tensor, Tensor]:
        """D's gradient at each real and at each fake, both (n, d): one pass for R1 and R2."""
        return input_gradient(self.logits, self.inputs).chunk(2)


def input_gradient(logits: Tensor, inputs: Tensor) -> Tensor:
    """∂ logit / ∂ input of each example, (n, d), differentiable itself."""
    return torch.autograd.grad(logits.sum(), inputs, create_graph=True)[0]


def zero_centred(gradient: Tensor) -> Tensor:
    """½ ‖∇D‖², squares summed over each example's (n, d) inputs and averaged over examples."""
    return gradient.square().sum(1).mean() / 2


def one_centred(gradient: Tensor) -> Tensor:
    """(‖∇D‖ − 1)², averaged over examples."""
    # The norm's own derivative is infinite at 0, where a clipped or dead D can be.
    norms = (gradient.square().sum(1) + 1e-12).sqrt()
    return (norms - 1.0).square().mean()


def r1(judged: Judged) -> Tensor:
    """At real examples."""
    return zero_centred(judged.gradients[0])


def r2(judged: Judged) -> Tensor:
    """At generated examples."""
    return zero_centred(judged.gradients[1])


def gradient_penalty(judged: Judged) -> Tensor:
    """At points drawn evenly between a real and a generated example."""
    real, fake = judged.inputs.detach().chunk(2)
    share = torch.rand(len(real), 1, generator=judged.random, device=real.device)
    between = torch.lerp(real, fake, share).requires_grad_()
    return one_centred(input_gradient(judged.judge(between), between))


# The name of each is that of the RunConfig field which holds its weight.
PENALTIES: dict[str, Callable[[Judged], Tensor]] = {
    "gradient_penalty": gradient_penalty,
    "r1": r1,
    "r2": r2,
}
