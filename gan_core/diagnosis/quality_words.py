"""How good an evaluation's samples are, in a sentence that findings, page and command line share.

What is not recognised is called no digit; an evaluation of version 1, which cannot tell, says so.
Torch-free, no Markdown.
"""

from __future__ import annotations

import math

from gan_core.config.choices import DatasetCard
from gan_core.diagnosis.chance import floor_and_ceiling
from gan_core.diagnosis.quality import Quality, quality_of
from gan_core.diagnosis.shares import rare_modes
from gan_core.runs.records import EvalRecord


def quality_words(evaluation: EvalRecord, card: DatasetCard, count: bool = True) -> str:
    """One or two sentences; without `count` they do not say how many modes there are."""
    quality = quality_of(evaluation, card)
    if not quality.images:
        return _points(evaluation, quality, card, count)
    words = (_images if "recognised" in evaluation.metrics else _old_images)(
        evaluation, quality, card, count)
    if not math.isfinite(quality.frechet):
        return words
    return f"{words} The Fréchet distance is {quality.frechet:.0f}."


def percent(share: float) -> str:
    """A share as people say it: small ones with a decimal, so that not all of them are 0%."""
    if 0 < share < 0.001:
        return "less than 0.1%"
    return f"{share:.1%}" if 0 < share < 0.0995 else f"{share:.0%}"


def _images(evaluation: EvalRecord, quality: Quality, card: DatasetCard, count: bool) -> str:
    share, noun = evaluation.metrics["recognised"], card.mode_noun
    if not share > 0:  # nor if it is NaN
        return f"The samples show no recognisable {noun}."
    words = _capital(f"{percent(share)} of the samples are recognised as {noun}s")
    if not count:
        return f"{words}."
    if quality.unlearned:
        return f"{words}, hardly more than of noise."
    if quality.supported == 0:
        return f"{words}, too few of each {noun} to count."
    return f"{words}; they show {_counted(quality, card)}."


def _old_images(evaluation: EvalRecord, quality: Quality, card: DatasetCard, count: bool) -> str:
    if not count:
        return "This older recording does not know which samples are recognised."
    return (f"The samples are nearest to {_counted(quality, card, named=True)}; this older "
            "recording does not know which are recognised.")


def _points(evaluation: EvalRecord, quality: Quality, card: DatasetCard, count: bool) -> str:
    share, noun = evaluation.metrics.get("near_modes", math.nan), card.mode_noun
    if math.isnan(share):
        return _old_points(evaluation, quality, card, count)
    if share == 0:
        return f"No sample lies near enough to the centre of a {noun} to count."
    chance, _ = floor_and_ceiling(card)
    words = _capital(f"{percent(share)} of the samples lie near a {noun}, where chance would put "
                     f"{percent(chance)}")
    if not count:
        return f"{words}."
    if quality.above_chance <= 0 or not quality.supported:  # what chance puts there shows no mode
        return f"{words}: too few to count for any {noun}."
    alike = f"; those of a {noun} are copies of one another" if quality.copied else ""
    return f"{words}; they show {_counted(quality, card, named=True)}{alike}."


def _old_points(evaluation: EvalRecord, quality: Quality, card: DatasetCard, count: bool) -> str:
    share, noun = evaluation.metrics.get("high_quality", math.nan), card.mode_noun
    if math.isnan(share):
        return f"How many samples lie near a {noun} was not measured."
    if not share:
        return f"No sample lies near enough to the centre of a {noun} to count."
    words = f"{percent(share)} of the samples lie within three standard deviations of a centre"
    if not count:
        return f"{words}."
    return (f"{words}; as this older recording counts, there is at least one sample of "
            f"{_counted(quality, card, named=True)}.")


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _counted(quality: Quality, card: DatasetCard, named: bool = False) -> str:
    """How many modes there are, of how many there could be, and whose these are if not all of the
    data's."""
    noun = f"{card.mode_noun}s" if quality.possible > 1 else card.mode_noun
    if quality.possible == card.modes:
        return f"{quality.supported} of {card.modes}{f' {noun}' if named else ''}"
    rare = " that are not rare" if quality.evaluation and rare_modes(quality.evaluation) else ""
    return f"{quality.supported} of the {quality.possible} {noun}{rare} in the training set"
