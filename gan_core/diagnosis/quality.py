"""How good are the samples of an evaluation? Clearly better than chance, no better, or in between.

A verdict is green only where the samples are good, whatever the losses look like. Torch-free.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gan_core.config.choices import DatasetCard
from gan_core.diagnosis.chance import distance_of_uniform, precise_above_chance
from gan_core.diagnosis.findings import Threshold
from gan_core.diagnosis.shares import expected_modes, imbalance, supported_modes
from gan_core.runs.records import EvalRecord

THRESHOLDS = {
    "good_points": Threshold(
        0.4, "quality above chance of points from which on they are good",
        "calibrated: 0.5 to 0.9 where people see all modes; noise and blurred data have 0"),
    "good_precise": Threshold(
        0.2, "the same of older recordings, which know the share within 3σ of a centre alone",
        "published GANs of these data reach 0.3 and more"),
    "good_images": Threshold(
        0.2, "quality above chance of images from which on they are good",
        "calibrated: 0.28 and more in healthy MNIST runs of 1500 steps, hardly more than 0.2 where "
        "people see mostly smudges"),
    "good_frechet": Threshold(
        350, "Fréchet distance of images above which they are not good, on the shipped classifier",
        "calibrated: 80 to 270 in healthy runs; pictures that are half smudges have 600"),
    "good_modes": Threshold(
        0.75, "share of the training set's modes that good samples must exceed",
        "calibrated: healthy runs support 7 of 8, 19 of 25 and 9 of 10 modes or more"),
    "promising_modes": Threshold(
        0.7, "share of the training set's modes that good samples must reach before a run that "
        "gets better is called improving",
        "calibrated: of 3 audited runs that got better with fewer, none was better after twice as "
        "long; of 27 with more, 26 were"),
    "imbalance": Threshold(
        0.6, "KL divergence of the modes of good samples from those of the training set above "
        "which a few modes prevail",
        "calibrated: at most 0.37 in healthy runs; 1.2 with four fifths of a ring on one mode"),
    "unrecognised_frechet": Threshold(
        250, "the ceiling where it was not measured which samples are recognised",
        "calibrated: above it recorded runs may show smudges"),
    "diversity": Threshold(
        0.1, "mean pairwise distance ÷ that of real images below which all samples look alike",
        "calibrated: 0.7 and above in healthy runs, at most 0.05 in total collapse"),
    "good_spread": Threshold(
        0.15, "spread of the samples of a mode ÷ that of the data below which they are copies",
        "convention: the data have 1, a generator that repeats single examples 0"),
    "learned": Threshold(
        0.05, "quality above chance below which recognised samples are accidents",
        "calibrated: noise has 0, and so have generators that stand still"),
    "chance": Threshold(
        0.1, "quality above chance below which samples are as good as noise",
        "calibrated: noise has 0, and so have generators that stand still"),
    "chance_frechet": Threshold(
        700, "Fréchet distance above which images are as good as noise, where it is not known "
        "which are recognised", "calibrated: an untrained generator has 1320"),
}

UNTRAINED_FRECHET = 1320.0  # of an untrained generator, on the shipped classifier
DISTANCE_OF_DATA = math.sqrt(math.pi / 2)  # of a normal point in the plane from its centre, in σ


def _limit(name: str) -> float:
    return THRESHOLDS[name].value


@dataclass(frozen=True)
class Quality:
    """`above_chance` is NaN where an older version did not measure it; `supported` of `possible`
    modes that a G should draw are there; `frechet` is NaN for points; `spread` is how widely
    samples of a mode lie, 1 for the data, NaN where that was not measured. Of points that a
    `precise` evaluation measured, only those within 3σ count: it knows no others."""

    card: DatasetCard
    above_chance: float
    supported: int
    possible: int
    frechet: float
    spread: float
    precise: bool = False
    evaluation: EvalRecord | None = None

    @property
    def known(self) -> bool:
        """Whether anything was measured of it."""
        return not (math.isnan(self.above_chance) and math.isnan(self.frechet))

    @property
    def at_chance(self) -> bool:
        """No better than noise."""
        if math.isnan(self.above_chance):
            return self.frechet > _limit("chance_frechet")
        return self.above_chance < _limit("chance")

    @property
    def unlearned(self) -> bool:
        """Whether as few samples are recognised as of noise: which of them show what is chance."""
        return self.above_chance < _limit("learned")

    @property
    def counted(self) -> int:
        """How many modes the samples show; none where that is chance."""
        return 0 if self.unlearned else self.supported

    @property
    def recognisable(self) -> bool:
        """Clearly better than chance; supposed where an older version did not measure it."""
        return math.isnan(self.above_chance) or self.above_chance >= self._good_share

    @property
    def _good_share(self) -> float:
        if self.images:
            return _limit("good_images")
        return _limit("good_precise" if self.precise else "good_points")

    @property
    def poor(self) -> bool:
        """Hardly half as far above chance as good samples are."""
        return self.above_chance < 0.6 * self._good_share

    @property
    def narrow(self) -> bool:
        """Whether good samples show so few of the modes that G may as well lose more of them."""
        return self.supported < _limit("promising_modes") * self.possible

    @property
    def good(self) -> bool:
        """Clearly better than chance, of most modes, and near the data."""
        return (
            self.recognisable
            and self.supported > _limit("good_modes") * self.possible
            and not self.frechet > self._highest_frechet
            and not self.copied
            and not self.imbalance > _limit("imbalance")
        )

    @property
    def _highest_frechet(self) -> float:
        unknown = math.isnan(self.above_chance)
        return _limit("unrecognised_frechet" if unknown else "good_frechet")

    @property
    def imbalance(self) -> float:
        """How far the modes' shares are from those of the training set (KL divergence)."""
        return math.nan if self.evaluation is None else imbalance(self.evaluation)

    @property
    def copied(self) -> bool:
        """Whether the samples of a mode are copies of one another."""
        return self.spread < _limit("good_spread")

    @property
    def score(self) -> float:
        """One number to compare two runs by: from 0, noise, to 1, the data. Half of it is the share
        of good samples and of modes; half is the distance to the data, which falls before the first
        sample is good: of images Fréchet's, of points that to the centres, of the modes that are
        there."""
        return (self.share + self.nearness) / 2

    @property
    def nearness(self) -> float:
        """How near the samples are to the data: 0 for an untrained G, or for points as far from the
        centres as uniform noise, 1 for the data; 0 where that was not measured."""
        if self.images:
            return _between(self.frechet, UNTRAINED_FRECHET, 0.0)
        distance = math.nan if self.evaluation is None else self.evaluation.metrics.get(
            "centre_distance", math.nan)
        near = _between(distance, distance_of_uniform(self.card), DISTANCE_OF_DATA)
        return near * self.supported / max(self.possible, 1)

    @property
    def share(self) -> float:
        """Quality above chance times the share of the modes, less where samples are copies: from 0
        to 1."""
        share = 0.0 if math.isnan(self.above_chance) else min(max(self.above_chance, 0.0), 1.0)
        share *= self.supported / max(self.possible, 1)
        return share * self.spread / _limit("good_spread") if self.copied else share

    @property
    def images(self) -> bool:
        return self.card.kind == "image"


def _between(distance: float, none: float, perfect: float) -> float:
    """Where a distance lies: 0 at `none` and beyond, or where it is not known, 1 at `perfect`."""
    if math.isnan(distance):
        return 0.0
    return min(max((none - distance) / (none - perfect), 0.0), 1.0)


def quality_of(evaluation: EvalRecord, card: DatasetCard) -> Quality:
    """The quality of G's samples at an evaluation of either version.

    Worked out once for each evaluation: a verdict compares each with all those before it, so that
    it would otherwise ask 50,000 times for a run of 200 evaluations.
    """
    key = (id(evaluation), id(card))
    known = _KNOWN.get(key)
    if known is not None and known.evaluation is evaluation and known.card is card:
        return known
    quality = _measured(evaluation, card)
    if len(_KNOWN) >= MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN[key] = quality  # it holds both, so that nothing else gets their ids meanwhile
    return quality


MOST_KNOWN = 2000  # evaluations; the longest run has 217
_KNOWN: dict[tuple[int, int], Quality] = {}


def _measured(evaluation: EvalRecord, card: DatasetCard) -> Quality:
    metrics, possible = evaluation.metrics, expected_modes(evaluation, card)
    share = metrics.get("high_quality", math.nan)  # what version 1 knew, of points alone
    measured = metrics.get("quality_above_chance", precise_above_chance(share, card))
    supported = len(possible & supported_modes(evaluation.supported))
    if not evaluation.supported:
        modes = metrics.get("modes", 0.0)
        supported = min(int(modes), len(possible)) if math.isfinite(modes) else len(possible)
    precise = "near_modes" not in metrics and "high_quality" in metrics
    return Quality(card, measured, supported, len(possible), metrics.get("frechet", math.nan),
                   metrics.get("mode_spread", math.nan), precise, evaluation)


def all_alike(evaluation: EvalRecord) -> bool:
    """Whether all images of an evaluation are nearly the same one."""
    return evaluation.metrics.get("diversity", 1.0) < _limit("diversity")
