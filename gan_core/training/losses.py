"""GAN losses on logits. A loss takes plain tensors and holds no state.

Goodfellow et al., "Generative Adversarial Nets" (2014): the minimax form and, in section 3, the
non-saturating form. Mao et al., "Least Squares GANs" (2017); Lim & Ye, "Geometric GAN" (2017) and
Miyato et al. (2018): hinge; Arjovsky et al., "Wasserstein GAN" (2017); Jolicoeur-Martineau (2019)
and Huang et al., "The GAN is dead; long live the GAN!" (2024): relativistic pairing.

Logits instead of a Sigmoid layer: softplus keeps its precision where σ(s) rounds to 0 or 1, which
is exactly where gradients vanish. D = σ(logit).

Logits are (n, 1) and a loss is (); of several runs at once they are (r, n, 1) and (r,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

Target = float | Tensor  # one for all, of several runs (r, 1, 1), or one an example, like logits


@dataclass(frozen=True)
class Targets:
    """What D is asked to say of reals and of fakes, for losses that have targets."""

    real: Target = 1.0
    fake: Target = 0.0

    def flipped(self, flips: Tensor) -> Targets:
        """One target an example: the other side's where `flips` (2n, 1), reals first, is true."""
        real, fake = flips.chunk(2, -2)
        return Targets(torch.where(real, self.fake, self.real),
                       torch.where(fake, self.real, self.fake))


def mean(values: Tensor) -> Tensor:
    """Over the examples of each run: () from (n, 1), (r,) from (r, n, 1)."""
    return values.mean((-2, -1))


# --- D: (real logits, fake logits, targets) -> loss; some losses have no targets ------------------


def cross_entropy(logits: Tensor, target: Target) -> Tensor:
    """Mean binary cross-entropy of σ(logits) against a target for all, or for each."""
    return mean(softplus(logits) - target * logits)


def discriminator_cross_entropy(real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
    """−[log D(x) + log(1 − D(G(z)))], summed over the two terms: 2 ln 2 at equilibrium.

    With targets a of reals and b of fakes the best D is (a p_data + b p_G) / (p_data + p_G):
    Salimans et al. (2016) leave b at 0, since it makes D flat where G alone has samples.
    """
    return cross_entropy(real, targets.real) + cross_entropy(fake, targets.fake)


def discriminator_least_squares(real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
    """½ (D(x) − 1)² + ½ D(G(z))², D being the output itself: ¼ at equilibrium, where D = ½."""
    return (mean((real - targets.real).square()) + mean((fake - targets.fake).square())) / 2


def discriminator_hinge(real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
    """max(0, 1 − D(x)) + max(0, 1 + D(G(z))): no reward beyond a margin of 1."""
    return mean(relu(1.0 - real)) + mean(relu(1.0 + fake))


def discriminator_wasserstein(real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
    """D(G(z)) − D(x): minus an estimate of the distance, if D is kept 1-Lipschitz."""
    return mean(fake) - mean(real)


def discriminator_relativistic(real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
    """−log σ(D(x) − D(G(z))): each real against one generated example."""
    return mean(softplus(fake - real))


# --- G: (fake logits, real logits) -> loss; only relativistic pairing looks at the reals ----------


def minimax(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """log(1 − D(G(z))): its gradient, σ(s), vanishes when D rejects every sample."""
    return -mean(softplus(fake))


def non_saturating(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """−log D(G(z)): its gradient, σ(−s), is largest when D rejects every sample."""
    return mean(softplus(-fake))


def least_squares(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """½ (D(G(z)) − 1)²."""
    return mean((fake - 1.0).square()) / 2


def linear(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """−D(G(z)): a gradient of the same size whatever D says."""
    return -mean(fake)


def relativistic(fake: Tensor, real: Tensor) -> Tensor:
    """−log σ(D(G(z)) − D(x))."""
    return mean(softplus(real - fake))


@dataclass(frozen=True)
class Loss:
    """`centre` is the logit at which D is undecided; None where only differences of logits mean
    anything. `pairs` says that G's loss needs logits of fresh reals."""

    discriminator: Callable[[Tensor, Tensor, Targets], Tensor]
    generator: Callable[..., Tensor]
    centre: float | None = 0.0
    pairs: bool = False


LOSSES = {
    "minimax": Loss(discriminator_cross_entropy, minimax),
    "non_saturating": Loss(discriminator_cross_entropy, non_saturating),
    "least_squares": Loss(discriminator_least_squares, least_squares, centre=0.5),
    "hinge": Loss(discriminator_hinge, linear),
    "wasserstein": Loss(discriminator_wasserstein, linear, centre=None),
    "relativistic": Loss(discriminator_relativistic, relativistic, centre=None, pairs=True),
}
