"""The decision surface: how D scores each place of the plane, at its place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core.evaluation import metrics
from gan_core.evaluation.decision_surface import SIDE, decision_surface, plane
from gan_core.training import networks
from gan_core.training.trainer import train
from tests.support.runs import TINY, TINY_IMAGES, networks_of, run, views_of

CPU = torch.device("cpu")


def test_the_plane_is_read_like_a_picture():
    """Otherwise D's scores would be drawn mirrored, or half a cell beside the points."""
    points = plane(1.6).reshape(SIDE, SIDE, 2)
    half = 1.6 / SIDE
    assert points[0, 0].tolist() == pytest.approx([-1.6 + half, 1.6 - half])
    assert points[0, -1].tolist() == pytest.approx([1.6 - half, 1.6 - half])
    assert points[-1, 0].tolist() == pytest.approx([-1.6 + half, -1.6 + half])


@pytest.mark.parametrize("group", [1, 3, 8])
def test_scores_lie_where_their_points_are(group):
    """A D that likes what is on the right must be drawn so, however many points it sees at once."""

    def score(x):  # packs of `group`
        assert (x.reshape(-1, group, 2) == x.reshape(-1, group, 2)[:, :1]).all()
        return networks.packed(x, group)[:, :1] + 5.0

    scores = decision_surface(score, 2.0, 5.0, group, CPU)
    assert scores.shape == (SIDE, SIDE) and scores.dtype == np.float32
    x = plane(2.0)[:SIDE, 0].numpy()
    np.testing.assert_allclose(scores, np.tile(1 / (1 + np.exp(-x)), (SIDE, 1)), rtol=1e-5)


def test_a_d_that_scores_groups_gives_one_score_for_each_place():
    """Packing and minibatch standard deviation together give four logits a point, all alike."""
    scores = decision_surface(lambda x: networks.packed(x, 2)[:, 1:2], 2.0, 0.0, 8, CPU)
    y = plane(2.0)[::SIDE, 1].numpy()
    np.testing.assert_allclose(scores[:, 7], 1 / (1 + np.exp(-y)), rtol=1e-5)


@pytest.mark.parametrize("loss", ["non_saturating", "least_squares", "wasserstein"])
def test_a_run_stores_how_its_d_scores(loss):
    """The picture must be the scores of the D of that step, counted from where it is undecided."""
    trainer = train(TINY.replace(loss=loss, dropout=0.4, steps=5), device="cpu")
    *records, _ = trainer
    surfaces = views_of(records)["surface"]
    assert len(surfaces) == len(views_of(records)["samples"]) == 2
    g, d = (network.network.eval() for network in networks_of(trainer).values())
    with torch.no_grad():
        logits = d(plane(trainer.config.card.extent))
        parts = (trainer.state.data.held_out, g(trainer.evaluator.fixed_latents))
        means = [d(metrics.scored_rows(part)).mean() for part in parts]
    centre = {"non_saturating": 0.0, "least_squares": 0.5, "wasserstein": sum(means) / 2}[loss]
    expected = (logits - centre).sigmoid().reshape(SIDE, SIDE)
    np.testing.assert_allclose(surfaces[-1], expected.numpy(), rtol=1e-4, atol=1e-6)


def test_images_have_no_surface():
    """A plane through 784 dimensions would be drawn where there is none."""
    assert "surface" not in views_of(run(TINY_IMAGES.replace(steps=1)))


def test_a_broken_d_has_no_surface():
    """NaN in a picture would be drawn as certainty that all is generated."""
    trainer = train(TINY.replace(steps=5), device="cpu")
    with torch.no_grad():
        next(trainer.state.discriminator.network.parameters()).fill_(torch.nan)
    assert "surface" not in views_of(trainer)
