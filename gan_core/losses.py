"""GAN losses on logits. A loss takes plain tensors and holds no state.

Goodfellow et al., "Generative Adversarial Nets" (2014): the minimax game and, in section 3, the
non-saturating form. Logits instead of a Sigmoid layer: softplus keeps its precision where σ(s)
rounds to 0 or 1, which is exactly where gradients vanish. D = σ(logit).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    """Mean binary cross-entropy of σ(logits) against one target for all, () from (n, 1)."""
    return (softplus(logits) - target * logits).mean()


def discriminator_cross_entropy(real: Tensor, fake: Tensor, label_smoothing: float) -> Tensor:
    """−[log D(x) + log(1 − D(G(z)))], summed over the two terms: 2 ln 2 at equilibrium.

    Smoothing is one-sided (Salimans et al., 2016): only the target of reals moves. A smoothed
    fake side would reward G for staying where it is.
    """
    return cross_entropy(real, 1.0 - label_smoothing) + cross_entropy(fake, 0.0)


def minimax(fake: Tensor) -> Tensor:
    """log(1 − D(G(z))): its gradient, σ(s), vanishes when D rejects every sample."""
    return -softplus(fake).mean()


def non_saturating(fake: Tensor) -> Tensor:
    """−log D(G(z)): its gradient, σ(−s), is largest when D rejects every sample."""
    return softplus(-fake).mean()


@dataclass(frozen=True)
class Loss:
    """`discriminator(real_logits, fake_logits, label_smoothing)` and `generator(fake_logits)`."""

    discriminator: Callable[[Tensor, Tensor, float], Tensor]
    generator: Callable[[Tensor], Tensor]


LOSSES = {
    "minimax": Loss(discriminator_cross_entropy, minimax),
    "non_saturating": Loss(discriminator_cross_entropy, non_saturating),
}
