"""Both networks in `nn.Sequential`, and how their weights begin: `gan_core.training.networks`.

What the lab computes with layers of its own, because they are faster, is written here with
PyTorch's. Weights are drawn in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from gan_core.config.run_config import RunConfig
from gan_core.export.code.phases import Phase
from gan_core.export.code.section import Section, block, indented, paragraphs

Layers = list[str]  # one line each


@dataclass(frozen=True)
class Pair:
    """The layers of G and of D; `initial` names the function that draws their first weights, if
    PyTorch's own are not meant."""

    generator: Layers
    discriminator: Layers
    initial: str = ""


# --- the pairs -----------------------------------------------------------------------------------


def _mlp(config: RunConfig, dropout: Layers) -> Pair:
    points = config.card.kind == "points"
    far, near = (round(units * config.width) for units in ((128, 128) if points else (256, 512)))
    widths = [far, *[near] * (config.depth - 1)] if config.depth > 1 else [near]
    generator = _hidden("LATENT_DIM", widths, lambda width: ["nn.ReLU()"])
    generator.append(f"nn.Linear({widths[-1]}, {_dim(config)})")
    if not points:
        generator.append("nn.Tanh()")
    return Pair(generator, _discriminator(config, widths[::-1], dropout))


def _mlp_reference(config: RunConfig, dropout: Layers) -> Pair:
    generator = ["nn.Linear(LATENT_DIM, 128)", "nn.LeakyReLU(0.2)"]
    generator += _hidden("128", [256, 512, 1024], lambda width: [
        f"nn.BatchNorm1d({width}, eps=0.8)", "nn.LeakyReLU(0.2)"])
    generator += ["nn.Linear(1024, 784)", "nn.Tanh()"]
    return Pair(generator, _discriminator(config, [512, 256], dropout))


def _dcgan(config: RunConfig, dropout: Layers) -> Pair:
    wide, narrow = round(64 * config.width), round(32 * config.width)
    generator = [
        f"nn.Linear(LATENT_DIM, {wide} * 7 * 7, bias=False)",
        f"nn.Unflatten(1, ({wide}, 7, 7))",
        f"nn.BatchNorm2d({wide})",
        "nn.ReLU()",
        f"nn.ConvTranspose2d({wide}, {narrow}, 4, stride=2, padding=1, bias=False)  # 14×14",
        f"nn.BatchNorm2d({narrow})",
        "nn.ReLU()",
        f"nn.ConvTranspose2d({narrow}, 1, 4, stride=2, padding=1)  # 28×28",
        "nn.Tanh()",
        "nn.Flatten()",
    ]
    flat = f"{wide} * 7 * 7"
    discriminator = [
        f"nn.Unflatten(1, ({_channels(config)}, 28, 28))",
        f"nn.Conv2d({_channels(config)}, {narrow}, 4, stride=2, padding=1)  # 14×14",
        "nn.LeakyReLU(0.2)",
        *dropout,
        f"nn.Conv2d({narrow}, {wide}, 4, stride=2, padding=1)  # 7×7",
        "nn.LeakyReLU(0.2)",
        *dropout,
        "nn.Flatten()",
    ]
    if config.minibatch_stddev:
        discriminator += ["MinibatchStddev()", f"nn.Linear({flat} + 1, 1)"]
    else:
        discriminator.append(f"nn.Linear({flat}, 1)")
    return Pair(generator, discriminator, "normal_weights")


def _dcgan_reference(config: RunConfig, dropout: Layers) -> Pair:
    generator = ["nn.Linear(LATENT_DIM, 128 * 8 * 8)", "nn.Unflatten(1, (128, 8, 8))",
                 "nn.BatchNorm2d(128)"]
    for channels_in, channels_out in ((128, 128), (128, 64)):
        generator += ["nn.Upsample(scale_factor=2)",
                      f"nn.Conv2d({channels_in}, {channels_out}, 3, padding=1)",
                      f"nn.BatchNorm2d({channels_out}, eps=0.8)", "nn.LeakyReLU(0.2)"]
    generator += ["nn.Conv2d(64, 1, 3, padding=1)", "nn.Tanh()",
                  "nn.ConstantPad2d(-2, 0.0)  # 32×32 cropped to 28×28", "nn.Flatten()"]
    discriminator = [f"nn.Unflatten(1, ({_channels(config)}, 28, 28))",
                     "nn.ConstantPad2d(2, -1.0)  # 32×32, with background around"]
    channels = [_channels(config), "16", "32", "64", "128"]
    for before, after in pairwise(channels):
        discriminator += [f"nn.Conv2d({before}, {after}, 3, stride=2, padding=1)",
                          "nn.LeakyReLU(0.2)", *dropout]
        if after != "16":
            discriminator.append(f"nn.BatchNorm2d({after}, eps=0.8)")
    discriminator += ["nn.Flatten()", "nn.Linear(128 * 2 * 2, 1)"]
    return Pair(generator, discriminator, "normal_weights")


def _pacgan_2d(config: RunConfig, dropout: Layers) -> Pair:
    generator: Layers = []
    for width in ("LATENT_DIM", "400", "400", "400"):
        generator += [f"nn.Linear({width}, 400, bias=False)", "nn.BatchNorm1d(400)", "nn.ReLU()"]
    generator.append("nn.Linear(400, 2)")
    discriminator: Layers = []
    for width in (_inputs(config), "200", "200"):
        discriminator += [f"Maxout({width}, 200, 5)", *dropout]
    return Pair(generator, [*discriminator, "nn.Linear(200, 1)"], "all_normal")


NETWORKS: dict[str, Callable[[RunConfig, Layers], Pair]] = {
    "mlp": _mlp,
    "mlp_reference": _mlp_reference,
    "dcgan": _dcgan,
    "dcgan_reference": _dcgan_reference,
    "pacgan_2d": _pacgan_2d,
}


def normalises_generator(config: RunConfig) -> bool:
    """Whether G has BatchNorm, which needs to be told that it is not being trained."""
    return config.architecture != "mlp"


def _dim(config: RunConfig) -> int:
    """Numbers in one example."""
    return 784 if config.card.kind == "image" else 2


def _inputs(config: RunConfig) -> str:
    """Numbers that D sees at once."""
    return f"PACKING * {_dim(config)}" if config.packing > 1 else str(_dim(config))


def _channels(config: RunConfig) -> str:
    """Images that D sees at once."""
    return "PACKING" if config.packing > 1 else "1"


def _hidden(first: str, widths: list[int], activation: Callable[[int], Layers]) -> Layers:
    layers: Layers = []
    for before, after in pairwise([first, *map(str, widths)]):
        layers += [f"nn.Linear({before}, {after})", *activation(int(after))]
    return layers


def _discriminator(config: RunConfig, widths: list[int], dropout: Layers) -> Layers:
    def activation(width: int) -> Layers:
        return ["nn.LeakyReLU(0.2)", *dropout]

    if not config.minibatch_stddev:
        return [*_hidden(_inputs(config), widths, activation), f"nn.Linear({widths[-1]}, 1)"]
    *before, last = widths
    width = str(before[-1]) if before else _inputs(config)
    return [*_hidden(_inputs(config), before, activation), "MinibatchStddev()",
            f"nn.Linear({width} + 1, {last})", *activation(last), f"nn.Linear({last}, 1)"]


# --- layers and first weights that PyTorch does not have ------------------------------------------


def _dropout(config: RunConfig, phases: list[Phase]) -> str:
    channels = config.architecture == "dcgan_reference"
    name = "nn.Dropout2d" if channels else "nn.Dropout"
    shape = "(*x.shape[:2], 1, 1)" if channels else "x.shape"
    lines = [
        "class Dropout(nn.Module):",
        f'    """Like {name}, with random numbers from a stream of their own."""',
        "",
        "    def forward(self, x):",
        f"        kept = torch.rand({shape}, generator=for_dropout, device=x.device) >= DROPOUT",
        "        return x * kept / (1 - DROPOUT)",
    ]
    if any(phase.settings.dropout == 0 for phase in phases):  # then no random numbers either
        lines[4:4] = ["        if DROPOUT == 0:", "            return x"]
    return "\n".join(lines)


MINIBATCH_STDDEV = block('''
    class MinibatchStddev(nn.Module):
        """One more feature: how much each group of four examples differs (Karras et al., 2018)."""

        def forward(self, x):
            groups = x.float().unflatten(0, (-1, 4))
            spread = (groups.var(1, unbiased=False) + 1e-8).sqrt().mean(1)
            return torch.cat([x, spread.repeat_interleave(4)[:, None]], 1)
''')

MAXOUT = block('''
    class Maxout(nn.Module):
        """The largest of several linear maps for each unit (Goodfellow et al., 2013)."""

        def __init__(self, width, units, pieces):
            super().__init__()
            self.linear = nn.Linear(width, units * pieces)
            self.pieces = pieces

        def forward(self, x):
            return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)
''')

INITIAL = {
    "normal_weights": block('''
        def normal_weights(layer):
            """DCGAN's first weights: N(0, 0.02) for convolutions, N(1, 0.02) for normalisation."""
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(layer.weight, 0.0, 0.02)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, 0.02)
    '''),
    "all_normal": block('''
        def all_normal(layer):
            """PacGAN's first weights: N(0, 0.02), and 0 for biases."""
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
    '''),
}

SPECTRAL_NORM = block("""
    for layer in list(discriminator.modules()):
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            spectral_norm(layer)  # weights ÷ their largest singular value (Miyato et al., 2018)
""")


# --- the section ---------------------------------------------------------------------------------


def section(config: RunConfig, phases: list[Phase]) -> Section:
    drops = any(phase.settings.dropout > 0 for phase in phases)
    pair = NETWORKS[config.architecture](config, ["Dropout()"] if drops else [])
    layers = [
        _dropout(config, phases) if drops else "",
        MINIBATCH_STDDEV if config.minibatch_stddev else "",
        MAXOUT if config.architecture == "pacgan_2d" else "",
        INITIAL.get(pair.initial, ""),
    ]
    build = paragraphs([
        _sequential("generator", pair.generator, pair.initial),
        _sequential("discriminator", pair.discriminator, pair.initial),
        SPECTRAL_NORM if config.spectral_norm else "",
    ])
    if config.freeze_generator:
        build = _as_function(build)
    else:
        build = (f"torch.manual_seed(SEED)  # of the first weights\n{build}\n"
                 "generator, discriminator = generator.to(device), discriminator.to(device)")
    return Section("The networks", _words(config), paragraphs([*layers, build], 2))


def _as_function(build: str) -> str:
    """A fresh D is needed when G is frozen, so that building them has a name."""
    return "\n".join([
        "def build_networks(seed):",
        '    """G and D with first weights that depend on the seed alone."""',
        "    torch.manual_seed(seed)",
        indented(build),
        "    return generator.to(device), discriminator.to(device)",
        "", "",
        "generator, discriminator = build_networks(SEED)",
    ])


def _sequential(name: str, layers: Layers, initial: str) -> str:
    def line(layer: str) -> str:
        code, *comment = layer.split("  #")
        return "  #".join([f"    {code},", *comment])

    apply = f".apply({initial})" if initial else ""
    return "\n".join([f"{name} = nn.Sequential(", *map(line, layers), f"){apply}"])


def _words(config: RunConfig) -> str:
    words = ("The **generator** G turns random vectors into examples. The **discriminator** D "
             "turns an example into one number, its score: high for what it takes for real. The "
             "score is a logit: $\\sigma(\\text{score})$ would be the probability.")
    if config.packing > 1:
        words += f" Here D scores {config.packing} examples at once."
    if config.spectral_norm:
        words += (" Spectral normalisation divides every weight matrix of D by its largest "
                  "singular value, which bounds D's slope.")
    return words
