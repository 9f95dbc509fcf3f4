"""The optimisers of both networks: `gan_core.training.optimizers`."""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.export.code.section import Section

WIDTH = 100  # columns of a line
WORDS = {
    "adam": "Adam divides each gradient by its own recent size.",
    "rmsprop": "RMSprop divides each gradient by its own recent size.",
    "sgd": "SGD follows the gradient as it is.",
}


def _adam(beta1: float, beta2: float) -> str:
    return f"betas=({beta1!r}, {beta2!r}), fused=True"


def _rmsprop(beta1: float, beta2: float) -> str:
    momentum = f", momentum={beta1!r}" if beta1 else ""
    return f"alpha={beta2!r}{momentum}"


def _sgd(beta1: float, beta2: float) -> str:
    return (f"momentum={beta1!r}, " if beta1 else "") + "fused=True"


OPTIMIZERS = {"adam": ("Adam", _adam), "rmsprop": ("RMSprop", _rmsprop), "sgd": ("SGD", _sgd)}


def of_generator(config: RunConfig) -> str:
    return _optimizer("generator", "g", config.optimizer, config.beta1, config.beta2)


def of_discriminator(config: RunConfig) -> str:
    return _optimizer("discriminator", "d", config.optimizer_of_discriminator,
                      config.beta1_of_discriminator, config.beta2)


def _optimizer(network: str, letter: str, kind: str, beta1: float, beta2: float) -> str:
    name, arguments = OPTIMIZERS[kind]
    first = f"    {network}.parameters(), lr=LEARNING_RATE_{letter.upper()},"
    second = f"{arguments(beta1, beta2)})"
    between = " " if len(first) + len(second) < WIDTH else "\n    "
    return f"optimizer_{letter} = torch.optim.{name}(\n{first}{between}{second}"


def section(config: RunConfig) -> Section:
    kinds = dict.fromkeys((config.optimizer, config.optimizer_of_discriminator))
    words = " ".join(WORDS[kind] for kind in kinds)
    code = f"{of_discriminator(config)}\n{of_generator(config)}"
    if "fused" in code:
        code = f"# fused: one pass over all weights, which is faster.\n{code}"
    if config.ema:
        words += " An exponential moving average of G's weights draws steadier samples than G."
        code += "\n\naveraged = copy.deepcopy(generator).requires_grad_(False).eval()"
    return Section("The optimisers", words, code)
