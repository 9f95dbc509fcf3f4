"""Which charts a run has: the table of `gan_core.export.charts.table`, which the viewer draws."""

from gan_core.export.charts.table import (
    GAUGES,
    GRADIENTS,
    MEMORISATION,
    SCORES,
    Curve,
    Lines,
    curves,
    frozen,
    histogram_words,
    lines,
    rotation_words,
)

__all__ = ["GAUGES", "GRADIENTS", "MEMORISATION", "SCORES", "Curve", "Lines", "curves", "frozen",
           "histogram_words", "lines", "rotation_words"]
