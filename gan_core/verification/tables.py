"""The tables of docs/verification.md: what is trained for each, and how it is summed up.

    python -m gan_core verify remedies packing --write docs/verification.md

Runs are trained into a store, several processes at a time; finished ones are found there and not
trained again. Torch is imported only where something is trained.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.config.recipes import FROZEN, FROZEN_AT, KNOWN, PACKING, REMEDIES, Recipe
from gan_core.config.run_config import RunConfig
from gan_core.diagnosis.diagnose import diagnose
from gan_core.runs.store import RunStore
from gan_core.training.recording import record_run
from gan_core.verification import preset_acceptance
from gan_core.verification.results import Result, say

Row = dict[str, Any]
Results = Mapping[tuple[str, int], Result]  # of each run, by name and seed


@dataclass(frozen=True)
class Table:
    """`runs` gives the configs that are trained over `seeds`, by name; `rows` sums their results
    up; `columns` says how a row is told; `as_promised` whether a row holds what it should, None
    where nothing was promised."""

    title: str
    seeds: str
    runs: Callable[[], dict[str, RunConfig]]
    rows: Callable[[Results], list[Row]]
    columns: Mapping[str, Callable[[Row], str]]
    as_promised: Callable[[list[Row]], bool]


def configs(
    table: Table, seeds: Iterable[int], only: Collection[str] = ()
) -> dict[tuple[str, int], RunConfig]:
    """What must be trained, by name and seed; of the names `only` those, if there are any."""
    return {
        (name, seed): config.replace(seed=seed)
        for name, config in table.runs().items() if not only or name in only
        for seed in seeds
    }


# --- training -------------------------------------------------------------------------------------


def train_all(configs: Iterable[RunConfig], store: RunStore, device: Any, workers: int) -> bool:
    """Train what the store does not hold yet, in `workers` processes; False if interrupted.

    A run that failed is left to whoever reads its outcome.
    """
    missing = [config for config in dict.fromkeys(configs) if not _trained(store, config)]
    for count, done in enumerate(_outcomes(missing, store.root, device, workers), start=1):
        if not done:
            return False
        say(f"{count} of {len(missing)} runs trained")
    return True


def _outcomes(
    missing: list[RunConfig], root: Path, device: Any, workers: int
) -> Iterator[bool]:
    """Whether each run, as they end, came to its end."""
    if workers == 1 or len(missing) < 2:
        yield from (_train(root, config, device) for config in missing)
        return
    # Forking a process with torch's threads in it can hang.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        futures = [pool.submit(_train, root, config, device) for config in missing]
        try:
            yield from (future.result() for future in as_completed(futures))
        except KeyboardInterrupt:
            yield False
        finally:
            pool.shutdown(cancel_futures=True)


def _trained(store: RunStore, config: RunConfig) -> bool:
    snapshot = store.snapshot(config.digest())
    return snapshot is not None and snapshot.holds(config.steps)


def _train(root: Path, config: RunConfig, device: Any) -> bool:
    """False if interrupted; what was trained until then is kept."""
    return record_run(RunStore(root), config, device=device).kind != "stopped"


# --- telling --------------------------------------------------------------------------------------


def markdown(table: Table, rows: list[Row]) -> str:
    """The table as Markdown."""
    cells = [list(table.columns), ["---"] * len(table.columns)]
    cells += [[tell(row) for tell in table.columns.values()] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def write_into(path: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- table NAME -->` and `<!-- end NAME -->` in a document.

    Raises ValueError if the document has no such place, OSError if it cannot be read or written.
    """
    document = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    replaced, places = pattern.subn(lambda found: f"{found[1]}{text}\n{found[2]}", document)
    if not places:
        raise ValueError(f"{path} has no place for the table {name}: it must hold the lines "
                         f"<!-- table {name} --> and <!-- end {name} -->.")
    path.write_text(replaced, encoding="utf-8")


def spread(values: list[float], digits: int, error: bool = False) -> str:
    """Mean ± standard deviation over runs, or ± standard error of the mean."""
    if not values or any(math.isnan(value) for value in values):
        return "–"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    deviation = statistics.stdev(values)
    if error:
        deviation /= math.sqrt(len(values))
    return f"{statistics.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def _by_name(results: Results) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for (name, _), result in results.items():
        found.setdefault(name, []).append(result)
    return found


def _symptoms(result: Result) -> list[str]:
    return [finding.symptom for finding in result.findings]


# --- what each remedy brings ----------------------------------------------------------------------


def _remedy_rows(results: Results) -> list[Row]:
    return [_remedy_row(REMEDIES[name], runs) for name, runs in _by_name(results).items()]


def _remedy_row(remedy: Recipe, runs: list[Result]) -> Row:
    # An averaged generator is the remedy itself; its row tells of it, not of the raw one.
    prefix = "ema_" if remedy.config.ema > 0 else ""
    metrics = {
        key: [run.metrics.get(prefix + key, math.nan) for run in runs]
        for key in ("modes", "coverage", "density", "frechet")
    }
    return {
        "remedy": remedy.label, "note": remedy.note, "runs": len(runs), **metrics,
        "seconds": [run.outcome.seconds for run in runs],
        "findings": sum(bool(run.findings) for run in runs),
    }


REMEDY_COLUMNS: dict[str, Callable[[Row], str]] = {
    "remedy": lambda row: row["remedy"] + (f" ({row['note']})" if row["note"] else ""),
    "digits": lambda row: spread(row["modes"], 1),
    "coverage": lambda row: spread(row["coverage"], 2),
    "density": lambda row: spread(row["density"], 2),
    "Fréchet": lambda row: spread(row["frechet"], 0),
    "seconds": lambda row: spread(row["seconds"], 0),
    "runs with a finding": lambda row: f"{row['findings']} of {row['runs']}",
}


# --- PacGAN's two-dimensional table ---------------------------------------------------------------

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


def _packing_rows(results: Results) -> list[Row]:
    return [
        {
            "name": name, "label": PACKING[name].label, "runs": len(runs),
            "seconds": [run.outcome.seconds for run in runs],
            **{key: [run.metrics.get(key, math.nan) for run in runs]
               for key in ("modes", "high_quality", "kl_uniform")},
        }
        for name, runs in _by_name(results).items()
    ]


def packing_helps(rows: list[Row]) -> bool:
    """The published ordering: on each data set packing spreads over the modes more evenly than a
    plain GAN, and finds more of them. A mode is found by a sample within 3σ of it, so that is asked
    only where a tenth of all samples has come so far."""
    keys = ("modes", "kl_uniform", "high_quality")
    means = {row["name"]: {key: statistics.mean(row[key]) for key in keys} for row in rows}
    pairs = [(means[name], means.get(name.split("-")[0] + "-gan"))
             for name in means if "pacgan" in name]
    return all(
        packed["kl_uniform"] < plain["kl_uniform"]
        and (packed["high_quality"] < 0.1 or packed["modes"] > plain["modes"])
        for packed, plain in pairs if plain is not None
    )


PACKING_COLUMNS: dict[str, Callable[[Row], str]] = {
    "networks": lambda row: row["label"],
    "modes": lambda row: spread(row["modes"], 1, error=True),
    "published": lambda row: PUBLISHED[row["name"]][0],
    "high quality, %": lambda row: spread([100 * v for v in row["high_quality"]], 1, error=True),
    "published ": lambda row: PUBLISHED[row["name"]][1],
    "reverse KL": lambda row: spread(row["kl_uniform"], 2, error=True),
    "published  ": lambda row: PUBLISHED[row["name"]][2],
    "seconds a run": lambda row: f"{statistics.mean(row['seconds']):.0f}",
}


# --- what a frozen generator's gradient does ------------------------------------------------------

D_STEPS = (1, 100, 1000, 2000)  # of the fresh D, at which the norms are told


def _frozen_rows(results: Results) -> list[Row]:
    return [
        {"label": FROZEN[name].label, "loss": loss, "runs": len(runs),
         "norms": [[_norm_after(run, loss, steps) for run in runs] for steps in D_STEPS]}
        for name, runs in _by_name(results).items() for loss in ("minimax", "non_saturating")
    ]


def _norm_after(run: Result, loss: str, d_steps: int) -> float:
    """Median norm over the last ten of `d_steps` updates of the fresh D; NaN if it has fewer."""
    norms = run.history.column(f"grad_norm_{loss}")[FROZEN_AT : FROZEN_AT + d_steps]
    return float(np.median(norms[-10:])) if len(norms) == d_steps else math.nan


def minimax_vanishes(rows: list[Row]) -> bool:
    """Under the minimax loss the norm falls a hundredfold, under the other it does not fall."""
    first = [statistics.mean(row["norms"][0]) for row in rows]
    last = [statistics.mean(row["norms"][-1]) for row in rows]
    return all(
        after < before / 100 if row["loss"] == "minimax" else after > before
        for row, before, after in zip(rows, first, last, strict=True)
    )


def _range(values: list[float]) -> str:
    """Smallest and largest: norms span orders of magnitude, where a mean ± tells little."""
    return f"{min(values):.1e} – {max(values):.1e}"


FROZEN_COLUMNS: dict[str, Callable[[Row], str]] = {
    "D": lambda row: row["label"],
    "loss of G": lambda row: row["loss"].replace("_", "-"),
    **{f"after {steps} D step{'s' if steps > 1 else ''}":
       lambda row, i=i: _range(row["norms"][i]) for i, steps in enumerate(D_STEPS)},
}


# --- does the diagnosis tell the truth? -----------------------------------------------------------


def _truth_rows(results: Results) -> list[Row]:
    return [_truth_row(name, runs) for name, runs in _by_name(results).items()]


def _truth_row(name: str, runs: list[Result]) -> Row:
    truth = set(KNOWN[name].truth)
    counts: dict[str, int] = {}
    for run in runs:
        told = " and ".join(_symptoms(run)) or "none"
        counts[told] = counts.get(told, 0) + 1
    return {
        "recipe": name, "truth": sorted(truth), "findings": counts, "runs": len(runs),
        "right": sum(set(_symptoms(run)) == truth for run in runs),
        "misled": sum(bool(_told_before(run) - truth) for run in runs),
        "seconds": [run.outcome.seconds for run in runs],
    }


def _told_before(run: Result) -> set[str]:
    """Symptoms that a viewer was told of at some evaluation."""
    moments = (run.history.until(each.step) for each in run.history.evaluations)
    return {found.symptom for moment in moments for found in diagnose(moment, run.config)}


def mostly_right(rows: list[Row]) -> bool:
    """At least 95 % of the runs are told as they are, and no healthy run has a finding."""
    right, runs = sum(row["right"] for row in rows), sum(row["runs"] for row in rows)
    healthy = all(row["right"] == row["runs"] for row in rows if not row["truth"])
    return right >= 0.95 * runs and healthy


TRUTH_COLUMNS: dict[str, Callable[[Row], str]] = {
    "recipe": lambda row: row["recipe"],
    "truth": lambda row: " and ".join(row["truth"]) or "healthy",
    "findings": lambda row: ", ".join(f"{told}: {n}" for told, n in row["findings"].items()),
    "that and nothing else": lambda row: f"{row['right']} of {row['runs']}",
    "something else on the way": lambda row: f"{row['misled']} of {row['runs']}",
    "seconds a run": lambda row: f"{statistics.mean(row['seconds']):.0f}",
}


def _recipes(recipes: Mapping[str, Any]) -> Callable[[], dict[str, RunConfig]]:
    return lambda: {name: recipe.config for name, recipe in recipes.items()}


TABLES: dict[str, Table] = {
    "presets": Table(
        "The presets do what they promise", "5-9", preset_acceptance.runs, preset_acceptance.rows, preset_acceptance.COLUMNS,
        preset_acceptance.kept),
    "remedies": Table(
        "What each remedy brings", "0-4", _recipes(REMEDIES), _remedy_rows, REMEDY_COLUMNS,
        lambda rows: True),
    "packing": Table(
        "PacGAN's two-dimensional table, shortened", "0-4", _recipes(PACKING), _packing_rows,
        PACKING_COLUMNS, packing_helps),
    "frozen": Table(
        "The gradient of a frozen generator", "0-1", _recipes(FROZEN), _frozen_rows,
        FROZEN_COLUMNS, minimax_vanishes),
    "diagnosis": Table(
        "What the diagnosis says of runs whose truth is known", "5-9", _recipes(KNOWN),
        _truth_rows, TRUTH_COLUMNS, mostly_right),
}
