"""What the lecture notes say, as claims that can be tested, with their runs and thresholds.

Lecture notes "Challenges/Problems in GANs", Advanced AI, module 2, 2024–25. They give no settings:
those are ours, most of them runs of the pages and of `gan_core.config.recipes`. So are the
thresholds: the number in `at_least(run, summary, number)` and the like. Torch-free.
"""

from __future__ import annotations

from gan_core.config.presets import COLLAPSE, SHORT_SESSION
from gan_core.config.recipes import KNOWN, REMEDIES
from gan_core.config.run_config import RunConfig
from gan_core.evidence.claim_verdicts import (
    Claim,
    at_least,
    at_most,
    differ,
    differ_by_seed,
    does_not_show,
    less,
    more,
    shows,
    told_apart_by_folds,
)
from gan_core.evidence.report_claims import (
    ALL,
    DCGAN,
    DEEP,
    FAST_D,
    FEW,
    OVERFITTING,
    STRONG_D,
    VANISHING,
    WIDE,
)

PLAIN = "plain"
UNSTABLE = KNOWN["unstable"].config
NO_LIMIT = "critic without limit"
ROTATING = "2-D ring, fast G"
RARE = SHORT_SESSION.replace(class_skew=0.95)
# Of two rates, the better one must be seen to be better on each fold, not on each seed.
FOLDED = RunConfig(folds=5, steps=750)

NOTES_CLAIMS: dict[str, Claim] = {
    "sensitive": Claim(
        "notes", "1. Training Instability", "training_instability",
        "Training is sensitive to hyper-parameters, to the networks and to their initialisation.",
        {"G ×10": COLLAPSE, "G ×5": COLLAPSE.replace(learning_rate_ratio=0.2),
         PLAIN: SHORT_SESSION, DEEP: SHORT_SESSION.replace(depth=3)},
        (differ("G ×10", "G ×5", "frechet", 1.25), differ(PLAIN, DEEP, "frechet", 1.25),
         differ_by_seed(PLAIN, "frechet", 1.25), differ_by_seed("G ×5", "frechet", 1.25)),
        note="A factor of 1.25 in Fréchet distance is what the pages call a clear difference."),
    "oscillating": Claim(
        "notes", "1. Training Instability", "training_instability",
        "Unstable training shows in losses that oscillate or diverge instead of converging.",
        {NO_LIMIT: UNSTABLE, "critic, SGD 0.1": KNOWN["diverged"].config, PLAIN: SHORT_SESSION},
        (shows(NO_LIMIT, "instability"), more(NO_LIMIT, PLAIN, "swing_d"),
         shows("critic, SGD 0.1", "divergence"), does_not_show(PLAIN, "instability")),
        shown_by="training_instability-broken"),
    "overpowered": Claim(
        "notes", "1. Training Instability", "training_instability",
        "The networks become unbalanced: either of them can overpower the other, which then "
        "cannot learn.",
        {STRONG_D: VANISHING, "G ×10": COLLAPSE},
        (at_least(STRONG_D, "accuracy", 0.98), at_most(STRONG_D, "progress", 1.1),
         at_most("G ×10", "accuracy", 0.55)),
        shown_by="vanishing_gradients-broken",
        note="A generator that learns ten times as fast leads at first; once it has collapsed, "
             "the discriminator rejects its one picture with ease."),
    "one-output": Claim(
        "notes", "2. Mode collapse", "mode_collapse",
        "A collapsed generator makes only one output, or a small set of them.",
        {"G ×10": COLLAPSE, ROTATING: KNOWN["rotating-ring"].config},
        (at_most("G ×10", "modes", 1), at_most("G ×10", "diversity", 0.1),
         at_most(ROTATING, "modes", 3)),
        shown_by="mode_collapse-broken"),
    "rotation": Claim(
        "notes", "2. Mode collapse", "mode_collapse",
        "The generators rotate through a small set of outputs.",
        {ROTATING: KNOWN["rotating-ring"].config, "MNIST, G ×10": COLLAPSE},
        (shows(ROTATING, "mode_rotation"), shows("MNIST, G ×10", "mode_rotation")),
        shown_by="mode_collapse-rotation"),
    "stuck-d": Claim(
        "notes", "2. Mode collapse", "mode_collapse",
        "A collapse lasts because the discriminator gets stuck and does not learn to reject the "
        "repeated output.",
        {"MNIST, G ×10": COLLAPSE, ROTATING: KNOWN["rotating-ring"].config},
        (at_most("MNIST, G ×10", "rejected", 0.6), at_most(ROTATING, "rejected", 0.6)),
        note="On MNIST the discriminator does learn it; the collapse lasts all the same."),
    "early": Claim(
        "notes", "3. Vanishing gradient", "vanishing_gradients",
        "Gradients vanish early in training in particular.",
        {STRONG_D: VANISHING, "D ×10, minimax": FAST_D,
         "equal rates, minimax": SHORT_SESSION.replace(loss="minimax")},
        (at_most(STRONG_D, "weakest", 0.2), at_most("D ×10, minimax", "weakest", 0.2),
         at_most("equal rates, minimax", "weakest", 0.2)),
        note="0 is the first tenth of the run, 0.9 the last."),
    "stagnation": Claim(
        "notes", "3. Vanishing gradient", "vanishing_gradients",
        "A vanishing gradient makes learning slow, or stops it.",
        {STRONG_D: VANISHING, "equal rates, 500 steps": SHORT_SESSION.replace(steps=500)},
        (at_most(STRONG_D, "progress", 1.1),
         less("equal rates, 500 steps", STRONG_D, "frechet", 0.8)),
        shown_by="vanishing_gradients-broken"),
    "either-network": Claim(
        "notes", "3. Vanishing gradient", "vanishing_gradients",
        "The gradient of either network, generator or discriminator, can become very small.",
        {STRONG_D: VANISHING, "G ×10": COLLAPSE},
        (at_most(STRONG_D, "fall_g", 0.05), at_most(STRONG_D, "fall_d", 0.05),
         at_most("G ×10", "fall_d", 0.05)),
        shown_by="vanishing_gradients-broken",
        note="The discriminator's becomes small when it makes no errors any more."),
    "hardware": Claim(
        "notes", "4. Computational resources", "computational_cost",
        "Training a GAN takes powerful hardware and much time.",
        {"MLP": REMEDIES["plain"].config, DCGAN: REMEDIES["dcgan"].config,
         "WGAN-GP": REMEDIES["wgan-gp"].config},
        (at_least("MLP", "seconds", 300), more(DCGAN, "MLP", "seconds", 2),
         more("WGAN-GP", "MLP", "seconds", 2)),
        note="28 × 28 digits on one processor core, which other runs used at the same time. What "
             "published models cost is beyond what is measured here."),
    "massive-data": Claim(
        "notes", "4. Computational resources", "computational_cost",
        "Training a GAN takes massive data sets.",
        {ALL: OVERFITTING[ALL], FEW: OVERFITTING[FEW]},
        (more(FEW, ALL, "frechet", 1.25), less(FEW, ALL, "coverage", 0.8)),
        note="All of MNIST are 60 000 images, beside 1000 of them."),
    "complexity": Claim(
        "notes", "Mitigate these challenges, 1", "computational_cost",
        "More complex networks capture the data better.",
        {PLAIN: SHORT_SESSION, WIDE: SHORT_SESSION.replace(width=2.0),
         DEEP: SHORT_SESSION.replace(depth=3), DCGAN: REMEDIES["dcgan"].config},
        (less(WIDE, PLAIN, "frechet"), less(DEEP, PLAIN, "frechet"),
         less(DCGAN, PLAIN, "frechet")),
        shown_by="remedy-dcgan"),
    "wasserstein-stable": Claim(
        "notes", "Mitigate these challenges, 2", "training_instability",
        "WGAN and WGAN-GP make training stable.",
        {NO_LIMIT: UNSTABLE, "with gradient penalty": UNSTABLE.replace(gradient_penalty=10.0),
         PLAIN: REMEDIES["plain"].config, "WGAN": REMEDIES["wgan"].config,
         "WGAN-GP": REMEDIES["wgan-gp"].config},
        (does_not_show("with gradient penalty", "instability"),
         does_not_show("WGAN", "instability"),
         does_not_show("WGAN-GP", "instability"), less("WGAN", PLAIN, "frechet"),
         less("WGAN-GP", PLAIN, "frechet")),
        shown_by="remedy-wgan-gp"),
    "wasserstein-gradients": Claim(
        "notes", "Mitigate these challenges, 2", "vanishing_gradients",
        "WGAN-GP prevents vanishing gradients.",
        {STRONG_D: VANISHING, "same rates, WGAN-GP": VANISHING.replace(
            loss="wasserstein", gradient_penalty=10.0)},
        (more("same rates, WGAN-GP", STRONG_D, "norm_g", 10),
         less("same rates, WGAN-GP", STRONG_D, "frechet", 0.8)),
        note="A Wasserstein critic has no accuracy to saturate: its gradient is limited from "
             "above, not lost."),
    "gradient-limit": Claim(
        "notes", "Mitigate these challenges, 3", "vanishing_gradients",
        "Limiting the magnitude of gradients keeps them from becoming too small.",
        {STRONG_D: VANISHING, "clipped to norm 1": VANISHING.replace(gradient_clip=1.0)},
        (more("clipped to norm 1", STRONG_D, "norm_g", 10),
         does_not_show("clipped to norm 1", "vanishing_gradient")),
        note="Clipping shortens long gradients; it never lengthens a short one."),
    "gradient-limit-stable": Claim(
        "notes", "Mitigate these challenges, 3", "training_instability",
        "Limiting the magnitude of gradients makes training stable.",
        {NO_LIMIT: UNSTABLE, "clipped to norm 1": UNSTABLE.replace(gradient_clip=1.0),
         PLAIN: REMEDIES["plain"].config, "plain, clipped": REMEDIES["gradient-clip"].config},
        (does_not_show("clipped to norm 1", "instability"),
         less("plain, clipped", PLAIN, "swing_g")),
        note="What calms a critic is a limit on its slope at each example, not on its step."),
    "cross-validation": Claim(
        "notes", "Mitigate these challenges, 4", "training_instability",
        "Cross-validation tells which hyper-parameters are better.",
        {"rate 0.001": FOLDED.replace(learning_rate=1e-3),
         "rate 0.0002": FOLDED.replace(learning_rate=2e-4)},
        (told_apart_by_folds("rate 0.001", "rate 0.0002", "frechet"),),
        varies="fold",
        note="Five folds, each measured on images that its run never saw. The page of "
             "cross-validation shows them, and compares other settings."),
    "regularisation": Claim(
        "notes", "Mitigate these challenges, 5", "training_instability",
        "Other networks and regularisation make training stable.",
        {NO_LIMIT: UNSTABLE,
         "with spectral normalisation": UNSTABLE.replace(spectral_norm=True),
         "with gradient penalty": UNSTABLE.replace(gradient_penalty=10.0),
         PLAIN: REMEDIES["plain"].config, DCGAN: REMEDIES["dcgan"].config,
         "R1": REMEDIES["r1"].config},
        (does_not_show("with spectral normalisation", "instability"),
         does_not_show("with gradient penalty", "instability"),
         less("R1", PLAIN, "frechet"), less(DCGAN, PLAIN, "frechet")),
        shown_by="remedy-r1"),
    "balanced-sampling": Claim(
        "notes", "Mitigate these challenges, 6", "mode_collapse",
        "Drawing all modes equally often keeps rare ones from being lost.",
        {"rare digits": RARE, "rare digits, balanced": RARE.replace(balanced_sampling=True)},
        (more("rare digits, balanced", "rare digits", "least", 2),
         less("rare digits, balanced", "rare digits", "kl_uniform"),
         less("rare digits, balanced", "rare digits", "frechet")),
        note="The last digit has 5 % of its training images, the others lie in between."),
}
