"""PacGAN's two-dimensional table (Lin et al., 2018, table 1), with shorter runs: does packing keep
more modes than a plain GAN, on the ring and on the grid?"""

from __future__ import annotations

import math
import statistics

from gan_core.config.recipes import PACKING
from gan_core.verification.cells import Columns, mean_and_spread, mean_seconds
from gan_core.verification.results import Results, Row, by_name

METRICS = ("modes", "high_quality", "kl_uniform")

# Lin et al. (2018), table 1, 400 000 steps, ten runs: mean and standard error of modes, of the
# share of high quality in per cent, and of the reverse KL divergence.
PUBLISHED = {
    "ring-gan": ("6.3 ± 0.5", "98.2 ± 0.2", "0.45 ± 0.09"),
    "ring-pacgan2": ("7.9 ± 0.1", "95.6 ± 2.0", "0.07 ± 0.03"),
    "ring-pacgan4": ("7.8 ± 0.1", "95.9 ± 1.4", "0.07 ± 0.02"),
    "grid-gan": ("17.3 ± 0.8", "94.8 ± 0.7", "0.70 ± 0.07"),
    "grid-pacgan2": ("23.8 ± 0.7", "91.3 ± 0.8", "0.13 ± 0.04"),
    "grid-pacgan4": ("24.8 ± 0.2", "93.6 ± 0.6", "0.04 ± 0.01"),
}


def rows(results: Results) -> list[Row]:
    """One row for each data set and packing."""
    return [
        {
            "name": name, "label": PACKING[name].label, "runs": len(runs),
            "seconds": [run.outcome.seconds for run in runs],
            **{key: [run.metrics.get(key, math.nan) for run in runs] for key in METRICS},
        }
        for name, runs in by_name(results).items()
    ]


COLUMNS: Columns = {
    "networks": lambda row: row["label"],
    "modes": lambda row: mean_and_spread(row["modes"], 1, error=True),
    "published": lambda row: PUBLISHED[row["name"]][0],
    "high quality, %": lambda row: mean_and_spread(
        [100 * share for share in row["high_quality"]], 1, error=True),
    "published ": lambda row: PUBLISHED[row["name"]][1],
    "reverse KL": lambda row: mean_and_spread(row["kl_uniform"], 2, error=True),
    "published  ": lambda row: PUBLISHED[row["name"]][2],
    "seconds a run": mean_seconds,
}


def accepted(rows: list[Row]) -> bool:
    """The published ordering: on each data set packing spreads over the modes more evenly than a
    plain GAN, and reaches more of them. A mode is reached by a sample within 3σ of it, so that is
    asked only where a tenth of all samples has come so far."""
    means = {row["name"]: {key: statistics.mean(row[key]) for key in METRICS} for row in rows}
    pairs = [(means[name], means.get(name.split("-")[0] + "-gan"))
             for name in means if "pacgan" in name]
    return all(
        packed["kl_uniform"] < plain["kl_uniform"]
        and (packed["high_quality"] < 0.1 or packed["modes"] > plain["modes"])
        for packed, plain in pairs if plain is not None
    )
