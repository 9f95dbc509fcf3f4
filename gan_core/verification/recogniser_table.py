"""How well does the recogniser tell digits from what is none? Nothing is trained for this table."""

from __future__ import annotations

from gan_core.verification.cells import Columns
from gan_core.verification.results import Results, Row

SEED, PICTURES = 2026, 5000
DIGITS = "real test digits"
REAL, OTHERS = 0.98, 0.02  # at least so many digits, at most so many of the others
NOT_ASKED = "patchwork of digits"  # of whose pieces some make a digit


def rows(results: Results) -> list[Row]:
    """One row a kind of picture, all made from digits that nothing was trained on."""
    from gan_core.evaluation.recognition import shares_recognised  # loads torch

    return [{"kind": kind, "asked": asked(kind), "pictures": pictures, "recognised": share}
            for kind, pictures, share in shares_recognised(PICTURES, SEED)]


def asked(kind: str) -> str:
    """What is asked of a kind of picture: that it is a digit, or none, or nothing."""
    from gan_core.evaluation.non_digits import NON_DIGITS  # loads torch

    if kind == DIGITS:
        return "digit"
    return "none" if kind in NON_DIGITS and kind != NOT_ASKED else ""


COLUMNS: Columns = {
    "pictures": lambda row: row["kind"],
    "number": lambda row: str(row["pictures"]),
    "recognised as a digit": lambda row: f"{row['recognised']:.1%}",
    "asked for": lambda row: {"digit": "at least 98 %", "none": "at most 2 %", "": "–"}[
        row["asked"]],
}


def accepted(rows: list[Row]) -> bool:
    """At least 98 % of real digits, at most 2 % of each kind that is none."""
    return all(
        row["recognised"] >= REAL if row["asked"] == "digit" else
        row["recognised"] <= OTHERS if row["asked"] == "none" else True for row in rows)
