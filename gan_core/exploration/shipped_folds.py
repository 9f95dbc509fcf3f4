"""The cross-validation that ships: what the page of folds shows before any click. Torch-free.

`gan-lab folds --shipped --write` trains it and puts its results into `assets/folds`.
"""

from __future__ import annotations

from gan_core.config.presets import SHORT_SESSION
from gan_core.exploration.cross_validation import Candidate, CrossValidation

_SHORT = SHORT_SESSION.replace(steps=1000)

# The notes' question, asked of the remedies that the report tried, and of its rate.
SHIPPED_FOLDS = CrossValidation((
    Candidate("plain, rate 0.001", _SHORT),
    Candidate("label smoothing 0.1", _SHORT.replace(label_smoothing=0.1)),
    Candidate("dropout 0.4", _SHORT.replace(dropout=0.4)),
    Candidate("the report's rate, 0.0002", _SHORT.replace(learning_rate=2e-4)),
), folds=5, measure="frechet")
