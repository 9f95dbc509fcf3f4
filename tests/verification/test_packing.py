"""PacGAN's table: whether our runs show its ordering."""

from __future__ import annotations

from gan_core.config.recipes import PACKING
from gan_core.verification import packing
from tests.verification.made_results import result


def packing_rows(plain: float, packed: float) -> list[dict]:
    results = {}
    for name in PACKING:
        kl = packed if "pacgan" in name else plain
        for seed in (0, 1):
            results[name, seed] = result(modes=10 - 10 * kl, kl_uniform=kl, high_quality=0.9)
    return packing.rows(results)


def test_the_ordering_of_pacgans_table_is_checked():
    """Packing must find more modes, more evenly, on both data sets."""
    assert packing.accepted(packing_rows(plain=0.5, packed=0.1))
    assert not packing.accepted(packing_rows(plain=0.1, packed=0.5))
    assert not packing.accepted(packing_rows(plain=0.1, packed=0.1))
    few = packing_rows(plain=0.5, packed=0.1)
    for row in few:
        if "pacgan" in row["name"]:
            row["modes"] = [1.0, 1.0]
    assert not packing.accepted(few), "modes lost, with samples that are close"
    for row in few:
        if "pacgan" in row["name"]:
            row["high_quality"] = [0.02, 0.02]
    assert packing.accepted(few), "no sample is close enough yet to count modes by"


def test_every_row_of_the_packing_table_has_its_published_figures():
    """A row stands without what it is compared with, or the table cannot be written."""
    assert set(packing.PUBLISHED) == set(PACKING)
