"""How cells of a table are written."""

from __future__ import annotations

import math

from gan_core.verification.cells import mean_and_spread


def test_spread_is_what_statistics_books_say():
    """Mean ± sample standard deviation; the standard error is that ÷ √n."""
    assert mean_and_spread([1.0, 2.0, 3.0], 2) == "2.00 ± 1.00"
    assert mean_and_spread([1.0, 2.0, 3.0], 2, error=True) == "2.00 ± 0.58"
    assert mean_and_spread([4.0], 1) == "4.0", "one run has no spread"
    assert mean_and_spread([1.0, math.nan], 1) == "–"
