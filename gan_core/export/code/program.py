"""The whole program of a run, section by section."""

from __future__ import annotations

from collections.abc import Collection

from gan_core.config.run_config import RunConfig
from gan_core.export.code import data, networks, optimizers, precision, samples, training, updates
from gan_core.export.code.constants import assignments, constants
from gan_core.export.code.phases import phases
from gan_core.export.code.section import NoText, Section, names_in

STREAMS = ("for_batches", "for_latents", "for_noise", "for_dropout")  # state.STREAMS

# The settings that these texts follow. One that is new would train, and be missing in a program.
WRITTEN = frozenset((
    "dataset", "training_examples", "class_skew", "balanced_sampling", "folds", "fold",
    "architecture", "width", "depth", "loss", "discriminator_loss", "optimizer",
    "discriminator_optimizer", "learning_rate", "learning_rate_ratio", "beta1",
    "discriminator_beta1", "beta2", "batch_size", "latent_dim", "discriminator_steps",
    "generator_steps", "update_order", "label_smoothing", "fake_label_smoothing", "label_flips",
    "dropout", "input_noise", "input_noise_steps", "packing", "minibatch_stddev", "augment",
    "gradient_penalty", "r1", "r2", "weight_clip", "gradient_clip", "spectral_norm", "ema",
    "freeze_generator", "steps", "seed", "precision", "schedule",
))

FLUSH = "torch.set_flush_denormal(True)  # numbers too small for full precision count as zero"


def program(config: RunConfig, *, notebook: bool) -> list[Section]:
    """All sections but the imports, in order. A notebook has no arguments on a command line.

    Raises NoText where something of the run is new to the lab, and has no text here.
    """
    stages = phases(config)
    for stage in stages:
        _refuse_what_has_no_text(stage.settings)
    number_format = precision.section(config, stages)
    before = [
        data.section(config),
        networks.section(config, stages),
        *([number_format] if number_format else []),
        optimizers.section(config),
        *training.sections_of_functions(stages[0]),
        samples.section(config),
    ]
    code = "\n".join(section.code for section in before)
    loops = training.sections(stages, code)
    used = names_in("\n".join([code, *(loop.code for loop in loops)]))
    return [_arguments(config, notebook), _settings(config, f"{code}\n{loops[0].code}"),
            _streams(used), *before, *loops, samples.end(config)]


def _refuse_what_has_no_text(settings: RunConfig) -> None:
    """Raises NoText. A new loss needs no text (`loss_source`), nor do new points."""
    known: dict[str, Collection[str]] = {
        "architecture": networks.NETWORKS, "update_order": updates.ORDERS,
        "optimizer": optimizers.OPTIMIZERS, "optimizer_of_discriminator": optimizers.OPTIMIZERS,
    }
    if settings.card.kind == "image":
        known["dataset"] = data.TORCHVISION
    for name in settings.changes().keys() - WRITTEN:
        raise NoText(f"A program of this run cannot be written: {name} has no text in "
                     "gan_core/export/code yet.")
    for name, texts in known.items():
        value = getattr(settings, name)
        if value not in texts:
            raise NoText(f"A program of this run cannot be written: {name} {value!r} has no text "
                         "in gan_core/export/code yet.")


def _arguments(config: RunConfig, notebook: bool) -> Section:
    lines = _variables(config) if notebook else _command_line(config)
    return Section("How far and where", "", "\n".join([*lines, FLUSH]))


def _variables(config: RunConfig) -> list[str]:
    lines = [f"steps = {config.steps}  # how far to train"]
    if config.card.kind == "image":
        lines.append('data_folder = "data"  # where the data set is, or is downloaded to')
    return [*lines, 'out = Path("samples")  # the folder of what is made',
            'device = torch.device("cpu")  # or "cuda", "mps"']


def _command_line(config: RunConfig) -> list[str]:
    data, folder = [], ""
    if config.card.kind == "image":
        folder = "data_folder = arguments.data"
        data = ['parser.add_argument("--data", default="data", help="where the data set is, or is '
                'downloaded to")']
    return [
        "parser = argparse.ArgumentParser()",
        f'parser.add_argument("--steps", type=int, default={config.steps}, '
        'help="how far to train")',
        *data,
        'parser.add_argument("--out", type=Path, default="samples", help="folder of what is made")',
        'parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")',
        "arguments = parser.parse_args()",
        "steps, out, device = arguments.steps, arguments.out, torch.device(arguments.device)",
        *filter(None, [folder]),
    ]


def _settings(config: RunConfig, code: str) -> Section:
    """Those in force at first, which `code` uses; what changes later is set where it changes."""
    used = names_in(code) | {"SEED"}
    return Section("Settings", "The settings of the run, as far as they have a part in it.",
                   assignments({name: constant for name, constant
                                in constants(config.at(0)).items() if name in used}))


def _streams(used: set[str]) -> Section:
    lines = [f"{name} = torch.Generator(device).manual_seed(4 * SEED{f' + {place}' * (place > 0)})"
             for place, name in enumerate(STREAMS) if name in used]
    return Section("Random numbers", (
        "Each kind of random number has a stream of its own: a change in one of them, say dropout, "
        "leaves the others as they are."),
        "# A stream for each kind, so that a change of one leaves the others as they are.\n"
        + "\n".join(lines))
