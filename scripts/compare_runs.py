"""Does another state of the code compute the same numbers, to the last bit?

    python scripts/compare_runs.py REVISION

trains many configs for a few steps, in a worktree of the git revision and in the working tree,
both on the CPU with one thread, and compares the digests of the configs and every record. It
prints one line for each kind of run, then each run that differs with its first differing record.
The exit code is 0 if all are equal, 1 otherwise. Clock times are left out.

Each tree is read by this very file, run with `--fingerprint` in a process of its own: modules that
were moved are looked for in their new place first, then in their old one.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import hashlib
import importlib
import itertools
import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}  # read when torch is imported
STEPS = 20
RESUMED_STEPS, CHECKPOINT_STEP = 40, 10  # more than are measured at once, and amid those

Settings = dict[str, Any]  # of a RunConfig
Config = Any  # a RunConfig of either tree
Entry = dict[str, Any]  # the digest of a config, and pairs (label of a record, its SHA-256)
Fingerprint = dict[str, Entry]  # by "kind/name"

# --- small runs in which each mechanism acts -----------------------------------------------------

RING: Settings = {"dataset": "ring", "learning_rate": 1e-3}
IMAGES: Settings = {"learning_rate": 1e-3}
CRITIC: Settings = {**RING, "loss": "wasserstein"}
TARGETS = ("minimax", "non_saturating", "least_squares")
LOSSES = (*TARGETS, "hinge", "wasserstein", "relativistic")
ORDERS = ("discriminator_first", "generator_first", "simultaneous")
PENALTIES = {"gradient_penalty": 10.0, "r1": 1.0, "r2": 1.0}
OPTIMIZERS = {"adam": {"beta1": 0.9, "beta2": 0.99}, "rmsprop": {"beta1": 0.5, "beta2": 0.9},
              "sgd": {"beta1": 0.5, "learning_rate": 0.01}}


def _objectives() -> dict[str, Settings]:
    """Each loss with each order of updates, moved labels and a freeze; each optimiser."""
    # With dropout: two of the orders differ only in who draws first.
    found = {f"loss {loss}, {order}": {**RING, "loss": loss, "update_order": order, "dropout": 0.2}
             for loss in LOSSES for order in ORDERS}
    found |= {f"{name}, {loss}": {**RING, "loss": loss, name: 0.1}
              for loss in TARGETS
              for name in ("label_smoothing", "fake_label_smoothing", "label_flips")}
    found |= {f"freeze, {loss}": {**RING, "loss": loss, "freeze_generator": 10} for loss in LOSSES}
    found |= {f"optimizer {name}": {**RING, "optimizer": name, **settings}
              for name, settings in OPTIMIZERS.items()}
    return found | {f"{name} of D alone": {**RING, "discriminator_optimizer": name,
                                           "discriminator_beta1": 0.5}
                    for name in OPTIMIZERS}


def _limits() -> dict[str, Settings]:
    """Each penalty, on points and on images, and beside what draws random numbers."""
    bases = {
        "ring": CRITIC,
        "images": {**IMAGES, "loss": "wasserstein"},
        "noise and dropout": {**RING, "input_noise": 0.1, "dropout": 0.4},
        "dcgan": {**IMAGES, "architecture": "dcgan", "width": 0.25},
    }
    return {f"{name}, {where}": {**base, name: weight}
            for name, weight in PENALTIES.items() for where, base in bases.items()}


SINGLE: dict[str, Settings] = {
    "all penalties": {**RING, **PENALTIES},
    "weight clipping": {**CRITIC, "optimizer": "rmsprop", "weight_clip": 0.01},
    "gradient clipping": {**RING, "optimizer": "sgd", "gradient_clip": 0.01},
    "spectral norm": {**CRITIC, "spectral_norm": True},
    "spectral norm, dcgan": {**IMAGES, "architecture": "dcgan", "width": 0.25, "loss": "hinge",
                             "spectral_norm": True},
    "spectral norm, pacgan_2d": {**RING, "architecture": "pacgan_2d", "spectral_norm": True},
    "packing": {**RING, "packing": 4},
    "packing, images": {**IMAGES, "packing": 2, "batch_size": 128},
    "minibatch deviation": {**RING, "minibatch_stddev": True},
    "minibatch deviation, packing": {**RING, "minibatch_stddev": True, "packing": 2},
    "minibatch deviation, dcgan": {**IMAGES, "architecture": "dcgan", "width": 0.25,
                                   "minibatch_stddev": True},
    "augment": {**IMAGES, "augment": True},
    "augment, r1": {**IMAGES, "augment": True, "r1": 1.0},
    "input noise": {**RING, "input_noise": 0.2},
    "input noise, fading": {**RING, "input_noise": 0.2, "input_noise_steps": 10},
    "dropout": {**RING, "dropout": 0.4},
    "dropout, dcgan": {**IMAGES, "architecture": "dcgan", "width": 0.25, "dropout": 0.4},
    "averaged generator": {**RING, "ema": 0.9},
    "averaged generator, dcgan": {**IMAGES, "architecture": "dcgan", "width": 0.25, "ema": 0.9},
    "fast discriminator": {**RING, "learning_rate_ratio": 5.0},
    "fast generator": {**RING, "learning_rate_ratio": 0.2},
    "generator steps": {**RING, "generator_steps": 2},
    "generator steps, generator first": {**RING, "generator_steps": 2,
                                         "update_order": "generator_first"},
    "discriminator steps": {**RING, "discriminator_steps": 3},
    "discriminator steps, generator first": {**RING, "discriminator_steps": 3,
                                             "update_order": "generator_first"},
    "mean loss": {**RING, "discriminator_loss": "mean", "optimizer": "sgd"},
    "mean loss, penalty": {**RING, "discriminator_loss": "mean", "r1": 1.0},
    "mlp, ring": RING,
    "mlp, grid": {**RING, "dataset": "grid"},
    "mlp, images": IMAGES,
    "mlp, wide and deep": {**RING, "width": 2.0, "depth": 4},
    "mlp_reference": {**IMAGES, "architecture": "mlp_reference", "minibatch_stddev": True},
    "dcgan": {**IMAGES, "architecture": "dcgan", "width": 0.25},
    "dcgan_reference": {**IMAGES, "architecture": "dcgan_reference", "batch_size": 16,
                        "dropout": 0.25},
    "pacgan_2d": {**RING, "architecture": "pacgan_2d", "latent_dim": 2, "packing": 2,
                  "dropout": 0.4},
    "freeze, images": {**IMAGES, "freeze_generator": 10, "discriminator_steps": 2},
    "freeze, schedule": {**RING, "freeze_generator": 10, "schedule": "@10 learning_rate_ratio=10"},
    "schedule": {**RING, "schedule": "@10 loss=wasserstein gradient_penalty=0.1 "
                                     "learning_rate=0.0005 learning_rate_ratio=3"},
    "schedule, every other setting": {
        **RING, "schedule": "@5 dropout=0.4 input_noise=0.1 label_smoothing=0.1 r2=1 "
                            "@10 discriminator_steps=2 generator_steps=2 discriminator_loss=mean "
                            "@15 update_order=generator_first weight_clip=0.1 gradient_clip=0.1"},
    "schedule, images": {**IMAGES, "schedule": "@10 augment=true r1=1 loss=relativistic"},
    "class skew, balanced": {**IMAGES, "class_skew": 0.9, "balanced_sampling": True},
    "class skew, ring": {**RING, "class_skew": 0.9},
    "folds": {**IMAGES, "folds": 5, "fold": 2},
    "folds, ring": {**RING, "folds": 4, "fold": 1},
    "few examples": {**IMAGES, "training_examples": 200},
    "every cut": {**IMAGES, "training_examples": 500, "class_skew": 0.5, "folds": 3, "fold": 1,
                  "balanced_sampling": True},
    "seed": {**RING, "seed": 7},
    "batch and latent sizes": {**RING, "batch_size": 32, "latent_dim": 8},
    "float32, images": {**IMAGES, "precision": "float32"},
    "bfloat16, images": {**IMAGES, "precision": "bfloat16"},
    "bfloat16, ring": {**RING, "precision": "bfloat16"},
    "divergence": {**CRITIC, "optimizer": "sgd", "learning_rate": 1.0},
}

RESUMED: dict[str, Settings] = {
    "ring": {**RING, "input_noise": 0.1, "r1": 0.1},
    "ring, schedule": {**RING, "optimizer": "rmsprop", "schedule": "@5 dropout=0.4 @30 r1=0.1"},
    "ring, freeze": {**RING, "freeze_generator": 30},
    "images": {**IMAGES, "ema": 0.9, "dropout": 0.4, "training_examples": 2000},
}

BATCHES: dict[str, tuple[Settings, ...]] = {
    "penalty": tuple(
        {**RING, "seed": seed, "learning_rate": 5e-4 * (seed + 1), "dropout": 0.1 * (seed + 1),
         "label_smoothing": 0.05 * seed, "r1": 0.1, "steps": STEPS - 3 * seed}  # leave one by one
        for seed in range(4)),
    "critic": tuple(
        {**CRITIC, "seed": seed, "optimizer": "rmsprop", "weight_clip": 0.01 * (seed + 1),
         "packing": 2, "ema": 0.9, "gradient_clip": 1.0, "discriminator_steps": 2, "steps": STEPS}
        for seed in range(2)),
}

# --- what is computed in one tree ----------------------------------------------------------------


def _import(new: str, old: str) -> Any:
    """The module under its new name, or its old one; an import that fails inside it still fails."""
    try:
        return importlib.import_module(new)
    except ModuleNotFoundError as error:
        if not f"{new}.".startswith(f"{error.name}."):
            raise
        return importlib.import_module(old)


def _run_config() -> Any:
    return _import("gan_core.config.run_config", "gan_core.config").RunConfig


def _challenges() -> Any:
    return _import("gan_core.config.presets", "gan_core.challenges")


def _recipes() -> Any:
    return _import("gan_core.config.recipes", "gan_core.recipes")


def _train(config: Config, **options: Any) -> Any:
    trainer = _import("gan_core.training.trainer", "gan_core.trainer")
    return trainer.train(config, device="cpu", **options)


def _content(value: Any, clock: bool) -> bytes:
    """A record, or a part of one, as bytes that are equal only where all its bits are."""
    if dataclasses.is_dataclass(value):
        fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        return _content({name: part for name, part in fields.items()
                         if clock or name != "seconds"}, clock)
    if isinstance(value, dict):
        return _content([part for pair in sorted(value.items()) for part in pair], clock)
    if isinstance(value, list | tuple):
        return b"[" + b",".join(_content(part, clock) for part in value) + b"]"
    if hasattr(value, "tobytes") and getattr(value, "shape", ()):
        return f"{value.dtype}{value.shape}".encode() + value.tobytes()
    return struct.pack("<d", value) if isinstance(value, float) else repr(value).encode()


def _hash(value: Any, clock: bool = False) -> str:
    return hashlib.sha256(_content(value, clock)).hexdigest()


def _label(record: Any) -> str:
    """What a person calls a record; classes are told apart by their fields, not their names."""
    kinds = {"metrics": "evaluation", "kind": "outcome", "loss_d": "step"}
    kind = next((name for field, name in kinds.items() if hasattr(record, field)), None)
    return f"{kind or record.view} {record.step}"


def _hashed(records: Iterable[Any]) -> list[tuple[str, str]]:
    return [(_label(record), _hash(record)) for record in records]


def _entry(config: Config, records: list[tuple[str, str]]) -> Entry:
    return {"digest": config.digest(), "steps": config.steps, "records": records}


@functools.cache  # many names share a config
def _trained(config: Config) -> list[tuple[str, str]]:
    return _hashed(_train(config))


def _shortened(config: Config) -> list[tuple[str, str]]:
    """The first records of the run; of the long one where a rule refuses the short one."""
    try:
        short = config.replace(steps=STEPS)
    except ValueError:
        until = itertools.takewhile(lambda record: record.step <= STEPS, _train(config))
        return _hashed(until)
    return _trained(short)


Work = dict[str, Callable[[], Entry]]  # by name, what makes the entry


def _each(configs: dict[str, Config]) -> Work:
    return {name: lambda config=config: _entry(config, _shortened(config))
            for name, config in configs.items()}


def _presets() -> dict[str, Config]:
    """Of all pages, and what is recorded."""
    challenges = _challenges()
    found = {f"{page}-{name}": preset.config
             for page, challenge in challenges.CHALLENGES.items()
             for name, preset in challenge.offered.items()}
    return found | {f"recorded-{name}": config for name, config in challenges.RECORDED.items()}


def _remedies() -> dict[str, Config]:
    return {f"remedy-{name}": recipe.config for name, recipe in _recipes().REMEDIES.items()}


def _other_recipes() -> dict[str, Config]:
    """Everything else that has a name: references, packing, frozen generators, known truths."""
    known = _presets() | _remedies()
    return {name: config for name, config in _recipes().named().items() if name not in known}


def _mechanisms() -> Work:
    make = _run_config()
    return {name: lambda settings=settings: _made(make(**settings, steps=STEPS))
            for name, settings in {**_objectives(), **_limits(), **SINGLE}.items()}


def _made(config: Config) -> Entry:
    return _entry(config, _trained(config))


def _resumed() -> Work:
    make = _run_config()
    return {name: lambda settings=settings: _interrupted(make(**settings, steps=RESUMED_STEPS))
            for name, settings in RESUMED.items()}


def _interrupted(config: Config) -> Entry:
    """Until between two records, and from the checkpoint's file on to the end."""
    training, before = _train(config), []
    for record in training:
        before.append(record)
        if _label(record) == f"step {CHECKPOINT_STEP}":
            break
    after = _train(config, resume_from=_stored(training.checkpoint()))
    return _entry(config, _hashed([*before, *after]))


def _stored(checkpoint: dict) -> dict:
    """Through a file, as a store keeps it."""
    import torch

    with tempfile.TemporaryFile() as file:
        torch.save(checkpoint, file)
        file.seek(0)
        return torch.load(file, map_location="cpu", weights_only=True)


def _batches() -> Work:
    """Each run of each batch; the batch is trained when the first of its runs is asked for."""
    make, work = _run_config(), {}
    for name, runs in BATCHES.items():
        configs = tuple(make(**settings) for settings in runs)
        work |= {f"{name}, run {index}": functools.partial(_member, configs, index)
                 for index in range(len(configs))}
    return work


def _member(configs: tuple[Config, ...], index: int) -> Entry:
    return _entry(configs[index], _hashed(_together(configs)[index]))


@functools.cache
def _together(configs: tuple[Config, ...]) -> list[list[Any]]:
    ensemble = _import("gan_core.training.ensemble", "gan_core.ensemble").Ensemble
    records: list[list[Any]] = [[] for _ in configs]
    for index, record in ensemble(configs, device="cpu"):
        records[index].append(record)
    return records


def _recorded() -> Work:
    """The runs that ship with the project; nothing is trained."""
    package = Path(importlib.import_module("gan_core").__file__).parent
    places = [package / folder / "recorded" for folder in ("assets", "data")]
    root = next(place for place in places if place.is_dir())
    store = _import("gan_core.runs.store", "gan_core.store").RunStore(root)
    return {folder.name: lambda digest=folder.name: _kept(store, digest)
            for folder in sorted(root.iterdir()) if folder.is_dir()}


def _kept(store: Any, digest: str) -> Entry:
    """What a recorded run holds. Here seconds are part of it: nobody measures them again."""
    snapshot = store.snapshot(digest)
    if snapshot.config.digest() != digest:
        raise ValueError(f"its config's digest is {snapshot.config.digest()}")
    history = snapshot.history
    parts = {name: _hash(getattr(history, name), clock=True)
             for name in ("steps", "evaluations", "outcome")}
    return _entry(snapshot.config, [*parts.items(), *_files(store.root / digest)])


def _files(folder: Path) -> list[tuple[str, str]]:
    """Of a run, all that lies in folders: the samples and other views."""
    return [(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
            for path in sorted(folder.glob("*/*"))]


KINDS: dict[str, Callable[[], Work]] = {
    "presets": lambda: _each(_presets()),
    "remedies": lambda: _each(_remedies()),
    "recipes": lambda: _each(_other_recipes()),
    "recorded": _recorded,
    "mechanisms": _mechanisms,
    "resume": _resumed,
    "batch": _batches,
}
SHOWN = {"recorded": "recorded runs"}


def _safe(make: Callable[[], Entry]) -> Entry:
    """An entry that holds the error where one is raised, so that the other runs are compared."""
    try:
        return make()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def fingerprint(kinds: Iterable[str]) -> Fingerprint:
    """Of the tree in the current directory."""
    os.environ.update(ONE_THREAD)
    import torch

    package = Path(importlib.import_module("gan_core").__file__).resolve()
    if not package.is_relative_to(Path.cwd().resolve()):
        raise SystemExit(f"gan_core was found in {package.parent}, not in the current directory")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as every process that trains does, whoever says so
    return {f"{kind}/{name}": _safe(make)
            for kind in kinds for name, make in KINDS[kind]().items()}


# --- two trees, compared -------------------------------------------------------------------------


@contextlib.contextmanager
def _worktree(revision: str) -> Iterator[Path]:
    """A checkout of the revision, for as long as the context lasts."""
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve() / "tree"
        added = subprocess.run([*git, "add", "--quiet", "--detach", str(tree), revision])
        if added.returncode:
            raise SystemExit(f"there is no worktree of {revision!r}")
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def _fingerprint_of(tree: Path, kinds: Iterable[str]) -> Fingerprint:
    """By a process of its own, whose modules are those of the tree."""
    chosen = [word for kind in kinds for word in ("--only", kind)]
    done = subprocess.run(
        # -P: the script's own folder is no place to import from.
        [sys.executable, "-P", str(Path(__file__).resolve()), "--fingerprint", *chosen],
        cwd=tree, env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _difference(before: Entry | None, after: Entry | None) -> str | None:
    """In what two entries differ, in words; an error on either side is never equal."""
    for entry, when in ((before, "before"), (after, "after")):
        if entry is None:
            return f"missing {when}"
        if "error" in entry:
            return f"{when}: {entry['error']}"
    changed = (name for name in ("digest", "steps") if before[name] != after[name])
    if name := next(changed, None):
        return f"{name} {before[name]} became {after[name]}"
    pairs = itertools.zip_longest(before["records"], after["records"])
    first = next(((old or new)[0] for old, new in pairs if old != new), None)
    return first and f"first differing record: {first}"


def compare(before: Fingerprint, after: Fingerprint, kinds: Iterable[str]) -> dict[str, Any]:
    """How many of each kind were compared and are equal, and what differs in the others."""
    names = list(dict.fromkeys([*before, *after]))
    different = {name: why for name in names
                 if (why := _difference(before.get(name), after.get(name))) is not None}
    counts = {}
    for kind in kinds:
        own = [name for name in names if name.startswith(f"{kind}/")]
        counts[kind] = {"compared": len(own), "equal": sum(name not in different for name in own)}
    return {"kinds": counts, "different": different}


def _report(found: dict[str, Any]) -> str:
    lines = [f"{SHOWN.get(kind, kind):13} {count['compared']:4} compared, {count['equal']:4} equal"
             for kind, count in found["kinds"].items()]
    return "\n".join([*lines, *(f"{name}: {why}" for name, why in found["different"].items())])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare what a git revision and the working tree compute, to the last bit.")
    parser.add_argument("revision", nargs="?", help="a git revision, like HEAD~1")
    parser.add_argument("--only", action="append", choices=list(KINDS), metavar="KIND",
                        help=f"compare this kind, may be repeated: {', '.join(KINDS)}")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    parser.add_argument("--fingerprint", action="store_true",
                        help="print the hashes of the tree in the current directory as JSON")
    options = parser.parse_args()
    if options.fingerprint == (options.revision is not None):
        parser.error("give either a revision or --fingerprint")
    return options


def main() -> int:
    """Print what was asked for; 0 where all is equal, otherwise 1."""
    options = _options()
    kinds = options.only or list(KINDS)
    if options.fingerprint:
        print(json.dumps(fingerprint(kinds), indent=1))
        return 0
    with _worktree(options.revision) as tree:
        before = _fingerprint_of(tree, kinds)
    found = compare(before, _fingerprint_of(ROOT, kinds), kinds)
    print(json.dumps(found, indent=1) if options.json else _report(found))
    compared = all(count["compared"] for count in found["kinds"].values())
    return 0 if compared and not found["different"] else 1


if __name__ == "__main__":
    sys.exit(main())
