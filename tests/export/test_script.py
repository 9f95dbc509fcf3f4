"""An exported script repeats its run: its losses, and the weights that it ends with, are the
trainer's.

Nothing is handed over: the script draws its own data, weights and noise. Where it rounds as the
trainer does, on images without convolutions, they agree to the last digits. Elsewhere they agree as
far as 32 bits go, and in 64 bits, where only rounding could differ, over 50 steps all the same.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import softplus

import gan_core
from gan_core.config.choices import ARCHITECTURES, DATASETS, LOSSES, OPTIMIZERS, UPDATE_ORDERS
from gan_core.config.fields import KNOBS
from gan_core.config.presets import RECORDED
from gan_core.config.recipes import named
from gan_core.config.run_config import RunConfig
from gan_core.data import datasets
from gan_core.export.archive.weights import loader
from gan_core.export.code import objective
from gan_core.export.code import program as programs
from gan_core.export.code.data import TORCHVISION
from gan_core.export.code.header import SUBJECTS
from gan_core.export.code.loss_source import sources
from gan_core.export.code.networks import NETWORKS
from gan_core.export.code.objective import DISCRIMINATOR, FORMULAS, OF_GENERATOR, SOURCES
from gan_core.export.code.optimizers import OPTIMIZERS as WRITTEN_OPTIMIZERS
from gan_core.export.code.section import NoText
from gan_core.export.code.updates import ORDERS
from gan_core.export.notebook import notebook
from gan_core.export.script import script
from gan_core.training.evaluator import fixed_latents
from gan_core.training.penalties import PENALTIES
from tests.config.random_configs import random_config
from tests.support import exported, fashion
from tests.support.runs import IMAGE_MECHANISMS, MECHANISMS, TINY, TINY_IMAGES, steps_of

STEPS = 50
LAST_DIGITS = 1e-6  # of 32 bits; on the machines that were tried they agree to the last bit
ROUNDING_IN_64_BITS = 1e-7  # 1e-16, which a GAN amplifies


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as torchvision has it, so that nothing is downloaded."""
    folder = tmp_path_factory.mktemp("data")
    exported.put_mnist(folder)
    return folder


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with exported.quick():
        yield


def distance(config: RunConfig, steps: int, data: Path, out: Path) -> float:
    """Between the script's run and the trainer's, over so many steps or until it diverges."""
    theirs = exported.of_trainer(config, steps)
    ours = exported.of_script(script(config), len(theirs.losses), data, out)
    if len(theirs.losses) < steps:  # diverged: the weights are those of another step
        ours = dataclasses.replace(ours, generator=theirs.generator)
    return exported.difference(ours, theirs)


def rounds_alike(config: RunConfig) -> bool:
    return config.card.kind == "image" and not ARCHITECTURES[config.architecture].convolutional


# --- every part, alone and together --------------------------------------------------------------

SMALL = {"batch_size": 8, "latent_dim": 4}
PARTS: dict[str, dict[str, Any]] = {
    **{f"loss {name}": {"loss": name} for name in LOSSES},
    **{f"average of {name}": {"loss": name, "discriminator_loss": "mean"}
       for name in ("hinge", "least_squares", "minimax")},
    **{f"penalty {name}": {name: 0.5} for name in PENALTIES},
    "all penalties": {"gradient_penalty": 0.1, "r1": 0.1, "r2": 0.2},
    "penalties and dropout": {"gradient_penalty": 0.1, "r1": 0.1, "r2": 0.2, "dropout": 0.3},
    "penalties of what D sees": {"r1": 0.1, "r2": 0.1, "input_noise": 0.1, "packing": 2},
    "R1 and spectral norm": {"r1": 0.1, "spectral_norm": True},
    **{f"optimiser {name}": {"optimizer": name} for name in OPTIMIZERS},
    **{f"optimiser {name} without momentum": {"optimizer": name, "beta1": 0.0}
       for name in OPTIMIZERS},
    **{f"order {name}": {"update_order": name, "gradient_clip": 0.3} for name in UPDATE_ORDERS},
    "two updates of each": {"discriminator_steps": 2, "generator_steps": 2},
    "deep": {"depth": 4, "width": 0.5, "minibatch_stddev": True},
    "shallow": {"depth": 1, "minibatch_stddev": True},
    "fold of a skewed subset": {"folds": 3, "fold": 1, "class_skew": 0.9, "training_examples": 500,
                                "balanced_sampling": True},
}
ON_IMAGES = {
    **PARTS, **IMAGE_MECHANISMS,
    "MLP of PyTorch-GAN": {"architecture": "mlp_reference", "minibatch_stddev": True},
    "augmented, noisy, in packs": {"augment": True, "input_noise": 0.1, "packing": 2},
    "bfloat16": {"precision": "bfloat16", "minibatch_stddev": True, "r1": 0.1},
    "scheduled": {"schedule": "@10 dropout=0.4 loss=hinge augment=true @20 r1=0.1 @30 r1=0.2 "
                              "@40 loss=relativistic r1=0.0 update_order=generator_first"},
}
ON_POINTS = {**MECHANISMS, "grid": {"dataset": "grid"},
             "all penalties": PARTS["all penalties"],
             "PacGAN's networks": {"architecture": "pacgan_2d", "dropout": 0.2}}


@pytest.mark.parametrize("name", [name for name, changes in ON_IMAGES.items()
                                  if "dcgan" not in changes.get("architecture", "")])
def test_on_images_a_script_repeats_its_run_to_the_last_digits(name, data, tmp_path) -> None:
    """Whoever takes a run home trains another one."""
    changes = ON_IMAGES[name]
    narrow = {} if "architecture" in changes else {"width": 0.25}
    config = RunConfig(**{"precision": "float32", **SMALL, **narrow, **changes})
    assert rounds_alike(config)
    assert distance(config, STEPS, data, tmp_path) <= LAST_DIGITS


@pytest.mark.parametrize("name", ON_POINTS)
def test_on_points_a_script_differs_by_rounding_alone(name, data, tmp_path) -> None:
    """As above: in 64 bits nothing else is left."""
    config = TINY.replace(**ON_POINTS[name])
    steps = 10 if config.architecture == "pacgan_2d" else STEPS  # wide networks
    with exported.in_64_bits():
        assert distance(config, steps, data, tmp_path) <= ROUNDING_IN_64_BITS


CONVOLUTIONS: dict[str, dict[str, Any]] = {
    "dcgan": {"architecture": "dcgan", "width": 0.5},
    "dcgan, everything": {"architecture": "dcgan", "width": 0.25, "minibatch_stddev": True,
                          "packing": 2, "dropout": 0.3, "ema": 0.9, "spectral_norm": True},
    "dcgan, R1, G first": {"architecture": "dcgan", "width": 0.25, "r1": 0.1,
                           "update_order": "generator_first"},
    "dcgan, frozen": {"architecture": "dcgan", "width": 0.25, "freeze_generator": 5},
    "dcgan_reference": {"architecture": "dcgan_reference", "dropout": 0.25, "packing": 2},
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_differ_by_rounding_alone(name, data, tmp_path) -> None:
    """As above."""
    config = TINY_IMAGES.replace(**CONVOLUTIONS[name])
    steps = 2 if config.architecture == "dcgan_reference" else 10
    with exported.in_64_bits():
        assert distance(config, steps, data, tmp_path) <= ROUNDING_IN_64_BITS


def test_fashion_mnist_is_read_as_the_lab_reads_it(tmp_path, monkeypatch) -> None:
    """The script trains on other pictures, or on none."""
    fashion.put(fashion.files(), tmp_path)
    monkeypatch.setenv("GAN_LAB_DATA", str(tmp_path))
    monkeypatch.setattr(datasets, "whole", datasets.whole.__wrapped__)
    config = RunConfig(dataset="fashion_mnist", class_skew=0.5, **SMALL)
    assert distance(config, 20, tmp_path, tmp_path / "out") <= LAST_DIGITS


# --- every preset, as it stands ------------------------------------------------------------------

ALL = {config.digest(): name for name, config in {**named(), **RECORDED}.items()}
PRESETS = {name: {**named(), **RECORDED}[name] for name in ALL.values()}


def within_reach(config: RunConfig) -> RunConfig:
    """G freezes before the end of a short run, and what changes then changes."""
    frozen = config.freeze_generator
    if not frozen:
        return config
    return config.replace(freeze_generator=2, schedule=config.schedule.replace(f"@{frozen}", "@2"))


@pytest.mark.parametrize("name", [name for name in PRESETS if rounds_alike(PRESETS[name])])
def test_presets_of_images_are_repeated_to_the_last_digits(name, data, tmp_path, long) -> None:
    """As above, for what the buttons of the pages train."""
    config = within_reach(PRESETS[name])
    assert distance(config, STEPS if long else 4, data, tmp_path) <= LAST_DIGITS


@pytest.mark.parametrize("name", [name for name in PRESETS if not rounds_alike(PRESETS[name])])
def test_other_presets_begin_alike_in_32_bits(name, data, tmp_path) -> None:
    """As above; how soon the paths part depends on how steep D is."""
    config = PRESETS[name]
    steps = 3
    if ARCHITECTURES[config.architecture].convolutional:
        steps, config = 2, config.replace(precision="float32", batch_size=32)
    theirs = exported.of_trainer(config, steps)
    ours = exported.of_script(script(config), steps, data, tmp_path)
    assert exported.difference(
        dataclasses.replace(ours, generator=theirs.generator, averaged=None), theirs) <= 1e-3


@pytest.mark.parametrize("name", [name for name in PRESETS
                                  if PRESETS[name].card.kind == "points"])
def test_presets_of_points_differ_by_rounding_alone(name, data, tmp_path, long) -> None:
    """As above, in 64 bits."""
    config = PRESETS[name]
    steps = 5 if config.architecture == "pacgan_2d" else 25
    with exported.in_64_bits():
        assert distance(config, STEPS if long else steps, data, tmp_path) <= ROUNDING_IN_64_BITS


def test_a_plain_ring_agrees_in_32_bits_over_50_steps(data, tmp_path) -> None:
    """What the script's first lines promise of points."""
    assert distance(PRESETS["known-healthy-ring"], STEPS, data, tmp_path) <= 1e-5


# --- every field ---------------------------------------------------------------------------------

# Each field with a value that changes the run, and what it needs to have an effect.
FIELDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "dataset": ("grid", {}),
    "training_examples": (500, {}),
    "class_skew": (0.9, {}),
    "balanced_sampling": (True, {"class_skew": 0.9}),
    "folds": (3, {}),
    "fold": (1, {"folds": 3}),
    "architecture": ("pacgan_2d", {}),
    "width": (0.5, {}),
    "depth": (3, {}),
    "loss": ("hinge", {}),
    "discriminator_loss": ("mean", {"r1": 0.1}),
    "optimizer": ("rmsprop", {}),
    "discriminator_optimizer": ("rmsprop", {}),
    "learning_rate": (2e-3, {}),
    "learning_rate_ratio": (0.2, {}),
    "beta1": (0.9, {}),
    "discriminator_beta1": (0.9, {}),
    "beta2": (0.5, {}),
    "batch_size": (16, {}),
    "latent_dim": (5, {}),
    "discriminator_steps": (2, {}),
    "generator_steps": (2, {}),
    "update_order": ("simultaneous", {}),
    "label_smoothing": (0.1, {}),
    "fake_label_smoothing": (0.1, {}),
    "label_flips": (0.1, {}),
    "dropout": (0.2, {}),
    "input_noise": (0.1, {}),
    "input_noise_steps": (10, {"input_noise": 0.3}),
    "packing": (2, {}),
    "minibatch_stddev": (True, {}),
    "augment": (True, {"dataset": "mnist"}),
    "gradient_penalty": (0.5, {}),
    "r1": (0.5, {}),
    "r2": (0.5, {}),
    "weight_clip": (0.02, {}),
    "gradient_clip": (0.05, {"optimizer": "sgd", "learning_rate": 0.1}),
    "spectral_norm": (True, {}),
    "ema": (0.9, {}),
    "freeze_generator": (5, {}),
    "seed": (1, {}),
    "precision": ("bfloat16", {"dataset": "mnist", "learning_rate": 1e-3}),
    "schedule": ("@5 dropout=0.4", {}),
}
FIELD_BASE = TINY.replace(learning_rate=5e-3)


def test_every_field_is_looked_at() -> None:
    """A new field would change runs, and the scripts of these runs would not know of it."""
    assert set(FIELDS) | {"steps"} == set(KNOBS) == programs.WRITTEN


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_changes_the_script_as_it_changes_the_run(name, data, tmp_path) -> None:
    """A script trains as if this setting had its default. The other way round the comparison finds
    a setting that is not as it was."""
    value, needed = FIELDS[name]
    without = FIELD_BASE.replace(**needed)
    config = without.replace(**{name: value})
    with contextlib.nullcontext() if rounds_alike(config) else exported.in_64_bits():
        theirs = exported.of_trainer(config, 10)
        ours = exported.of_script(script(config), 10, data, tmp_path)
        other = exported.of_script(script(without), 10, data, tmp_path)
    assert exported.difference(ours, theirs) <= LAST_DIGITS
    assert differs(other, theirs)


def differs(ours: exported.Losses, theirs: exported.Losses) -> bool:
    """Whether something of two runs differs by more than rounding."""
    if ours.generator.shape != theirs.generator.shape:
        return True
    if (ours.averaged is None) != (theirs.averaged is None):
        return True
    return exported.difference(ours, theirs) > 2e-3


def test_the_scripts_steps_are_those_of_the_run() -> None:
    """Without arguments a script would stop early, or train for hours."""
    assert 'add_argument("--steps", type=int, default=1234,' in script(RunConfig(steps=1234))


def test_every_choice_has_its_text() -> None:
    """A choice that was added to the tables of the lab has no script."""
    assert set(NETWORKS) == set(ARCHITECTURES)
    assert set(DISCRIMINATOR) == set(OF_GENERATOR) == set(FORMULAS) == set(SOURCES)
    assert set(FORMULAS) <= set(LOSSES) == set(sources())  # the others are copied from the lab
    assert set(WRITTEN_OPTIMIZERS) == set(OPTIMIZERS)
    assert set(ORDERS) == set(UPDATE_ORDERS)
    assert set(SUBJECTS) == set(DATASETS)


@pytest.mark.parametrize("name", ["least_squares", "relativistic", "minimax"])
def test_a_loss_that_has_no_text_is_copied_from_the_lab(name, data, tmp_path, monkeypatch) -> None:
    """A loss that somebody adds as README says trains, and cannot be taken home."""
    config = RunConfig(**SMALL, loss=name, label_smoothing=0.1, label_flips=0.2, width=0.25,
                       precision="float32") if name != "relativistic" else RunConfig(
                           **SMALL, loss=name, width=0.25, precision="float32")
    for table in ("FORMULAS", "DISCRIMINATOR"):
        monkeypatch.setattr(objective, table, {
            key: text for key, text in getattr(objective, table).items() if key != name})
    assert "Targets = namedtuple" in script(config)
    assert distance(config, STEPS, data, tmp_path) <= LAST_DIGITS


TARGETS = [{}, {"label_smoothing": 0.1}, {"fake_label_smoothing": 0.2},
           {"label_smoothing": 0.1, "fake_label_smoothing": 0.2}, {"label_flips": 0.4},
           {"label_flips": 0.4, "label_smoothing": 0.1, "fake_label_smoothing": 0.2}]


def of_words(docstring: str, values: dict[str, Any]) -> torch.Tensor:
    """The number that the first function's docstring promises."""
    words = " ".join(docstring.split())
    formula = re.split(r", where|: |\.(?: |$)", words)[0].replace("²", "**2")
    formula = re.sub(r"The cross-entropy of (\S+) to (\w+), plus that of (\S+) to (\w+)",
                     r"entropy(\1, \2) + entropy(\3, \4)", formula)
    formula = formula.replace("D(G(z))", "fake").replace("D(x)", "real")
    formula = re.sub(r"\b(log|sigmoid) ?(\w+\(.*\)|\w+)", r"\1(\2)", formula)
    if "sigmoid of the score" in words:
        values = {**values, "real": values["real"].sigmoid(), "fake": values["fake"].sigmoid()}
    number = eval(formula, values).mean()  # of this project's own text
    return number / 2 if "Half of that is returned" in words else number


@pytest.mark.parametrize("targets", TARGETS, ids=" ".join)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("loss", FORMULAS)
def test_what_a_loss_says_of_itself_is_what_it_computes(loss, reduction, targets) -> None:
    """A student reads (D(x) - 1)² above code that asks D for 0.9, and halves it."""
    if targets and loss not in ("minimax", "non_saturating", "least_squares"):
        return
    settings = RunConfig(loss=loss, discriminator_loss=reduction, **targets)
    text = objective.losses(settings).replace(
        "\n    return ", "\n    globals().update(locals())\n    return ", 1)
    scores = torch.randn(2, 16, 1, generator=torch.Generator().manual_seed(5)).double()
    real, fake = scores
    values: dict[str, Any] = {
        "torch": torch, "softplus": softplus, "relu": torch.relu, "device": "cpu",
        "for_noise": torch.Generator().manual_seed(1), "LABEL_FLIPS": 0.4, "REAL_TARGET": 0.9,
        "FAKE_TARGET": 0.2}
    exec(text, values)
    computed = values["discriminator_loss"](real, fake)
    values |= {"max": lambda least, each: each.clamp(min=least), "log": torch.log,
               "sigmoid": torch.sigmoid,
               "entropy": lambda p, t: -t * p.log() - (1 - t) * (1 - p).log()}
    docstring = values["discriminator_loss"].__doc__
    assert of_words(docstring, values) == pytest.approx(computed)
    assert ("swapped at random" in docstring) == ("label_flips" in targets)


@pytest.mark.parametrize("table", [NETWORKS, WRITTEN_OPTIMIZERS, ORDERS, TORCHVISION])
def test_what_has_no_text_is_refused_in_a_sentence(table, monkeypatch) -> None:
    """Somebody adds networks of their own, and a click on *Script* says nothing but "KeyError"."""
    monkeypatch.delitem(table, next(iter(table)))
    config = RunConfig(update_order="discriminator_first", optimizer="adam")
    for write in (script, notebook):
        with pytest.raises(NoText, match=r"^A program .* has no text in gan_core/export/code yet"):
            write(config)


def test_a_setting_that_has_no_text_is_refused(monkeypatch) -> None:
    """A penalty that somebody adds trains, and is silently missing in the program."""
    monkeypatch.setattr(programs, "WRITTEN", programs.WRITTEN - {"r1"})
    assert "r1" not in script(RunConfig())
    with pytest.raises(NoText, match="r1 has no text"):
        script(RunConfig(r1=1.0))


def test_new_points_need_no_text(monkeypatch) -> None:
    """A data set that is added as README says cannot be taken home."""
    monkeypatch.setattr("gan_core.export.code.data.CENTRES", {})
    text = script(RunConfig(dataset="grid"))
    line = next(line for line in text.splitlines() if line.startswith("centres = "))
    names: dict = {"np": np}
    exec(line, names)
    assert np.array_equal(names["centres"], DATASETS["grid"].centres)


# --- the text ------------------------------------------------------------------------------------

WORDS = {  # in a script if, and only if, the run has the mechanism
    "PACKING": lambda config: config.packing > 1,
    "MinibatchStddev": lambda config: config.minibatch_stddev,
    "class Dropout": lambda config: anywhen(config, "dropout"),
    "averaged = ": lambda config: config.ema > 0,
    "spectral_norm": lambda config: config.spectral_norm,
    "def augment": lambda config: anywhen(config, "augment"),
    "def gradient_penalty": lambda config: anywhen(config, "gradient_penalty"),
    "def squared_slope": lambda config: anywhen(config, "r1") or anywhen(config, "r2"),
    "R1 *": lambda config: anywhen(config, "r1"),
    "R2 *": lambda config: anywhen(config, "r2"),
    "clamp_": lambda config: anywhen(config, "weight_clip"),
    "clip_grad_norm_": lambda config: anywhen(config, "gradient_clip"),
    "flips": lambda config: anywhen(config, "label_flips"),
    "INPUT_NOISE": lambda config: anywhen(config, "input_noise"),
    "REAL_TARGET": lambda config: anywhen(config, "label_smoothing"),
    "FAKE_TARGET": lambda config: anywhen(config, "fake_label_smoothing"),
    "array_split": lambda config: config.folds > 0,
    "CLASS_SKEW": lambda config: config.class_skew > 0,
    "by_class": lambda config: config.balanced_sampling,
    "gradient_norm(": lambda config: config.freeze_generator > 0,
    "autocast": lambda config: config.precision == "bfloat16" or (
        config.precision == "auto" and config.card.kind == "image"),
    "MNIST(": lambda config: config.card.kind == "image",
}


def anywhen(config: RunConfig, name: str) -> bool:
    """Whether a mechanism acts in some part of a run."""
    return any(getattr(stage, name) > 0 for _, stage in config.stages)


def all_configs() -> list[RunConfig]:
    configs = [random_config(seed) for seed in range(60)]
    tables = [RunConfig(**changes) for changes in IMAGE_MECHANISMS.values()]
    tables += [TINY.replace(**changes) for changes in MECHANISMS.values()]
    return [RunConfig(), *configs, *tables, *PRESETS.values()]


@pytest.mark.parametrize("config", all_configs(), ids=RunConfig.digest)
def test_a_script_holds_what_the_run_uses_and_nothing_else(config: RunConfig) -> None:
    """A student reads of a mechanism that has no part in the run, or searches for one in vain."""
    text = script(config)
    code = text[text.index('"""\n\nimport'):]
    for word, used in WORDS.items():
        assert (word in code) == used(config), word
    assert "gan_core" not in text
    assert max(map(len, text.splitlines())) <= 100
    tree = ast.parse(text)
    assert unused(tree) == set()


def unused(tree: ast.Module) -> set[str]:
    """Names that a program defines at its top level, or imports, and never reads."""
    defined: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            defined |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            defined |= {name.id for target in node.targets for name in ast.walk(target)
                        if isinstance(name, ast.Name)}
    read = {node.id for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return defined - read - {"_"}


def test_scripts_are_clean(tmp_path) -> None:
    """The first thing that an editor shows of a script are its warnings."""
    for place, config in enumerate(all_configs()):
        (tmp_path / f"gan_{place}.py").write_text(script(config), encoding="utf-8")
        (tmp_path / f"load_{place}.py").write_text(loader(config), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--target-version",
         "py311", "--line-length", "100", "--select", "E,W,F,I,B,UP,C4,PLE", "--ignore", "B905",
         str(tmp_path)],
        capture_output=True, text=True)
    if "No module named ruff" in done.stderr:
        pytest.skip("ruff is not installed")
    assert done.returncode == 0, done.stdout[:3000]


def test_each_part_has_a_title_of_its_own() -> None:
    """Where a frozen run changes, the same heading stands above two parts."""
    config = RunConfig(dataset="ring", freeze_generator=5, steps=20, schedule="@10 r1=0.1")
    titles = re.findall("# --- (.*?) -*\n", script(config))
    assert "From step 10 on, G still frozen" in titles and len(set(titles)) == len(titles)


def test_a_plain_script_is_short() -> None:
    """Nobody reads to the end."""
    assert len(script(RunConfig()).splitlines()) <= 200
    assert max(len(script(config).splitlines()) for config in PRESETS.values()) <= 265


def test_a_script_names_its_run_and_the_settings_that_differ() -> None:
    """Whoever finds the file a year later does not know what it is."""
    config = RunConfig(dataset="ring", r1=0.1, schedule="@500 dropout=0.4")
    head = script(config).split('"""')[1]
    for part in (config.digest(), "r1 = 0.1", "dataset = ring", "schedule = @500 dropout=0.4",
                 "pip install torch torchvision", "GPU"):
        assert part in head
    assert "All settings are the defaults" in script(RunConfig(steps=5))


@pytest.mark.parametrize("device", ["NVIDIA H100 80GB HBM3", "Apple GPU (MPS)", "Tesla T4"])
def test_a_program_of_a_run_on_a_gpu_does_not_promise_to_repeat_it(device: str) -> None:
    """Whoever takes a GPU's run home trains another one, and takes it for the same."""
    for write in (script, notebook):
        text = " ".join(write(RunConfig(), device).split())
        assert "another run with the same settings" in text and "It repeats the run" not in text


@pytest.mark.parametrize("device", ["", "cpu", "AMD EPYC CPU, 1 thread", "Apple M2 CPU, 8 threads"])
def test_a_program_of_a_run_on_a_processor_says_how_exactly_it_repeats_it(device: str) -> None:
    """A processor's run, which the program does repeat, is told to be another one."""
    for write in (script, notebook):
        text = write(RunConfig(), device)
        assert text == write(RunConfig()) and "It repeats the run" in text


# --- as a person runs it -------------------------------------------------------------------------


def test_a_script_runs_from_a_shell_and_leaves_its_results(tmp_path) -> None:
    """`python gan.py` ends in an error, leaves nothing behind, or trains another run than
    `gan_core.train`."""
    config = TINY.replace(steps=12, ema=0.9)
    (tmp_path / "gan.py").write_text(script(config), encoding="utf-8")
    done = subprocess.run([sys.executable, "gan.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    losses = np.loadtxt(tmp_path / "samples" / "losses.csv", delimiter=",", skiprows=1)
    steps = steps_of(gan_core.train(config, device="cpu"))
    assert losses == pytest.approx(
        np.array([(record.loss_d, record.loss_g) for record in steps]), abs=1e-5)
    for name in ("000010.png", "000012.png", "000012_averaged.png"):
        with Image.open(tmp_path / "samples" / name) as picture:
            assert picture.size[0] > 200
    weights = torch.load(tmp_path / "samples" / "generator.pt", weights_only=True)
    assert weights["0.weight"].shape == (128, 4)


def test_the_sheet_shows_the_latents_of_the_labs_own(data, tmp_path) -> None:
    """The picture of a script cannot be laid beside that of the page."""
    config = RunConfig(**SMALL)
    names = exported.run_script(script(config), 1, data, tmp_path)
    assert torch.equal(names["sheet_latents"], fixed_latents(config)[:64])
