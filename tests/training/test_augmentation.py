"""DiffAugment: what D sees is a digit moved and cut by hand, and G learns through it.

Zhao et al. (2020): translation by up to an eighth (±4 of 28 pixels), a hole of half the side
(14×14) anywhere, its centre within the picture and its edges cut off there.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan_core.training.augmentation import BACKGROUND, augment, cut, translated

# Every pixel has its own brightness, which says where it came from, and is brighter
# than hole and background.
LABELLED = torch.linspace(0.1, 1.0, 784)
MANY = 8100


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def seen() -> Tensor:
    """One labelled picture as D sees it many times, (n, 28, 28)."""
    return augment(LABELLED.repeat(MANY, 1), stream()).reshape(MANY, 28, 28)


def moves(seen: Tensor) -> Tensor:
    """How far each picture was moved, (n, 2), read from the first pixel that is left of it."""
    flat = seen.flatten(1)
    there = (flat > 0.05).float().argmax(1)
    value = flat.gather(1, there[:, None])[:, 0]
    origin = ((value - 0.1) / 0.9 * 783).round().long()
    return torch.stack([there // 28 - origin // 28, there % 28 - origin % 28], 1)


def by_hand(picture: Tensor, down: int, right: int) -> Tensor:
    """A (28, 28) picture moved, pixel by pixel."""
    out = torch.full((28, 28), -1.0)
    for row in range(28):
        for column in range(28):
            if 0 <= row - down < 28 and 0 <= column - right < 28:
                out[row, column] = picture[row - down, column - right]
    return out


# --- shifts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("down", "right"), [(0, 0), (4, -4), (-4, 4), (3, 0), (0, -1), (-2, -3)])
def test_a_shift_is_a_shift(down, right):
    """Otherwise D would see torn or wrapped digits, and G learn to draw them."""
    picture = torch.randn(28, 28)
    out = translated(picture[None], torch.tensor([[down, right]]))
    assert torch.equal(out[0], by_hand(picture, down, right))


def test_every_picture_has_its_own_shift():
    """One shift for the whole batch would let D tell batches apart."""
    pictures = torch.randn(3, 28, 28)
    shifts = [(1, 2), (-3, 0), (4, 4)]
    out = translated(pictures, torch.tensor(shifts))
    for picture, moved, shift in zip(pictures, out, shifts, strict=True):
        assert torch.equal(moved, by_hand(picture, *shift))


def test_all_shifts_occur_equally_often(seen):
    """Published: uniform over ±1/8; a bias would teach G to draw off the centre."""
    shifts = moves(seen)
    assert shifts.min() == -4 and shifts.max() == 4
    count = torch.bincount((shifts[:, 0] + 4) * 9 + shifts[:, 1] + 4, minlength=81)
    # 100 each expected, with a deviation of 10.
    assert count.min() > 55 and count.max() < 145
    assert chi_square(count) < 80 + 4 * (2 * 80) ** 0.5


def chi_square(count: Tensor) -> float:
    expected = count.sum() / len(count)
    return ((count - expected).square() / expected).sum().item()


# --- holes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("centre", "rows", "columns"), [
    ((14, 14), (7, 21), (7, 21)),
    ((7, 21), (0, 14), (14, 28)),
    ((0, 28), (0, 7), (21, 28)),
    ((3, 10), (0, 10), (3, 17)),
])
def test_a_hole_is_a_grey_square_cut_off_at_the_border(centre, rows, columns):
    """14×14 of zero, as published, and nothing else of the picture is touched."""
    picture = torch.randn(28, 28)
    expected = picture.clone()
    expected[rows[0]:rows[1], columns[0]:columns[1]] = 0.0
    assert torch.equal(cut(picture[None], torch.tensor([centre]))[0], expected)


def test_holes_lie_everywhere_equally_often(seen):
    """A hole that spared the middle would not hide a digit, one that spared the rim not a 1."""
    hole = seen == 0.0
    for axis in (1, 2):
        lines = hole.any(axis)  # (n, 28): which columns, or rows, the hole covers
        size, start = lines.sum(1), lines.float().argmax(1)
        assert size.min() == 7 and size.max() == 14
        centre = torch.where(start > 0, start + 7, size - 7)
        assert torch.equal(hole.sum((1, 2)) % size, torch.zeros_like(size))  # a full rectangle
        count = torch.bincount(centre, minlength=29)
        assert len(count) == 29
        assert chi_square(count) < 28 + 4 * (2 * 28) ** 0.5


# --- both ----------------------------------------------------------------------------------------


def test_pictures_are_moved_then_cut(seen):
    """What D sees is a picture, a hole and background, and the hole is whole: cut last."""
    for picture, (down, right) in zip(seen[:50], moves(seen[:50]).tolist(), strict=True):
        moved = by_hand(LABELLED.reshape(28, 28), down, right)
        left = picture != 0.0
        assert torch.equal(picture[left], moved[left])


def test_shape_and_range_stay():
    """Otherwise D would meet other numbers than a Tanh can make, and know reals by them."""
    images = torch.rand(64, 784) * 2 - 1
    out = augment(images, stream())
    assert out.shape == images.shape and out.dtype == images.dtype
    assert out.min() >= -1.0 and out.max() <= 1.0


def test_images_stay_as_they_are():
    """They are G's, or the training set's: changed in place, every step would shift them on."""
    images = torch.rand(16, 784)
    before = images.clone()
    augment(images, stream())
    assert torch.equal(images, before)


def test_gradients_reach_the_images():
    """Each pixel that D sees is one pixel of G's: slope 1; what is hidden gets none.

    Without it (augmenting reals alone, or detached) G learns the shifts and holes instead.
    """
    images = LABELLED.repeat(32, 1).requires_grad_()
    out = augment(images, stream())
    out.sum().backward()
    assert set(images.grad.unique().tolist()) == {0.0, 1.0}
    from_images = (out != 0.0) & (out != BACKGROUND)
    assert torch.equal(images.grad.sum(1), from_images.sum(1).float())
    origin = ((out - 0.1) / 0.9 * 783).round().long()
    for gradient, source, visible in zip(images.grad, origin, from_images, strict=True):
        assert (gradient[source[visible]] == 1).all()


def test_the_stream_decides_and_nothing_else_is_drawn():
    """Otherwise a run with augmentation could not be repeated or continued."""
    images = torch.rand(32, 784)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, same, other = (augment(images, stream(seed)) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, same) and not torch.equal(first, other)
    going_on = stream(3)
    augment(images, going_on)
    assert not torch.equal(augment(images, going_on), first)  # each step has its own draws


def test_nothing_is_made_on_another_device():
    """A tensor made where no device is named would stop a run on a graphics card at once."""
    images = torch.rand(8, 784)
    expected = augment(images, stream())
    with torch.device("meta"):  # where tensors land that name no device; they hold no numbers
        out = augment(images, stream())
    assert torch.equal(out, expected)


@pytest.mark.gpu
def test_it_runs_where_the_images_are():
    """Otherwise augmentation would be for processors only."""
    device = torch.device("cuda" if torch.cuda.is_available() else "mps")
    out = augment(torch.rand(8, 784, device=device), torch.Generator(device).manual_seed(0))
    assert out.device.type == device.type and out.shape == (8, 784)
