"""The challenges of GAN training: their presets and questions, as data. Torch-free.

A preset's config was calibrated on seeds 0 to 9 and checked on 25 to 29: what its run measures, and
what its last sheet shows (`python -m gan_core verify presets`). The pages' buttons, the command
line's `--preset` and the recorded runs share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from gan_core.config.run_config import RunConfig


@dataclass(frozen=True)
class Preset:
    """One button: `label` and a sentence for its help; the config it sets."""

    label: str
    help: str
    config: RunConfig


@dataclass(frozen=True)
class Prediction:
    """A question about the run to come. `options` are answers in rising order, each with the
    largest value of the page's headline for which it is right."""

    question: str
    options: tuple[tuple[str, float], ...]

    def right(self, value: float) -> str:
        """The answer that the headline `value` makes right; the last one for NaN."""
        return next((answer for answer, most in self.options if value <= most),
                    self.options[-1][0])


@dataclass(frozen=True)
class Page:
    """What the menu, the home page and the head of a page say of it; `page` is its file."""

    title: str
    icon: str
    summary: str
    page: str
    question: str


@dataclass(frozen=True)
class Challenge(Page):
    """A page with an experiment.

    `presets` holds "healthy", "broken" and "fixed" in this order, as far as it has them;
    `planes` the failure and its remedy on points, by data set; `experiments` are more presets;
    `knobs` are the fields shown beside the three that every page
    has. `headline` names the number (of `diagnosis.headlines`) in which the remedy must be better
    than the failure. `evidence` is what stands beside the sheets: "histogram", "cards" (D's scores
    of single real images), "clocks" or the name of a chart; `charts` are the two below. With
    `by_time` two runs are compared after equal times of training, not after equal steps.
    """

    knobs: tuple[str, ...]
    presets: dict[str, Preset]
    start: str  # the preset that the sliders show at first
    recorded: tuple[str, str]  # runs shown before any click: the first, and beside it the second
    headline: str
    prediction: Prediction
    experiments: dict[str, Preset] = field(default_factory=dict)
    planes: dict[str, dict[str, Preset]] = field(default_factory=dict)
    evidence: str = "histogram"
    charts: tuple[str, ...] = ()
    by_time: bool = False

    @property
    def offered(self) -> dict[str, Preset]:
        """Everything that sets the page's sliders; on points by names such as "ring-broken"."""
        on_points = {f"{dataset}-{name}": preset for dataset, presets in self.planes.items()
                     for name, preset in presets.items()}
        return {**self.presets, **on_points, **self.experiments}

    def side_by_side(self, dataset: str) -> tuple[RunConfig, ...]:
        """The runs that are shown beside each other on a data set, the failure first; none on one
        without such a pair."""
        if dataset in self.planes:
            return tuple(preset.config for preset in self.planes[dataset].values())
        if {"broken", "fixed"} <= self.presets.keys():
            pair = tuple(self.presets[name].config for name in ("broken", "fixed"))
        else:
            pair = tuple(RECORDED[name] for name in self.recorded)
        return pair if pair[0].dataset == dataset else ()


MAIN_KNOBS = ("learning_rate_ratio", "label_smoothing", "dropout")

SHORT_SESSION = RunConfig(learning_rate=1e-3, steps=1500)
# The best that was found for the report's MLP in a quarter of a minute: docs/best_session.md.
BEST_SESSION = RunConfig(
    learning_rate=7e-4, learning_rate_ratio=0.2, beta1=0.0, beta2=0.99, discriminator_steps=2,
    ema=0.99, steps=1250)
BEST_DCGAN = BEST_SESSION.replace(  # the best of a light DCGAN in three quarters of a minute
    architecture="dcgan", width=0.5, learning_rate=2e-3, learning_rate_ratio=0.1,
    discriminator_steps=1, steps=1500)
REPORT_BASELINE = RunConfig(steps=46_900)  # 50 epochs of 938 batches of 64
RING = RunConfig(dataset="ring", learning_rate=1e-3, steps=3000)

COLLAPSE = RunConfig(learning_rate=3e-4, learning_rate_ratio=0.1, steps=1000)
ROTATING_RING = RING.replace(learning_rate_ratio=0.3, steps=2500)
STEEP_RING = RING.replace(loss="wasserstein", learning_rate=2e-3, discriminator_steps=5, steps=1500)
UNLIMITED = RunConfig(loss="wasserstein", steps=800)  # a critic whose slope nothing limits
# The same with WGAN's five critic steps, at a rate at which its remedy draws ten digits as quickly.
STEEP_CRITIC = UNLIMITED.replace(learning_rate=2e-3, discriminator_steps=5, steps=500)
VANISHING = RunConfig(
    loss="minimax", learning_rate=1e-4, learning_rate_ratio=20.0, discriminator_steps=5, steps=400)
STRONG_D = VANISHING.replace(steps=500)  # as long as its remedy takes to draw ten digits
FROZEN = RunConfig(freeze_generator=500, steps=2000)
FEW_IMAGES = RunConfig(
    learning_rate=1e-3, discriminator_steps=2, training_examples=200, steps=1250)
FEW_DROPOUT = FEW_IMAGES.replace(dropout=0.4, discriminator_steps=1)
BY_HEART = FEW_IMAGES.replace(discriminator_steps=3)
PUBLISHED_DCGAN = RunConfig(  # dcgan.py of PyTorch-GAN
    architecture="dcgan_reference", dropout=0.25, update_order="generator_first",
    discriminator_loss="mean", steps=100)
# Batches four times as large: 25 steps take as long as 1250 of the light DCGAN.
LARGE_BATCHES = PUBLISHED_DCGAN.replace(batch_size=256, steps=25)
UNBALANCED = SHORT_SESSION.replace(class_skew=0.95)

HOW_MANY_MODES = Prediction(
    "How many of the digits (or modes) will G draw in the end?",
    (("hardly any: a fifth or fewer", 0.2), ("about half", 0.8), ("nearly all of them", inf)),
)

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
        knobs=("learning_rate", "architecture"),
        presets={
            "healthy": Preset(
                "MLP",
                "The MLP at the best settings that a parameter map has found: G learns five times "
                "as fast as D, D takes two steps a round. Ten digits in a quarter of a minute.",
                BEST_SESSION,
            ),
            "report": Preset(
                "The report's",
                "Both networks at 0.0002, as in the report: 50 epochs there, 3000 steps here; "
                "slower, and not all digits yet.",
                REPORT_BASELINE.replace(steps=3000),
            ),
            "dcgan": Preset(
                "DCGAN",
                "Convolutions instead of fully connected layers: the light DCGAN at half its "
                "width, at the best settings that a parameter map has found.",
                BEST_DCGAN,
            ),
        },
        experiments={
            "fifty-epochs": Preset(
                "The report's 50 epochs", "Both networks at 0.0002 for 46 900 steps, as in the "
                "report; recorded.", REPORT_BASELINE),
            "gan": Preset(
                "PyTorch-GAN's MLP", "The networks, rates and order of updates of gan.py.",
                RunConfig(architecture="mlp_reference", update_order="generator_first",
                          discriminator_loss="mean")),
            "dcgan-reference": Preset(
                "PyTorch-GAN's DCGAN", "The networks and rates of dcgan.py: about half a second a "
                "step on a CPU core.", PUBLISHED_DCGAN),
            "grid": Preset(
                "25 points in the plane", "A grid of 25 narrow Gaussians, for small networks.",
                RING.replace(dataset="grid", packing=2, batch_size=128)),
        },
        start="healthy",
        recorded=("best", "baseline"),
        headline="frechet",
        prediction=Prediction(
            "What Fréchet distance to real digits will G reach? Real ones have about 3.",
            (("below 100: close", 100.0), ("100 to 300: recognisable", 300.0),
             ("above 300: poor", inf))),
        charts=("frechet", "scores"),
    ),
    "training_instability": Challenge(
        title="Training instability",
        icon=":material/cyclone:",
        summary="The losses swing, or blow up, instead of settling.",
        page="pages/training_instability.py",
        question=(
            "Gradient descent on one loss goes downhill. Why do **two networks that follow their "
            "gradients** circle around the solution, or run away from it, and what makes them "
            "settle?"
        ),
        knobs=("learning_rate", "dataset"),
        presets={
            "healthy": Preset(
                "Healthy", "The non-saturating loss at the settings that a parameter map has found "
                "best.", BEST_SESSION),
            "broken": Preset(
                "Break it",
                "A Wasserstein critic without any limit on its slope: its loss has no bottom.",
                STEEP_CRITIC),
            "fixed": Preset(
                "Fix it",
                "The same critic with WGAN-GP's penalty, λ 10, which keeps its slope near 1.",
                STEEP_CRITIC.replace(gradient_penalty=10.0)),
        },
        experiments={
            "clip": Preset(
                "Clip the gradients", "The unlimited critic, gradients clipped to norm 1.",
                STEEP_CRITIC.replace(gradient_clip=1.0)),
            "spectral-norm": Preset(
                "Spectral normalisation",
                "The unlimited critic with spectral normalisation: steady, but G learns more "
                "slowly than with the penalty.",
                STEEP_CRITIC.replace(spectral_norm=True)),
            "r1": Preset(
                "R1", "The unlimited critic with R1, γ 1.", STEEP_CRITIC.replace(r1=1.0)),
            "slow": Preset(
                "Lower rates", "The unlimited critic at a quarter of the learning rate.",
                STEEP_CRITIC.replace(learning_rate=5e-4)),
            "two-time-scale": Preset(
                "Two time scales", "The unlimited critic learns three times as fast as G.",
                STEEP_CRITIC.replace(learning_rate=7e-4, learning_rate_ratio=3.0)),
            "ring": Preset(
                "On the 2-D ring", "The plain GAN on eight Gaussians: some seeds settle, others "
                "do not.", RING),
            "ring-r1": Preset(
                "The ring with R1", "The same with R1, γ 0.1.", RING.replace(r1=0.1)),
            "divergence": Preset(
                "Divergence", "A Wasserstein critic under plain gradient descent, rate 0.1: "
                "infinite within a few hundred steps.",
                UNLIMITED.replace(optimizer="sgd", learning_rate=0.1, steps=500)),
        },
        planes={"ring": {
            "broken": Preset(
                "Break it, on the ring",
                "A Wasserstein critic without a limit on its slope: it runs away, and G with it.",
                STEEP_RING),
            "fixed": Preset(
                "Fix it, on the ring",
                "The same critic with WGAN-GP's penalty, λ 0.1, as its authors use it on points.",
                STEEP_RING.replace(gradient_penalty=0.1)),
        }},
        start="broken",
        recorded=("unstable", "stable"),
        headline="swing",
        prediction=Prediction(
            "Will training settle? Over the last 300 steps, D's score of real minus that of "
            "generated examples …",
            (("moves by less than 0.2", 0.2), ("wavers by 0.2 to 0.5", 0.5),
             ("swings by more than 0.5, or training diverges", inf))),
        evidence="scores",
        charts=("losses", "frechet"),
    ),
    "mode_collapse": Challenge(
        title="Mode collapse",
        icon=":material/filter_1:",
        summary="Every sample is the same digit.",
        page="pages/mode_collapse.py",
        question=(
            "The data has ten digits, or on the ring eight groups of points. Why would a generator "
            "that is free to draw them all end up drawing **only one**, and what brings the others "
            "back?"
        ),
        knobs=("discriminator_steps", "input_noise", "dataset"),
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
        experiments={
            "noise": Preset(
                "Noise alone", "The collapse with noise 0.1 on D's inputs and nothing else.",
                COLLAPSE.replace(input_noise=0.1)),
            "steps-noise": Preset(
                "D steps and noise", "Three D steps and noise 0.1, as in the report.",
                COLLAPSE.replace(discriminator_steps=3, input_noise=0.1)),
            "rotation": Preset(
                "Rotation on the ring", "G three times as fast as D: one or two modes at a time, "
                "others in turn.", ROTATING_RING),
            "ring-r1": Preset(
                "The ring with R1", "Equal rates and R1, γ 0.1: all eight modes.",
                RING.replace(r1=0.1)),
            "ring-packing": Preset(
                "The ring with packing", "Equal rates; D scores four samples at once.",
                RING.replace(packing=4)),
            "ring-stddev": Preset(
                "The ring with minibatch deviation", "Equal rates; D sees how much four samples "
                "differ.", RING.replace(minibatch_stddev=True)),
            "unbalanced": Preset(
                "Unbalanced data", "Nines are twenty times rarer than zeros.", UNBALANCED),
            "balanced": Preset(
                "Balanced sampling", "The same data, every digit drawn equally often.",
                UNBALANCED.replace(balanced_sampling=True)),
            "wgan-gp": Preset(
                "WGAN-GP", "Wasserstein loss, gradient penalty 10, five critic steps: slower.",
                SHORT_SESSION.replace(loss="wasserstein", beta2=0.9, learning_rate=5e-4,
                                      gradient_penalty=10.0, discriminator_steps=5)),
        },
        planes={"ring": {
            "broken": Preset(
                "Break it, on the ring", "G learns three times as fast as D: it sits on one or two "
                "modes, and moves to others in turn.", ROTATING_RING),
            "fixed": Preset(
                "Fix it, on the ring",
                "The same rates, three D steps a round and R1, γ 0.1: all eight modes.",
                ROTATING_RING.replace(discriminator_steps=3, r1=0.1)),
        }},
        start="broken",
        recorded=("collapse", "remedy"),
        headline="modes",
        prediction=HOW_MANY_MODES,
        charts=("supported", "diversity"),
    ),
    "vanishing_gradients": Challenge(
        title="Vanishing gradients",
        icon=":material/trending_down:",
        summary="The discriminator is so sure that the generator learns nothing.",
        page="pages/vanishing_gradients.py",
        question=(
            "A generator learns from what the discriminator tells it. What is left to learn from "
            "when the discriminator is **always right**?"
        ),
        knobs=("loss", "discriminator_steps", "freeze_generator"),
        presets={
            "healthy": Preset(
                "Healthy",
                "The minimax loss with equal rates of 0.001, and R1, γ 0.1: D is not far ahead.",
                SHORT_SESSION.replace(loss="minimax", r1=0.1)),
            "broken": Preset(
                "Break it",
                "The minimax loss against a D that learns twenty times as fast, five times a "
                "round.",
                STRONG_D),
            "fixed": Preset(
                "Fix it",
                "The same D, as fast and as often. G follows the non-saturating loss and learns at "
                "D's own rate; R1, γ 1, keeps D's slope small.",
                STRONG_D.replace(loss="non_saturating", r1=1.0, learning_rate=2e-3,
                                 learning_rate_ratio=1.0)),
        },
        experiments={
            "frozen": Preset(
                "Freeze G", "G is trained for 500 steps and frozen; a fresh D then learns alone "
                "while the gradient is measured that G would get under either loss.", FROZEN),
            "frozen-fast": Preset(
                "Freeze G, a faster D", "The same frozen G; the fresh D learns ten times as fast.",
                FROZEN.changed(500, learning_rate_ratio=10.0)),
            "frozen-smooth": Preset(
                "Freeze G, label smoothing", "The same frozen G; the fresh D aims at 0.9.",
                FROZEN.changed(500, label_smoothing=0.1)),
            "non-saturating": Preset(
                "The other loss alone",
                "The report's first remedy, nothing else changed: G's gradient is back, but in a "
                "session this short G draws no digits.",
                STRONG_D.replace(loss="non_saturating")),
            "smoothing": Preset(
                "Label smoothing alone",
                "The report's second remedy, 0.1: a little more of G's gradient is left, but it "
                "still vanishes.",
                STRONG_D.replace(label_smoothing=0.1)),
            "both": Preset(
                "Smoothing and the other loss",
                "Both of the report's remedies: a gradient, and still no digits in a session this "
                "short.",
                STRONG_D.replace(label_smoothing=0.1, loss="non_saturating")),
            "wgan-gp": Preset(
                "WGAN-GP", "The same rates; a Wasserstein critic with gradient penalty 10.",
                STRONG_D.replace(loss="wasserstein", gradient_penalty=10.0)),
            "sgd": Preset(
                "Without Adam", "Minimax under plain gradient descent: Adam rescales a small "
                "gradient, this does not.",
                RunConfig(loss="minimax", optimizer="sgd", learning_rate=0.05, beta1=0.0,
                          steps=1000)),
            "report": Preset(
                "The report's recipe", "Minimax, D ten times as fast: in short sessions here it "
                "does not vanish for good.",
                RunConfig(loss="minimax", learning_rate_ratio=10.0, steps=1500)),
        },
        start="broken",
        recorded=("vanishing", "restored"),
        headline="gradient_left",
        prediction=Prediction(
            "In the end, how large will G's gradient be, measured by its largest during this run?",
            (("less than a thousandth", 1e-3), ("a thousandth to a tenth", 0.1),
             ("more than a tenth", inf))),
        evidence="gauges",
        charts=("gradients", "scores"),
    ),
    "discriminator_overfitting": Challenge(
        title="Discriminator overfitting",
        icon=":material/content_copy:",
        summary="With few images the discriminator learns them by heart.",
        page="pages/discriminator_overfitting.py",
        question=(
            "A discriminator that has seen only **200 images** can learn each of them by heart. "
            "How would you notice, and what does its generator learn from it?"
        ),
        knobs=("training_examples", "augment"),
        presets={
            "healthy": Preset(
                "Healthy", "All 60 000 training images, both networks at 0.001.", SHORT_SESSION),
            "broken": Preset(
                "Break it", "200 training images and three D steps per round.", BY_HEART),
            "fixed": Preset(
                "Fix it",
                "The same 200 images; D has dropout 0.4 and R1, γ 1, and takes one step per round.",
                FEW_DROPOUT.replace(r1=1.0)),
        },
        experiments={
            "dropout": Preset(
                "Dropout alone", "200 images, two D steps, dropout 0.4.",
                FEW_IMAGES.replace(dropout=0.4)),
            "dropout-one-step": Preset(
                "Dropout and one D step", "200 images, one D step, dropout 0.4, without R1.",
                FEW_DROPOUT),
            "smoothing": Preset(
                "Label smoothing", "200 images, two D steps, label smoothing 0.1.",
                FEW_IMAGES.replace(label_smoothing=0.1)),
            "augment": Preset(
                "Augmentation", "200 images, two D steps; everything D sees is shifted and cut.",
                FEW_IMAGES.replace(augment=True)),
            "r1": Preset(
                "R1", "200 images, two D steps, R1 γ 1.", FEW_IMAGES.replace(r1=1.0)),
            "all": Preset(
                "All images, longer", "Two D steps, all 60 000 images, 5000 steps.",
                FEW_IMAGES.replace(training_examples=0, steps=5000)),
            "thousand": Preset(
                "The report's 1000 images", "1000 images, 5000 steps, beside the one above.",
                FEW_IMAGES.replace(training_examples=1000, steps=5000)),
            "thousand-dropout": Preset(
                "1000 images with dropout", "The same with dropout 0.4.",
                FEW_IMAGES.replace(training_examples=1000, steps=5000, dropout=0.4)),
        },
        start="broken",
        recorded=("overfit", "dropout-r1"),
        headline="missed",
        prediction=Prediction(
            "D calls most of its training images real. Of images it has never seen it will "
            "accept …",
            (("about as many: within 5 points", 0.05), ("5 to 15 points fewer", 0.15),
             ("more than 15 points fewer", inf))),
        evidence="cards",
        charts=("memory", "frechet"),
    ),
    "computational_cost": Challenge(
        title="Computational cost",
        icon=":material/timer:",
        summary="What a step costs, and what each remedy adds to it.",
        page="pages/computational_cost.py",
        question=(
            "Most runs on these pages take half a minute. Which choices make the same digits cost "
            "**minutes, hours or days**, and which of them are worth it?"
        ),
        knobs=("architecture", "width", "batch_size"),
        presets={
            "healthy": Preset(
                "Healthy", "The report's MLP at the best settings that a parameter map has found: "
                "ten digits in a quarter of a minute.", BEST_SESSION),
            "broken": Preset(
                "Break it",
                "The networks of PyTorch-GAN's DCGAN, batches four times as large: 25 steps in "
                "half a minute. On a GPU it is quick and shows no failure.", LARGE_BATCHES),
            "fixed": Preset(
                "Fix it",
                "A light DCGAN of half the width, at the best settings that a parameter map has "
                "found: some 1250 steps in the same time.", BEST_DCGAN),
        },
        start="broken",
        recorded=("costly", "dcgan"),
        headline="step_seconds",
        prediction=Prediction(
            "How long will 1000 steps with these settings take here?",
            (("less than a minute", 0.06), ("one to three minutes", 0.18),
             ("more than three minutes", inf))),
        evidence="clocks",
        charts=("supported", "scores"),
        by_time=True,
    ),
}


def presets() -> dict[str, Preset]:
    """Every preset by its full name, `challenge-preset`: what `--preset` accepts."""
    return {
        f"{challenge_name}-{preset_name}": preset
        for challenge_name, challenge in CHALLENGES.items()
        for preset_name, preset in challenge.offered.items()
    }


# Runs that ship with the project, made by `python -m gan_core record`: name -> config.
RECORDED: dict[str, RunConfig] = {
    "baseline": REPORT_BASELINE,
    "dcgan": BEST_DCGAN,
    "healthy": SHORT_SESSION,
    "best": BEST_SESSION,
    **{
        name: presets()[preset].config for name, preset in {
            "unstable": "training_instability-broken",
            "stable": "training_instability-fixed",
            "collapse": "mode_collapse-broken",
            "remedy": "mode_collapse-fixed",
            "rotation": "mode_collapse-ring-broken",
            "ring-remedy": "mode_collapse-ring-fixed",
            "ring-unstable": "training_instability-ring-broken",
            "ring-stable": "training_instability-ring-fixed",
            "vanishing": "vanishing_gradients-broken",
            "restored": "vanishing_gradients-fixed",
            "minimax": "vanishing_gradients-healthy",
            "frozen": "vanishing_gradients-frozen",
            "frozen-fast": "vanishing_gradients-frozen-fast",
            "overfit": "discriminator_overfitting-broken",
            "dropout-r1": "discriminator_overfitting-fixed",
            "costly": "computational_cost-broken",
        }.items()
    },
    "dropout": FEW_DROPOUT,  # links from before R1 was added show it
}
