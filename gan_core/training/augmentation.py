"""DiffAugment: D sees every image, real or generated, shifted and with a square cut out.

Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training" (2020). Of its policies
these two fit digits: colour means nothing to them, and a flipped digit is none. Gradients reach G
through both.
"""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 28
SHIFT = 4  # pixels, an eighth of the side
HOLE = 14  # pixels, half of the side
BACKGROUND = -1.0  # of scaled images


def augment(images: Tensor, random: torch.Generator) -> Tensor:
    """Images (n, 784) in [−1, 1], each translated and cut by its own draw."""
    count = len(images)
    # One draw for both: where the image goes, and where the hole is.
    draws = torch.rand(count, 4, generator=random, device=images.device)
    shifts = (draws[:, :2] * (2 * SHIFT + 1)).long() - SHIFT
    centres = (draws[:, 2:] * (SIDE + 1)).long()
    pictures = translated(images.reshape(count, SIDE, SIDE), shifts)
    return cut(pictures, centres).reshape(count, -1)


def translated(pictures: Tensor, shifts: Tensor) -> Tensor:
    """Pictures (n, 28, 28) moved by shifts (n, 2), rows then columns; background moves in."""
    count, around = len(pictures), torch.arange(SIDE, device=pictures.device)
    padded = torch.nn.functional.pad(pictures, (SHIFT, SHIFT, SHIFT, SHIFT), value=BACKGROUND)
    rows, columns = ((around + SHIFT - shifts[:, axis, None]) for axis in (0, 1))
    example = torch.arange(count, device=pictures.device)[:, None, None]
    return padded[example, rows[:, :, None], columns[:, None, :]]


def cut(pictures: Tensor, centres: Tensor) -> Tensor:
    """Pictures (n, 28, 28) with a square of side HOLE around centres (n, 2) set to mid-grey."""
    around = torch.arange(SIDE, device=pictures.device)
    starts = centres - HOLE // 2
    rows, columns = (
        (around >= starts[:, axis, None]) & (around < starts[:, axis, None] + HOLE)
        for axis in (0, 1)
    )
    # Zero, as the published cutout does: no digit and no background has it, so D can discount it.
    return pictures * ~(rows[:, :, None] & columns[:, None, :])
