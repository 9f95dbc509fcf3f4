"""The surface: what D thinks of each place of the plane, at its place, and without a trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core.evaluation import metrics
from gan_core.evaluation.decision_surface import SIDE, plane, surface
from gan_core.training import networks
from gan_core.training.trainer import train
from tests.support.runs import TINY, TINY_IMAGES, run, views_of

CPU = torch.device("cpu")


def test_the_plane_is_read_like_a_picture():
    """Otherwise D's opinion would be drawn mirrored, or half a cell beside the points."""
    points = plane(1.6).reshape(SIDE, SIDE, 2)
    half = 1.6 / SIDE
    assert points[0, 0].tolist() == pytest.approx([-1.6 + half, 1.6 - half])
    assert points[0, -1].tolist() == pytest.approx([1.6 - half, 1.6 - half])
    assert points[-1, 0].tolist() == pytest.approx([-1.6 + half, -1.6 + half])


@pytest.mark.parametrize("group", [1, 3, 8])
def test_scores_lie_where_their_points_are(group):
    """A D that likes what is on the right must be drawn so, however many points it sees at once."""

    def judge(x):  # packs of `group`
        assert (x.reshape(-1, group, 2) == x.reshape(-1, group, 2)[:, :1]).all()
        return networks.packed(x, group)[:, :1] + 5.0

    scores = surface(judge, 2.0, 5.0, group, CPU)
    assert scores.shape == (SIDE, SIDE) and scores.dtype == np.float32
    x = plane(2.0)[:SIDE, 0].numpy()
    np.testing.assert_allclose(scores, np.tile(1 / (1 + np.exp(-x)), (SIDE, 1)), rtol=1e-5)


def test_a_d_that_looks_at_groups_answers_once_for_each_place():
    """Packing and minibatch standard deviation together give four logits a point, all alike."""
    scores = surface(lambda x: networks.packed(x, 2)[:, 1:2], 2.0, 0.0, 8, CPU)
    y = plane(2.0)[::SIDE, 1].numpy()
    np.testing.assert_allclose(scores[:, 7], 1 / (1 + np.exp(-y)), rtol=1e-5)


@pytest.mark.parametrize("loss", ["non_saturating", "least_squares", "wasserstein"])
def test_a_run_stores_what_its_d_thinks(loss):
    """The picture must be the opinion of the D of that step, counted from where it is undecided."""
    training = train(TINY.replace(loss=loss, dropout=0.4, steps=5), device="cpu")
    *records, _ = training
    surfaces = views_of(records)["surface"]
    assert len(surfaces) == len(views_of(records)["samples"]) == 2
    training.discriminator.eval()
    with torch.no_grad():
        logits = training.discriminator(plane(training.config.card.extent))
        parts = (training.data.held_out, training.generator.eval()(training.fixed_latents))
        means = [training.discriminator(metrics.judged_rows(part)).mean() for part in parts]
    middle = {"non_saturating": 0.0, "least_squares": 0.5, "wasserstein": sum(means) / 2}[loss]
    expected = (logits - middle).sigmoid().reshape(SIDE, SIDE)
    np.testing.assert_allclose(surfaces[-1], expected.numpy(), rtol=1e-4, atol=1e-6)


def test_images_have_no_surface():
    """A plane through 784 dimensions would be drawn where there is none."""
    assert set(views_of(run(TINY_IMAGES.replace(steps=1)))) == {"samples", "neighbours"}


def test_a_broken_d_has_no_surface():
    """NaN in a picture would be drawn as certainty that all is generated."""
    training = train(TINY.replace(steps=5), device="cpu")
    with torch.no_grad():
        next(training.discriminator.parameters()).fill_(torch.nan)
    assert "surface" not in views_of(training)
