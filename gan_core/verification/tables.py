"""The tables of docs/verification.md: what is trained for each, and what is expected of it.

    python -m gan_core verify remedies packing --write docs/verification.md

How the runs of a table are summed up stands in a file of its own beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gan_core.config.recipes import FROZEN, KNOWN, PACKING, REMEDIES, Known, Recipe
from gan_core.config.run_config import RunConfig
from gan_core.verification import (
    case_verdicts,
    frozen_generator,
    known_truths,
    packing,
    preset_acceptance,
    recogniser_table,
    remedies,
    remedies_work,
    warning_leads,
)
from gan_core.verification.cells import Columns
from gan_core.verification.results import Results, Row


@dataclass(frozen=True)
class Table:
    """`runs` gives the configs that are trained over `seeds`, by name; `follow_up` those that are
    trained next, by name and seed, when their results are known; `rows` sums up all results;
    `columns` writes a row's cells; `accepted` says whether the rows are as expected."""

    title: str
    seeds: str
    runs: Callable[[], dict[str, RunConfig]]
    rows: Callable[[Results], list[Row]]
    columns: Columns
    accepted: Callable[[list[Row]], bool]
    follow_up: Callable[[Results], dict[tuple[str, int], RunConfig]] = lambda results: {}


def _configs_of(
    recipes: Mapping[str, Recipe] | Mapping[str, Known]
) -> Callable[[], dict[str, RunConfig]]:
    return lambda: {name: recipe.config for name, recipe in recipes.items()}


TABLES: dict[str, Table] = {
    "presets": Table(
        "The presets do what they promise", "25-29", preset_acceptance.configs,
        preset_acceptance.rows, preset_acceptance.COLUMNS, preset_acceptance.accepted),
    "remedies": Table(
        "What each remedy brings", "0-4", _configs_of(REMEDIES),
        remedies.rows, remedies.COLUMNS, remedies.accepted),
    "packing": Table(
        "PacGAN's two-dimensional table, shortened", "0-4", _configs_of(PACKING),
        packing.rows, packing.COLUMNS, packing.accepted),
    "frozen": Table(
        "The gradient of a frozen generator", "0-1", _configs_of(FROZEN),
        frozen_generator.rows, frozen_generator.COLUMNS, frozen_generator.accepted),
    "diagnosis": Table(
        "What the diagnosis says of runs whose truth is known", "25-29", _configs_of(KNOWN),
        known_truths.rows, known_truths.COLUMNS, known_truths.accepted),
    "cases": Table(
        "What the verdict says of other people's runs", "0-2", case_verdicts.configs,
        case_verdicts.rows, case_verdicts.COLUMNS, case_verdicts.accepted),
    "remedies-work": Table(
        "What the first and second remedy do", "0-2", remedies_work.configs, remedies_work.rows,
        remedies_work.COLUMNS, remedies_work.accepted, remedies_work.remedied),
    "warnings": Table(
        "How early a warning comes", "5-9", _configs_of(KNOWN),
        warning_leads.rows, warning_leads.COLUMNS, warning_leads.accepted),
    "recogniser": Table(
        "What the recogniser takes for a digit", "0", dict, recogniser_table.rows,
        recogniser_table.COLUMNS, recogniser_table.accepted),
}


def configs(
    table: Table, seeds: Iterable[int], only: Collection[str] = ()
) -> dict[tuple[str, int], RunConfig]:
    """What must be trained, by name and seed; of the names `only` those, if there are any."""
    return {
        (name, seed): config.replace(seed=seed)
        for name, config in table.runs().items() if not only or name in only
        for seed in seeds
    }


def markdown(columns: Columns, rows: list[Row]) -> str:
    """A table as Markdown."""
    lines = [list(columns), ["---"] * len(columns)]
    lines += [[cell(row) for cell in columns.values()] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_into(path: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- table NAME -->` and `<!-- end NAME -->` in a document.

    Raises ValueError if the document has no such place, OSError if it cannot be read or written.
    """
    document = path.read_text(encoding="utf-8")
    place = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    replaced, places = place.subn(lambda match: f"{match[1]}{text}\n{match[2]}", document)
    if not places:
        raise ValueError(f"{path} has no place for the table {name}: it must hold the lines "
                         f"<!-- table {name} --> and <!-- end {name} -->.")
    path.write_text(replaced, encoding="utf-8")
