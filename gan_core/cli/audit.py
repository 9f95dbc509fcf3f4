"""`verify audit`: the verdict beside the labels of runs that nobody tuned it for.

Torch is loaded with this file.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from gan_core.cli.output import INTERRUPTED, json_text, say, write_table
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.verification import audit_table
from gan_core.verification.audit import Audit, Audited, drawn_runs
from gan_core.verification.results import Row
from gan_core.verification.tables import markdown


def audit(seeds: list[int], options: Namespace, settings: Settings, device: Any) -> int:
    """Train and measure what these draws need, and print or write what they come to."""
    work = Audit(RunStore(options.store or settings.store), device,
                 options.workers or settings.workers, options.remedies, _say_measured)
    drawn = drawn_runs(seeds, options.only)
    runs = work.results(drawn)
    if runs is None:
        return INTERRUPTED
    if len(runs) < len(drawn):
        say(f"{len(drawn) - len(runs)} runs could not be trained; their logs say why")
    rows, worst = audit_table.rows(runs), audit_table.worst(runs)
    if options.json:
        print(json_text({"audit": rows, "worst": worst, "runs": [_entry(run) for run in runs]}))
    else:
        _print(rows, worst, options.store)
    if options.write:
        write_table(options.write, "audit", markdown(audit_table.COLUMNS, rows))
    return 0 if audit_table.accepted(rows) else 1


def _say_measured(count: int, total: int) -> None:
    say(f"{count} of {total} runs measured")


def _entry(run: Audited) -> dict[str, Any]:
    """One run, for whoever wants to look further."""
    return {
        "group": run.drawn.group, "fault": run.drawn.fault, "digest": run.drawn.config.digest(),
        "label": run.label, "quality": run.quality, "state": run.told.state,
        "remedy": run.told.remedy, "improved": run.improved, "remedied": run.remedied,
        "command": audit_table.command(run),
    }


def _print(rows: list[Row], worst: list[Row], store: Path | None) -> None:
    acceptance = "as expected" if audit_table.accepted(rows) else "NOT as expected"
    print(f"The audit\n\n{markdown(audit_table.COLUMNS, rows)}\n\naudit: {acceptance}\n")
    where = f" --store {store}" if store else ""
    for entry in worst:
        print(f"{entry['wrong']} ({entry['fault']}, quality {entry['quality']:.2f})\n"
              f"  {entry['command']}{where}")
