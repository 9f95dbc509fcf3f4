"""The data set, what is left out of it, and how a batch is drawn: `gan_core.data.datasets`."""

from __future__ import annotations

from gan_core.config import folds
from gan_core.config.run_config import RunConfig
from gan_core.export.code.section import Section, block, paragraphs

TORCHVISION = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}

CENTRES = {
    "ring": block("""
        angles = 2 * np.pi * np.arange(8) / 8
        centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # eight, on a circle
    """),
    "grid": block("""
        ticks = np.array([-4.0, -2.0, 0.0, 2.0, 4.0])
        centres = np.array([(x, y) for y in ticks for x in ticks])  # 25, on a square grid
    """),
}


def section(config: RunConfig) -> Section:
    load = _images(config) if config.card.kind == "image" else _points(config)
    cuts = paragraphs([_fold(config), _skew(config), _subset(config), _by_class(config)])
    examples = paragraphs([load, cuts, "examples = examples.to(device)"]) if cuts else (
        f"{load}\nexamples = examples.to(device)")
    return Section("The data", _words(config), paragraphs([examples, _batch(config), LATENTS], 2))


def _words(config: RunConfig) -> str:
    if config.card.kind == "image":
        words = ("Images are vectors of 784 pixels. They stay bytes until they are needed; a batch "
                 "is drawn with replacement and scaled to [−1, 1], the range of G's Tanh.")
    else:
        words = ("Points in the plane from a mixture of narrow Gaussians. Everybody can see which "
                 "of its modes a generator leaves out.")
    if config.folds:
        words += " One fold of the training set is held out."
    if config.class_skew:
        words += " Some classes are made rare."
    if config.training_examples:
        words += " D sees a fixed random subset alone."
    if config.balanced_sampling:
        words += " Every class is drawn equally often."
    return words


def _images(config: RunConfig) -> str:
    source = TORCHVISION[config.dataset]
    labels = "\nlabels = dataset.targets.numpy()" if _needs_labels(config) else ""
    return block(f"""
        dataset = {source}(data_folder, train=True, download=True)
        examples = dataset.data.reshape(-1, 784)  # bytes, 0 to 255
    """) + labels


def _points(config: RunConfig) -> str:
    card = config.card
    labels = "\nlabels = modes" if _needs_labels(config) else ""
    centres = CENTRES.get(config.dataset) or f"centres = np.array({[*map(list, card.centres)]})"
    return paragraphs([centres, block(f"""
        random = np.random.default_rng(1000)
        modes = random.integers({card.modes}, size={card.examples:_})
        random.integers({card.modes}, size=10_000)  # of points that the lab holds out: not used
        around = random.standard_normal((len(modes), 2))
        examples = torch.from_numpy(centres[modes] + {card.sigma} * around).float()
    """) + labels])


# --- what is left out ----------------------------------------------------------------------------


def _needs_labels(config: RunConfig) -> bool:
    return config.class_skew > 0 or config.balanced_sampling


def _keep(labels: bool) -> str:
    """Only `rows` of the examples, and of their `labels` where something needs them later."""
    return "examples = examples[rows]" + ("\nlabels = labels[rows]" if labels else "")


def _fold(config: RunConfig) -> str:
    if not config.folds:
        return ""
    return block("""
        # Cross-validation: the examples, shuffled, are cut into folds, and one is held out.
        order = np.random.default_rng((1000, 1)).permutation(len(examples))
        folds = np.array_split(order, FOLDS)
        rows = np.concatenate(folds[:FOLD] + folds[FOLD + 1:])
    """) + f"\n{_keep(_needs_labels(config))}"


def _skew(config: RunConfig) -> str:
    if not config.class_skew:
        return ""
    return block(f"""
        # Rare classes: the last one keeps 1 - CLASS_SKEW of its examples, the others lie between.
        counts = np.bincount(labels, minlength={config.card.modes})
        shares = (1 - CLASS_SKEW) ** (np.arange(len(counts)) / (len(counts) - 1))
        kept = np.maximum(np.floor(counts * shares + 1e-6), 1).astype(int)
        order = np.random.default_rng((1000, 2)).permutation(len(labels))
        rows = np.sort(np.concatenate(
            [order[labels[order] == k][:count] for k, count in enumerate(kept)]))
    """) + f"\n{_keep(config.balanced_sampling)}"


def _subset(config: RunConfig) -> str:
    """None where there are no more examples than that anyway."""
    count = config.card.examples
    if config.folds:
        count -= len(folds.held_out(count, config.folds, config.fold))
    if not 0 < config.training_examples < count:
        return ""
    draw = "rows = np.random.default_rng(1000).permutation(len(examples))[:TRAINING_EXAMPLES]"
    keep = _keep(config.balanced_sampling)
    if not config.class_skew:
        return f"# A fixed random subset.\n{draw}\n{keep}"
    kept = f"{draw}\n{keep}".replace("\n", "\n    ")
    return f"if TRAINING_EXAMPLES < len(examples):  # a fixed random subset\n    {kept}"


def _by_class(config: RunConfig) -> str:
    if not config.balanced_sampling:
        return ""
    return block("""
        # The rows sorted by class: where each class that is there begins, and its size.
        labels = torch.from_numpy(labels).to(device)
        by_class = labels.argsort(stable=True)
        sizes = torch.bincount(labels)
        sizes = sizes[sizes > 0]
        starts = sizes.cumsum(0) - sizes
    """)


# --- draws ---------------------------------------------------------------------------------------


def _batch(config: RunConfig) -> str:
    image = config.card.kind == "image"
    rows = block("""
        rows = torch.randint(len(examples), (BATCH_SIZE,), generator=for_batches, device=device)
    """)
    if config.balanced_sampling:
        rows = block("""
            classes = torch.randint(len(sizes), (BATCH_SIZE,), generator=for_batches, device=device)
            places = torch.randint(2**31 - 1, (BATCH_SIZE,), generator=for_batches, device=device)
            rows = by_class[starts[classes] + places % sizes[classes]]
        """)
    what = ("Every class equally often" if config.balanced_sampling
            else "A batch of training examples, drawn with replacement")
    lines = [
        "def real_batch():",
        f'"""{what}{", scaled to [-1, 1]" if image else ""}."""',
        *rows.splitlines(),
        "return examples[rows]" + (".float() / 127.5 - 1" if image else ""),
    ]
    return "\n    ".join(lines)


LATENTS = block('''
    def latents():
        """Random vectors, N(0, 1), from which G makes a batch."""
        return torch.randn(BATCH_SIZE, LATENT_DIM, generator=for_latents, device=device)
''')
