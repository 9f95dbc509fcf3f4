"""The table of remedies: each is one idea, and its row holds what it changes."""

from __future__ import annotations

from gan_core.config.recipes import PLAIN, REMEDIES
from gan_core.verification import remedies
from tests.verification.made_results import result


def test_the_averaged_generators_row_is_measured_on_the_averaged_generator():
    """The remedy is measured on the generator that it does not change."""
    averaged = {f"ema_{name}": value for name, value in
                {"modes": 9.0, "coverage": 0.9, "density": 0.8, "frechet": 40.0}.items()}
    plain = {"coverage": 0.1, "density": 0.1, "frechet": 400.0}
    results = {(name, 0): result(REMEDIES[name].config, **plain, **averaged)
               for name in ("plain", "ema")}
    rows = {row["remedy"]: row for row in remedies.rows(results)}
    assert rows[REMEDIES["ema"].label]["frechet"] == [40.0]
    assert rows[REMEDIES["plain"].label]["frechet"] == [400.0]


def test_every_remedy_is_the_plain_run_and_one_idea():
    """The table compares runs of different lengths or data."""
    for name, remedy in REMEDIES.items():
        config = remedy.config
        assert (config.steps, config.dataset, config.packs) == (
            PLAIN.steps, PLAIN.dataset, PLAIN.packs), name
        assert (config == PLAIN) == (name == "plain"), name
