"""Penalties on D's gradient at its inputs. A penalty is a term of D's loss, without its weight.

Gulrajani et al., "Improved Training of Wasserstein GANs" (2017): the gradient penalty. Roth et al.
(2017) and Mescheder et al., "Which Training Methods for GANs do actually Converge?" (2018): R1, R2.
Gradients are those of D itself at what it sees: after noise, augmentation and packing.

Examples are (n, d) and a penalty is (); of several runs at once they are (r, n, d) and (r,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ScoredExamples:
    """What D saw in one update and how it scored it: reals first, then fakes.

    `examples` are (n, d), `logits` (n, 1). Where a penalty is taken at them, the examples require
    gradients; where D's layers allow it, reals and fakes are then scored in separate passes, so
    that R1 does not go back through the fakes. `score` is D, which gives logits;
    `uniform(rows, columns)` draws from [0, 1).
    """

    score: Callable[[Tensor], Tensor]
    examples: tuple[Tensor, Tensor]
    logits: tuple[Tensor, Tensor]
    uniform: Callable[[int, int], Tensor]


def input_gradient(logits: Tensor, inputs: Tensor) -> Tensor:
    """∂ logit / ∂ input of each example, (n, d), differentiable itself."""
    return torch.autograd.grad(logits.sum(), inputs, create_graph=True)[0]


def zero_centred(gradient: Tensor) -> Tensor:
    """½ ‖∇D‖², squares summed over each example's (n, d) inputs and averaged over examples."""
    return gradient.square().sum(-1).mean(-1) / 2


def one_centred(gradient: Tensor) -> Tensor:
    """(‖∇D‖ − 1)², averaged over examples."""
    # The norm's own derivative is infinite at 0, where a clipped or dead D can be.
    norms = (gradient.square().sum(-1) + 1e-12).sqrt()
    return (norms - 1.0).square().mean(-1)


def r1(scored: ScoredExamples) -> Tensor:
    """At real examples."""
    return zero_centred(input_gradient(scored.logits[0], scored.examples[0]))


def r2(scored: ScoredExamples) -> Tensor:
    """At generated examples."""
    return zero_centred(input_gradient(scored.logits[1], scored.examples[1]))


def gradient_penalty(scored: ScoredExamples) -> Tensor:
    """At points drawn evenly between a real and a generated example."""
    real, fake = (examples.detach() for examples in scored.examples)
    share = scored.uniform(real.shape[-2], 1)
    between = torch.lerp(real, fake, share).requires_grad_()
    return one_centred(input_gradient(scored.score(between), between))


# The name of each is that of the RunConfig field which holds its weight.
PENALTIES: dict[str, Callable[[ScoredExamples], Tensor]] = {
    "gradient_penalty": gradient_penalty,
    "r1": r1,
    "r2": r2,
}
AT_EXAMPLES = (r1, r2)  # taken at the very examples that D scored
