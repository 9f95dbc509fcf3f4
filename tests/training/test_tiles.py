"""What is kept of single images of a sheet, and of the way that G takes latents."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core.config.run_config import RunConfig
from gan_core.runs.records import EvalRecord, SampleRecord, from_line, to_line
from gan_core.training.evaluator import GRID, latent_grid, latent_walks
from gan_core.training.trainer import train


def records(**changes: object) -> list[object]:
    return list(train(RunConfig(**{"steps": 2, "batch_size": 16, **changes})))


def views(found: list[object], view: str) -> list[SampleRecord]:
    return [each for each in found if isinstance(each, SampleRecord) and each.view == view]


def evaluations(found: list[object]) -> list[EvalRecord]:
    return [each for each in found if isinstance(each, EvalRecord)]


def test_a_walk_goes_from_one_latent_to_another_without_leaving_where_latents_are() -> None:
    """In between G is asked for latents that it was never trained on, and draws smudges."""
    latents = torch.randn(64, 100, generator=torch.Generator().manual_seed(1))
    walks = latent_walks(latents)
    torch.testing.assert_close(walks[::8], latents[::8])
    torch.testing.assert_close(walks[7::8], latents[7::8], rtol=1e-4, atol=1e-5)
    lengths = latents.norm(dim=1)
    assert walks.norm(dim=1).min() > 0.9 * lengths.min()
    assert latent_walks(latents[:, :1]).isfinite().all(), "latents of one dimension have no arc"


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_grid_of_latents_is_a_square_around_zero(size: int) -> None:
    """The net on the plane is a line, or lies where no latent ever is."""
    grid = latent_grid(torch.randn(2, size, generator=torch.Generator().manual_seed(2)))
    assert grid.shape == (GRID * GRID, size)
    torch.testing.assert_close(grid.mean(0), torch.zeros(size), rtol=0, atol=1e-5)
    if size > 1:
        assert torch.linalg.matrix_rank(grid) == 2
        assert grid.norm(dim=1).max() < 2.1 * size**0.5


def test_each_image_of_the_sheet_has_its_digit_its_score_and_its_neighbour() -> None:
    """A click on an image shows another one's."""
    found = records()
    for evaluation in evaluations(found):
        assert len(evaluation.sheet_modes) == len(evaluation.sheet_scores) == 64
        assert all(mode in range(-1, 10) for mode in evaluation.sheet_modes)
        assert all(0 <= score <= 1 for score in evaluation.sheet_scores)
        again = from_line(to_line(evaluation))
        assert again.sheet_modes == evaluation.sheet_modes
        assert again.sheet_scores == pytest.approx(evaluation.sheet_scores, rel=1e-5)
    for view in ("nearest", "walk"):
        pictures = views(found, view)
        assert [each.step for each in pictures] == [each.step for each in evaluations(found)]
        assert all(each.samples.shape == (64, 28, 28) for each in pictures)
    walk, sheet = views(found, "walk")[0].samples, views(found, "samples")[0].samples
    for row in range(8):  # both ends are images of the sheet
        for column in (0, 7):
            ours, theirs = walk[8 * row + column], sheet[8 * row + column]
            assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_where_d_scores_several_images_at_once_no_image_has_a_score() -> None:
    """A score stands beside an image that it is not of."""
    evaluation, *_ = evaluations(records(packing=2))
    assert evaluation.sheet_scores == () and len(evaluation.sheet_modes) == 64


def test_points_have_a_net_and_no_tiles() -> None:
    """The ring shows digits, or G's net is missing on it."""
    found = records(dataset="ring")
    assert all(each.sheet_modes == () for each in evaluations(found))
    assert {each.samples.shape for each in views(found, "grid")} == {(GRID * GRID, 2)}
    assert not views(found, "walk") and not views(found, "nearest")
    assert not views(records(), "grid")
