"""`folds`: compare settings by cross-validation, and measure the best one once on the test set."""

from __future__ import annotations

import argparse
import time
from argparse import Namespace
from typing import Any

from gan_core.cli.arguments import (
    Parser,
    UsageError,
    add_command,
    chosen_config,
    config_options,
    fields_help,
    json_option,
    machine_options,
    refuse_unknown,
    store_option,
    whole_number,
    workers_option,
)
from gan_core.cli.device import prepare_device
from gan_core.cli.output import INTERRUPTED, json_text, say
from gan_core.cli.parameter_map import aligned, keep
from gan_core.cli.run import store_at
from gan_core.config import recipes
from gan_core.config.value_words import tick_text
from gan_core.exploration.axis import FORM, axis
from gan_core.exploration.cell_runs import JUDGED_BY, MEASURES
from gan_core.exploration.cross_validation import (
    MOST_FOLDS,
    Candidate,
    CrossValidation,
    Standing,
)
from gan_core.exploration.fold_words import comparisons, verdict_words
from gan_core.exploration.planner import batches
from gan_core.exploration.shipped_folds import SHIPPED_FOLDS
from gan_core.exploration.shipped_maps import shipped_results
from gan_core.exploration.study import Study
from gan_core.exploration.study_results import StudyResults
from gan_core.runs.store import RunStore
from gan_core.system.settings import Settings
from gan_core.verification.parallel_training import train_batches

USUAL_FOLDS = 5


def add_to(commands: argparse._SubParsersAction[Parser]) -> None:
    added = add_command(
        commands, "folds", folds, "compare settings by cross-validation: which is better, and can "
        "these folds tell?",
        machine_options(), json_option(), store_option(), workers_option(), config_options(),
        epilog=fields_help(), formatter_class=argparse.RawDescriptionHelpFormatter)
    added.add_argument("--shipped", action="store_true",
                       help="the comparison that ships, instead of --candidates and --vary")
    added.add_argument("--write", action="store_true",
                       help="put the results of --shipped in the place from which they ship")
    added.add_argument("--candidates", nargs="+", default=[], metavar="NAME",
                       help="presets to compare; --set changes all of them")
    added.add_argument("--vary", metavar="AXIS",
                       help=f"or one setting of the run that --preset and --set describe: {FORM}")
    added.add_argument("--folds", type=whole_number(2, MOST_FOLDS), metavar="K",
                       help=f"parts of the training set, 2 to {MOST_FOLDS} (default 5)")
    added.add_argument("--measure", choices=MEASURES,
                       help="what is compared (default: frechet of images, quality of points)")
    added.add_argument("--halving", action="store_true",
                       help="after each round the worse half of the candidates goes")


def folds(options: Namespace, settings: Settings) -> int:
    """Train what a cross-validation needs, and report it."""
    study = _study(options)
    device = prepare_device(options, settings)
    began = time.monotonic()
    with store_at(options.store) as store:
        results = StudyResults(store.root)
        if not fill(study, store, results, device, options.workers or settings.workers):
            return INTERRUPTED
        known = results.read(study)
        standing = study.standing(known)
        if options.write and not standing.wanted:
            shipped_results().replace(study, list(known.values()))
    if options.json:
        print(json_text({**_as_data(study, standing),
                         "elapsed": round(time.monotonic() - began, 2)}))
    else:
        print(_in_words(study, standing))
    if standing.wanted:
        say("some runs failed: these folds are not complete")
    return 1 if standing.wanted else 0


def _study(options: Namespace) -> CrossValidation:
    """What the options describe. Raises UsageError, ConfigError."""
    if options.shipped:
        if any((options.candidates, options.vary, options.set, options.preset, options.config,
                options.folds, options.measure, options.halving)):
            raise UsageError("--shipped names a whole comparison: no other option can change it.")
        return SHIPPED_FOLDS
    if options.write:
        raise UsageError("--write takes --shipped: other comparisons do not ship.")
    if bool(options.candidates) == bool(options.vary):
        raise UsageError("folds takes either --candidates NAME NAME … or --vary AXIS.")
    if options.vary:
        base, varied = chosen_config(options), axis(options.vary, "--vary")
        candidates = [
            Candidate(tick_text(varied.field, value),
                      base.changed(varied.since, **{varied.field: value}) if varied.since
                      else base.replace(**{varied.field: value}))
            for value in varied.values]
    else:
        refuse_unknown("--candidates", options.candidates, recipes.named())
        candidates = []
        for name in options.candidates:
            options.preset = name
            candidates.append(Candidate(name, chosen_config(options)))
    measure = options.measure or JUDGED_BY[candidates[0].config.card.kind][0]
    return CrossValidation(
        tuple(candidates), options.folds or USUAL_FOLDS, measure, options.halving)


def fill(
    study: Study, store: RunStore, results: StudyResults, device: Any, workers: int
) -> bool:
    """Train round after round until nothing is wanted, or what is wanted fails; False if
    interrupted."""
    tried: set[str] = set()
    while wanted := [config for config in study.wanted(results.read(study))
                     if config.digest() not in tried]:
        tried |= {config.digest() for config in wanted}
        keep(study, store, results, wanted)
        known = results.read(study)
        missing = [config for config in wanted if config.digest() not in known]
        for batch, ended in train_batches(batches(missing), store, device, workers):
            if not ended:
                return False
            keep(study, store, results, batch)
            say(f"runs left, at most: {study.remaining(results.read(study))}")
    return True


# --- what is said of it --------------------------------------------------------------------------


def _in_words(study: CrossValidation, standing: Standing) -> str:
    measure = MEASURES[study.measure]
    head = ["", *(f"fold {fold}" for fold in range(study.folds)), "mean", "± sd", ""]
    rows = [head]
    for number, candidate in enumerate(study.candidates):
        values = standing.values[number]
        dropped = standing.dropped.get(number)
        note = f"dropped after fold {dropped.folds - 1}" if dropped else (
            "best" if number == standing.best else "")
        rows.append([candidate.label,
                     *(measure.text(values[fold]) if fold in values else "–"
                       for fold in range(study.folds)),
                     measure.text(standing.mean(number)), measure.text(standing.deviation(number)),
                     note])
    words = [sentence.replace("**", "") for sentence in verdict_words(study, standing)]
    return "\n".join([f"{measure.label}, by the fold that was held out", *aligned(rows), *words])


def _as_data(study: CrossValidation, standing: Standing) -> dict[str, Any]:
    return {
        **study.to_dict(),
        "digest": study.digest(),
        "values": [[values.get(fold) for fold in range(study.folds)]
                   for values in standing.values],
        "means": [standing.mean(number) for number in range(len(study.candidates))],
        "dropped": [{"label": study.candidates[number].label, **vars(dropped)}
                    for number, dropped in standing.dropped.items()],
        "best": study.candidates[standing.best].label if standing.best is not None else None,
        "comparisons": [
            {"other": study.candidates[each.other].label, "p": each.p,
             "tells_apart": each.tells_apart, **(vars(each.test) | {"p": each.p}
                                                 if each.test else {})}
            for each in comparisons(study, standing)],
        "tested": standing.tested,
    }
