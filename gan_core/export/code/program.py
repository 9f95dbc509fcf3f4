"""The whole program of a run, section by section."""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.export.code import data, networks, optimizers, precision, samples, training
from gan_core.export.code.constants import assignments, constants
from gan_core.export.code.phases import phases
from gan_core.export.code.section import Section, names_in

STREAMS = ("for_batches", "for_latents", "for_noise", "for_dropout")  # state.STREAMS

FLUSH = "torch.set_flush_denormal(True)  # numbers too small for full precision count as zero"


def program(config: RunConfig, *, notebook: bool) -> list[Section]:
    """All sections but the imports, in order. A notebook has no arguments on a command line."""
    stages = phases(config)
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
