"""What stands above the code: which run it is, its settings, how to start it, and how far its
numbers are those of the run."""

from __future__ import annotations

import re
import textwrap

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.config.validation import as_text

WIDTH = 96
SUBJECTS = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST",
            "ring": "a ring of eight Gaussians", "grid": "a grid of 25 Gaussians"}


def title(config: RunConfig) -> str:
    subject = SUBJECTS.get(config.dataset, config.card.label)
    return f"A GAN on {subject}: run {config.digest()} of the GAN challenges lab"


def settings_that_differ(config: RunConfig) -> list[str]:
    """As in the run's link, one a line; `steps` is an argument."""
    return [f"{name} = {as_text(value)}" for name, value in config.changes().items()
            if name != "steps"]


def on_a_gpu(device: str) -> bool:
    """Whether a run's `status.device` names a GPU. Of a processor it says "… CPU, 2 threads"; "" is
    not known, and taken for one."""
    return bool(device.strip()) and re.search(r"\bCPU\b", device, re.IGNORECASE) is None


def how_exactly(config: RunConfig, device: str = "") -> str:
    """How far the program's numbers are those of the run, which was trained on `device`."""
    if on_a_gpu(device):
        return f"{OF_A_GPU} {ON_DIVERGENCE}"
    same = "It repeats the run: the same seed, random numbers and arithmetic."
    parting = ("Then the paths part, the sooner the less steady the training is, since a GAN "
               "amplifies rounding.")
    if config.card.kind == "points":
        exact = ("The lab trains points in batches of runs and so rounds in another order: on a "
                 f"processor the losses agree in five digits or more at first. {parting}")
    elif ARCHITECTURES[config.architecture].convolutional:
        exact = ("The lab computes some convolutions in another order and so rounds in another "
                 "way: on a processor the losses agree at first, in three digits or more in "
                 f"bfloat16, in six or more in 32 bits. {parting}")
    else:
        exact = ("On the same kind of processor, with the same number of threads and the same "
                 "PyTorch, the losses are equal to the last digits. Elsewhere they agree at first. "
                 f"{parting}")
    return f"{same} {exact} {ON_DIVERGENCE}\n\n{ON_A_GPU}"


OF_A_GPU = ("The run was trained on a GPU, which draws other random numbers: this trains another "
            "run with the same settings.")
ON_DIVERGENCE = "The lab ends a run whose numbers become infinite or NaN; this goes on with them."
ON_A_GPU = ("A GPU draws other random numbers from the same seed: with --device cuda it trains "
            "another run of the same settings.")


def docstring(config: RunConfig, device: str = "") -> str:
    """Of the script."""
    paragraphs = how_exactly(config, device).split("\n\n")
    return "\n".join([
        f'"""{title(config)}.', "",
        "    pip install torch torchvision",
        "    python gan.py            # see --help for what can be set there", "",
        *_settings(config),
        "\n\n".join("\n".join(textwrap.wrap(words, WIDTH)) for words in paragraphs), '"""'])


def _settings(config: RunConfig) -> list[str]:
    differ = settings_that_differ(config)
    if not differ:
        return ["All settings are the defaults.", ""]
    return ["Settings that differ from the defaults:", "",
            *(line for each in differ for line in textwrap.wrap(
                each, WIDTH, initial_indent="    ", subsequent_indent="        ")), ""]


def markdown(config: RunConfig, device: str = "") -> str:
    """Of the notebook."""
    differ = settings_that_differ(config)
    lines = [f"# {title(config)}", "",
             *(["Settings that differ from the defaults:", "",
                *(f"- `{each}`" for each in differ)] if differ
               else ["All settings are the defaults."]), "",
             how_exactly(config, device).replace("--device cuda", 'the device "cuda"'), "",
             "It needs `pip install torch torchvision`. Run the cells from top to bottom."]
    return "\n".join(lines)
