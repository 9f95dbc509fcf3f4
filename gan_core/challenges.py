"""The challenges of GAN training and their presets, as data. Torch-free.

A preset's config was calibrated over seeds 0 to 4 (`python -m gan_core verify`) and is what the
pages' buttons, the command line's `--preset` and the recorded runs share.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gan_core.config import RunConfig


@dataclass(frozen=True)
class Preset:
    """One button: `label` and a sentence for its help; the config it sets."""

    label: str
    help: str
    config: RunConfig


@dataclass(frozen=True)
class Challenge:
    """One page. `presets` holds "healthy", "broken" and "fixed" in this order, as far as it has
    them; `knobs` are the fields shown beside the three that every page has. `page` is None while
    the page is still to come."""

    title: str
    icon: str
    summary: str
    page: str | None = None
    question: str = ""
    knobs: tuple[str, ...] = ()
    presets: dict[str, Preset] = field(default_factory=dict)
    start: str = ""  # the preset a newcomer finds on the sliders
    recorded: tuple[str, str] | tuple[()] = ()  # what is shown before any click, and beside it


MAIN_KNOBS = ("learning_rate_ratio", "label_smoothing", "dropout")

SHORT_SESSION = RunConfig(learning_rate=1e-3, steps=1500)
REPORT_BASELINE = RunConfig(steps=46_900)  # 50 epochs of 938 batches of 64
COLLAPSE = RunConfig(learning_rate=3e-4, learning_rate_ratio=0.1, steps=1000)

CHALLENGES: dict[str, Challenge] = {
    "baseline": Challenge(
        title="A GAN on MNIST",
        icon=":material/home:",
        summary="Train the baseline and watch digits appear.",
        page="streamlit_app.py",
        question=(
            "Two networks play against each other: a **generator** turns random numbers into "
            "images, a **discriminator** tells them from real ones. Why does it work, and why does "
            "it so often not?"
        ),
        knobs=("learning_rate",),
        presets={
            "healthy": Preset(
                "Short session",
                "Both networks at a learning rate of 0.001: ten digits within half a minute or so.",
                SHORT_SESSION,
            ),
            "report": Preset(
                "The report's baseline",
                "Both networks at 0.0002, as in the report: 50 epochs there, 3000 steps here; "
                "slower, and not all digits yet.",
                REPORT_BASELINE.replace(steps=3000),
            ),
        },
        start="healthy",
        recorded=("baseline", "healthy"),
    ),
    "training_instability": Challenge(
        title="Training instability",
        icon=":material/cyclone:",
        summary="The losses swing, or blow up, instead of settling.",
    ),
    "mode_collapse": Challenge(
        title="Mode collapse",
        icon=":material/filter_1:",
        summary="Every sample is the same digit.",
        page="pages/mode_collapse.py",
        question=(
            "The training set holds ten digits. Why would a generator that is free to draw them "
            "all end up drawing **only one**, and what brings the others back?"
        ),
        knobs=("discriminator_steps", "input_noise"),
        presets={
            "healthy": Preset(
                "Healthy", "Both networks learn at the same rate, 0.001.", SHORT_SESSION
            ),
            "broken": Preset(
                "Break it",
                "The generator learns ten times as fast as the discriminator.",
                COLLAPSE,
            ),
            "fixed": Preset(
                "Fix it",
                "The same rates, but three discriminator steps before each generator step.",
                COLLAPSE.replace(discriminator_steps=3),
            ),
        },
        start="broken",
        recorded=("collapse", "remedy"),
    ),
    "vanishing_gradients": Challenge(
        title="Vanishing gradients",
        icon=":material/trending_down:",
        summary="The discriminator is so sure that the generator learns nothing.",
    ),
    "discriminator_overfitting": Challenge(
        title="Discriminator overfitting",
        icon=":material/content_copy:",
        summary="With few images the discriminator learns them by heart.",
    ),
    "computational_cost": Challenge(
        title="Computational cost",
        icon=":material/timer:",
        summary="What a step costs, and what each remedy adds to it.",
        page="pages/computational_cost.py",
        question=(
            "Some networks take many times as long for a step as others, and most remedies add "
            "work to it. **What does a GAN cost on this machine**, which remedies are worth their "
            "price, and what can be saved without losing the digits?"
        ),
        knobs=("architecture", "batch_size"),
        presets={
            "healthy": Preset(
                "Healthy", "The report's MLP, whose steps are cheap.", SHORT_SESSION
            ),
            "broken": Preset(
                "Break it",
                "PyTorch-GAN's DCGAN on this machine: each step takes so long that 100 of them are "
                "a session.",
                RunConfig(architecture="dcgan_reference", steps=100),
            ),
            "fixed": Preset(
                "Fix it",
                "A light DCGAN: convolutions too, at a fraction of the price.",
                SHORT_SESSION.replace(architecture="dcgan", steps=500),
            ),
        },
        start="broken",
    ),
}


def presets() -> dict[str, Preset]:
    """Every preset by its full name, `challenge-preset`: what `--preset` accepts."""
    return {
        f"{challenge_name}-{preset_name}": preset
        for challenge_name, challenge in CHALLENGES.items()
        for preset_name, preset in challenge.presets.items()
    }


# Runs that ship with the project, made by `python -m gan_core record`: name -> config.
RECORDED: dict[str, RunConfig] = {
    "baseline": REPORT_BASELINE,
    "healthy": SHORT_SESSION,
    "collapse": COLLAPSE,
    "remedy": COLLAPSE.replace(discriminator_steps=3),
}
