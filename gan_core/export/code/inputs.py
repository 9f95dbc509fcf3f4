"""What D sees of an example: augmented, noisy, in packs. `gan_core.training.step.GanStep.as_seen`
and `gan_core.training.augmentation`."""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.export.code.section import block, indented, paragraphs

AUGMENT = block('''
    def augment(examples):
        """DiffAugment (Zhao et al., 2020): each image is moved, and a square of it cut out."""
        draws = torch.rand(len(examples), 4, generator=for_noise, device=device)
        shifts = (draws[:, :2] * 9).long() - 4  # by up to 4 pixels: down, right
        corners = (draws[:, 2:] * 29).long() - 7  # of the square, 14 pixels a side
        pixels = torch.arange(28, device=device)

        padded = pad(examples.view(-1, 28, 28), (4, 4, 4, 4), value=-1.0)
        rows, columns = (pixels + 4 - shifts[:, axis, None] for axis in (0, 1))
        image = torch.arange(len(examples), device=device)[:, None, None]
        moved = padded[image, rows[:, :, None], columns[:, None, :]]

        rows, columns = ((pixels >= corners[:, axis, None]) & (pixels < corners[:, axis, None] + 14)
                         for axis in (0, 1))
        return (moved * ~(rows[:, :, None] & columns[:, None, :])).flatten(1)
''')


def changes_inputs(settings: RunConfig) -> bool:
    """Whether D sees anything but the examples themselves."""
    return settings.augment or settings.input_noise > 0 or settings.packing > 1


def fades(settings: RunConfig) -> bool:
    return settings.input_noise > 0 and settings.input_noise_steps > 0


def inputs(settings: RunConfig) -> str:
    """The function `seen`, and those that it needs."""
    if not changes_inputs(settings):
        return ""
    lines = ['"""Examples as D sees them."""']
    if settings.augment:
        lines.append("x = augment(x)")
    if fades(settings):
        lines += ["if noise > 0:", f"    x = x + noise * {_normal()}"]
    elif settings.input_noise:
        lines.append(f"x = x + INPUT_NOISE * {_normal()}")
    if settings.packing > 1:
        lines.append("return x.reshape(-1, PACKING * x.shape[1])  # PacGAN (Lin et al., 2018)")
    else:
        lines.append("return x")
    arguments = "x, noise" if fades(settings) else "x"
    seen = f"def seen({arguments}):\n" + indented("\n".join(lines))
    return paragraphs([AUGMENT if settings.augment else "", seen], 2)


def _normal() -> str:
    return "torch.randn(x.shape, generator=for_noise, device=device)"


def as_seen(settings: RunConfig, examples: str) -> str:
    """`examples`, as code, as D sees them."""
    if not changes_inputs(settings):
        return examples
    return f"seen({examples}, noise)" if fades(settings) else f"seen({examples})"


def words_of_inputs(settings: RunConfig) -> str:
    parts = []
    if settings.augment:
        parts.append("DiffAugment: real and generated images alike are moved and cut, so that D "
                     "cannot learn the training set by heart.")
    if settings.input_noise:
        fading = " that fades away" if fades(settings) else ""
        parts.append(f"Noise{fading} on real and generated examples alike blurs their difference.")
    if settings.packing > 1:
        parts.append("PacGAN: D scores several examples at once, all real or all generated, and so "
                     "sees a lack of variety.")
    return " ".join(parts)
