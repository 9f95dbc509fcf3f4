"""The charts of one run, or of two beside each other, as SVG and as PNG."""

from __future__ import annotations

from collections.abc import Sequence

from gan_core.export.film import Reel


def chart_svgs(reels: Sequence[Reel], by_time: bool = False) -> dict[str, str]:
    """The text of an SVG file by the name of its chart, such as "losses", "gradients", "frechet";
    `by_time` compares the two runs by seconds of training. Charts of which nothing is known are left
    out."""
    return {}


def chart_pngs(reels: Sequence[Reel], by_time: bool = False) -> dict[str, bytes]:
    """The same as the bytes of PNG files."""
    return {}
