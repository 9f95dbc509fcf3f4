"""The causes for which a GAN does not learn: a closed list. Torch-free."""

from __future__ import annotations

CAUSES: dict[str, str] = {  # of no_learning, and what people are told of each
    "rate_too_small": "the learning rate is too small",
    "rate_too_large": "the learning rate is too large",
    "discriminator_ahead": "D is too far ahead",
    "discriminator_too_weak": "D is too weak",
    "constraint_too_strong": "D is held too flat",
    "noise_too_strong": "noise hides the data",
    "latent_too_small": "the latent space is too small",
    "batch_too_small": "the batch is too small",
    "momentum": "there is too much momentum",
    "optimizer": "the optimiser is a poor choice here",
    "capacity": "the networks are too small or too deep",
    "few_data": "there are too few training examples",
    "unknown": "the cause is not clear",
}

# The same of a D that was left behind, where it is right on the little that G makes at a time.
OUTRUN = "G outruns D"

# And of a D that is ahead not by its steps, but because nothing keeps its slope in bounds.
UNLIMITED = "nothing limits how steep the critic is"
