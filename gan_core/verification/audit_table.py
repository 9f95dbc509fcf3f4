"""What an audit comes to: a row for each group of runs, and the runs that went worst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from gan_core.config.validation import as_text
from gan_core.verification.audit import Audited
from gan_core.verification.audit_draws import GROUPS
from gan_core.verification.audited_verdict import FAILING, GREEN, IMPROVING
from gan_core.verification.cells import Columns
from gan_core.verification.results import Row

WORST = 10  # runs that are named
# Of the reporting draw, all groups together; each with what it is a share of.
AT_LEAST = {"green_on_good": ("good", 0.90), "better": ("tried", 0.90)}
AT_MOST = {"green_on_bad": ("bad", 0.0), "failing_on_good": ("good", 0.05),
           "false_improving": ("improving", 0.05), "worse": ("tried", 0.03)}


def rows(runs: Sequence[Audited]) -> list[Row]:
    """One row a group that has runs, and one of all together."""
    groups = {group: [run for run in runs if run.drawn.group == group] for group in GROUPS}
    return [_row(group, members) for group, members in {**groups, "all": runs}.items() if members]


def _row(group: str, runs: Sequence[Audited]) -> Row:
    told = Counter((run.label, _word(run)) for run in runs)
    labels = Counter(run.label for run in runs)
    # Twice as many steps are no remedy: what came of that advice is counted by itself.
    further, remedied = (Counter(run.remedied for run in runs
                                 if run.remedied and (run.told.state == IMPROVING) is trains_on)
                         for trains_on in (True, False))
    return {
        "group": group, "runs": len(runs),
        **{name: labels[name] for name in ("good", "middling", "bad")},
        "green_on_bad": told["bad", "green"],
        "green_on_good": told["good", "green"],
        "failing_on_good": told["good", "failing"],
        "failing_on_bad": told["bad", "failing"],
        "doubted": sum(run.doubted for run in runs),
        "improving": sum(run.improved is not None for run in runs),
        "false_improving": sum(run.improved is False for run in runs),
        "tried": remedied.total(),
        **{name: remedied[name] for name in ("better", "worse")},
        "trained_on": further.total(), "better_later": further["better"],
    }


def _word(run: Audited) -> str:
    """What the verdict comes to: green, failing or neither."""
    if run.told.state == GREEN:
        return "green"
    return "failing" if run.told.state in FAILING else "neither"


def _of(part: str, whole: str) -> Callable[[Row], str]:
    return lambda row: f"{row[part]} of {row[whole]}" if row[whole] else "–"


COLUMNS: Columns = {
    "runs": lambda row: f"{row['group']}: {row['runs']}",
    "good / middling / bad": lambda row: f"{row['good']} / {row['middling']} / {row['bad']}",
    "green on bad": _of("green_on_bad", "bad"),
    "failing on bad": _of("failing_on_bad", "bad"),
    "green on good": _of("green_on_good", "good"),
    "failing on good": _of("failing_on_good", "good"),
    "failing on the way": _of("doubted", "good"),
    "*improving*, and is not": _of("false_improving", "improving"),
    "first remedy better": _of("better", "tried"),
    "worse": _of("worse", "tried"),
    "told to train on: better": _of("better_later", "trained_on"),
}


def accepted(rows: Sequence[Row]) -> bool:
    """Whether all groups together keep to AT_LEAST and AT_MOST; without good runs, or without bad
    ones, nothing is shown."""
    together = next((row for row in rows if row["group"] == "all"), None)
    if together is None or not (together["good"] and together["bad"]):
        return False
    enough = (together[part] >= share * together[whole]
              for part, (whole, share) in AT_LEAST.items())
    few = (together[part] <= share * together[whole] for part, (whole, share) in AT_MOST.items())
    return all(enough) and all(few)


# --- the runs that went worst ---------------------------------------------------------------------


def worst(runs: Sequence[Audited]) -> list[Row]:
    """The runs whose verdict was furthest from right: each with what was wrong, and the command
    that shows it."""
    wrong = [(badness, said, run) for run in runs for badness, said in [_wrong(run)] if badness]
    wrong.sort(key=lambda entry: -entry[0])
    return [{"wrong": said, "fault": run.drawn.fault, "quality": round(run.quality, 3),
             "command": command(run)} for _, said, run in wrong[:WORST]]


def _wrong(run: Audited) -> tuple[float, str]:
    """How wrong a verdict is, 0 for a right one, and in words."""
    kinds = {
        "green on bad": (4 - run.quality) * (run.label == "bad" and _word(run) == "green"),
        "failing on good": (2 + run.quality) * (run.label == "good" and _word(run) == "failing"),
        "remedy makes it worse": 1.5 * (run.remedied == "worse"),
        "improving, and is not": 1.0 * (run.improved is False),
        "remedy does not help": 0.5 * (run.remedied == "same"),
        "not green on good": 0.4 * (run.label == "good" and _word(run) == "neither"),
    }
    said = max(kinds, key=lambda name: kinds[name])
    return kinds[said], said


def command(run: Audited) -> str:
    """What trains this run, or shows it in the store that has it."""
    changes = [f"{name}={as_text(value)}" for name, value in run.drawn.config.changes().items()]
    return f"python -m gan_core run --set {' '.join(changes)}"
