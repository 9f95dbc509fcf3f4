"""What the report says, as claims that can be tested, with their runs and thresholds. Torch-free.

K. Toseef, "Analyzing GAN Training Challenges and Experimental Insights", 2025. Settings that the
report does not give (how much faster a rate is, how many D steps, how strong the noise) are ours;
most runs are those of the pages and of `gan_core.config.recipes`. So are the thresholds: the number
in `at_least(run, summary, number)` and the like, which must hold for every seed.
"""

from __future__ import annotations

from gan_core.config.presets import COLLAPSE, REPORT_BASELINE, SHORT_SESSION
from gan_core.config.recipes import FROZEN, KNOWN, REMEDIES
from gan_core.config.run_config import RunConfig
from gan_core.evidence.claim_verdicts import (
    Claim,
    at_least,
    at_most,
    does_not_show,
    less,
    more,
    shows,
)

FAST_G = "G ×10"
STEPS, NOISE, BOTH = "G ×10, three D steps", "G ×10, noise 0.1", "G ×10, three D steps and noise"
COLLAPSING = {
    FAST_G: COLLAPSE,
    NOISE: COLLAPSE.replace(input_noise=0.1),
    STEPS: COLLAPSE.replace(discriminator_steps=3),
    BOTH: COLLAPSE.replace(discriminator_steps=3, input_noise=0.1),
}

# The report speeds D up, without a number: ten times, to see whether its effect shows there.
FAST_D = RunConfig(loss="minimax", learning_rate_ratio=10.0, steps=1500)
VANISHING = KNOWN["vanishing"].config
STRONG_D = "D ×20, five steps, minimax"
SMOOTHED, NON_SATURATING, RESTORED = "label smoothing 0.1", "non-saturating", "both"
VANISHED = {
    STRONG_D: VANISHING,
    SMOOTHED: VANISHING.replace(label_smoothing=0.1),
    NON_SATURATING: VANISHING.replace(loss="non_saturating"),
    RESTORED: VANISHING.replace(loss="non_saturating", label_smoothing=0.1),
}

# At the report's rates memorising takes too long for a session; three D steps show it.
ALL, FEW, FEW_DROPOUT = "all images", "1000 images", "1000 images, dropout 0.4"
ON_ALL = RunConfig(
    learning_rate=4e-4, learning_rate_ratio=0.4, discriminator_steps=3, steps=2500)
OVERFITTING = {
    ALL: ON_ALL,
    FEW: ON_ALL.replace(training_examples=1000),
    FEW_DROPOUT: ON_ALL.replace(training_examples=1000, dropout=0.4),
}

THREE_THOUSAND, FIFTY_EPOCHS = "3000 steps", "50 epochs"
BASELINE = {
    THREE_THOUSAND: REPORT_BASELINE.replace(steps=3000),
    FIFTY_EPOCHS: REPORT_BASELINE,
}
PLAIN, DCGAN = "MLP", "light DCGAN"
WIDE, DEEP, NARROW_LATENT = "twice as wide", "three hidden layers", "10 latent dimensions"

REPORT_CLAIMS: dict[str, Claim] = {
    "baseline-digits": Claim(
        "report", "Results, Baseline Training", "baseline",
        "The baseline's digits can be recognised; several of them occur, some more often than "
        "others.",
        BASELINE,
        (at_least(THREE_THOUSAND, "modes", 3), at_least(THREE_THOUSAND, "most", 0.15),
         at_least(FIFTY_EPOCHS, "modes", 9), at_least(FIFTY_EPOCHS, "most", 0.15)),
        once=(FIFTY_EPOCHS,), shown_by="baseline-report",
        note="Recognised by the digit classifier. A digit counts from a share of 1 %; 10 % each "
             "would be no bias."),
    "baseline-losses": Claim(
        "report", "Results, Baseline Training", "training_instability",
        "The baseline's discriminator loss falls quickly and settles; the generator's swings "
        "before it settles in part.",
        BASELINE,
        (at_most(FIFTY_EPOCHS, "first_fall", 0.75), at_most(FIFTY_EPOCHS, "calm_d", 0.75),
         at_most(FIFTY_EPOCHS, "calm_g", 0.75), at_most(THREE_THOUSAND, "first_fall", 0.75),
         at_most(THREE_THOUSAND, "calm_d", 0.75), at_most(THREE_THOUSAND, "calm_g", 0.75)),
        once=(FIFTY_EPOCHS,),
        note="Swing is the standard deviation within a tenth of the run."),
    "convolutional": Claim(
        "report", "Results, Baseline Training; Discussion", "baseline",
        "Convolutional networks (DCGAN) draw sharper and more diverse digits than the MLP.",
        {PLAIN: REMEDIES["plain"].config, DCGAN: REMEDIES["dcgan"].config},
        (less(DCGAN, PLAIN, "frechet"), more(DCGAN, PLAIN, "diversity"),
         more(DCGAN, PLAIN, "coverage"), more(DCGAN, PLAIN, "density")),
        shown_by="remedy-dcgan",
        note="Equal numbers of steps, which take the DCGAN longer. Nothing here measures edges "
             "alone: Fréchet distance and density, how close samples lie to real images, stand "
             "for sharpness."),
    "capacity-latent-schedule": Claim(
        "report", "Discussion", "computational_cost",
        "Better results elsewhere come from the capacity of the networks, the size of the latent "
        "space and longer training.",
        {PLAIN: SHORT_SESSION, WIDE: SHORT_SESSION.replace(width=2.0),
         NARROW_LATENT: SHORT_SESSION.replace(latent_dim=10)},
        (less(WIDE, PLAIN, "frechet"), less(PLAIN, NARROW_LATENT, "frechet"),
         at_least(PLAIN, "progress", 1.1)),
        note="Longer training: the distance still falls in the second half of the run."),
    "fast-d": Claim(
        "report", "Results, Vanishing Gradient", "vanishing_gradients",
        "With a higher rate the discriminator soon is almost always right; the generator's loss "
        "stays where it is, and learning stops.",
        {"D ×10, minimax": FAST_D},
        (at_least("D ×10, minimax", "accuracy", 0.98),
         at_most("D ×10, minimax", "drift_g", 0.1),
         at_most("D ×10, minimax", "progress", 1.1),
         shows("D ×10, minimax", "vanishing_gradient")),
        shown_by="vanishing_gradients-broken",
        note="Adam divides a small gradient by its own size and so hides that it vanishes; it "
             "takes a stronger discriminator to show it."),
    "strong-d": Claim(
        "report", "Discussion", "vanishing_gradients",
        "Gradients vanish when the discriminator is too strong: the generator cannot improve.",
        {STRONG_D: VANISHING, "frozen G, minimax": FROZEN["plain"].config},
        (shows(STRONG_D, "vanishing_gradient"), at_least(STRONG_D, "accuracy", 0.98),
         at_most("frozen G, minimax", "minimax_fall", 0.01)),
        shown_by="vanishing_gradients-broken"),
    "restored": Claim(
        "report", "Results, Vanishing Gradient", "vanishing_gradients",
        "Label smoothing and the non-saturating loss together restore part of the gradient.",
        VANISHED,
        (more(RESTORED, STRONG_D, "norm_g", 10), more(RESTORED, STRONG_D, "signal", 10),
         does_not_show(RESTORED, "vanishing_gradient"), less(RESTORED, STRONG_D, "frechet")),
        note="The table holds each of the two alone as well."),
    "label-smoothing": Claim(
        "report", "Discussion", "vanishing_gradients",
        "Label smoothing is an effective remedy for vanishing gradients.",
        {STRONG_D: VANISHED[STRONG_D], SMOOTHED: VANISHED[SMOOTHED]},
        (more(SMOOTHED, STRONG_D, "norm_g", 10), does_not_show(SMOOTHED, "vanishing_gradient"),
         less(SMOOTHED, STRONG_D, "frechet", 0.8))),
    "label-smoothing-frozen": Claim(
        "report", "Discussion", "vanishing_gradients",
        "Label smoothing is an effective remedy for vanishing gradients: against a frozen "
        "generator.",
        {"plain": FROZEN["plain"].config, SMOOTHED: FROZEN["label-smoothing"].config},
        (more(SMOOTHED, "plain", "minimax_fall"), at_least(SMOOTHED, "minimax_fall", 0.1)),
        shown_by="vanishing_gradients-frozen-smooth",
        note="It slows the fall and does not stop it."),
    "fast-g": Claim(
        "report", "Results, Mode Collapse", "mode_collapse",
        "With a higher rate the generator collapses to nearly identical digits.",
        {FAST_G: COLLAPSE},
        (at_most(FAST_G, "modes", 1), at_most(FAST_G, "diversity", 0.1),
         shows(FAST_G, "mode_collapse")),
        shown_by="mode_collapse-broken"),
    "balance": Claim(
        "report", "Discussion", "mode_collapse",
        "Balancing the two networks is difficult: without tuning the generator takes shortcuts "
        "and its outputs are limited.",
        {"G ×10": COLLAPSE, "G ×5": COLLAPSE.replace(learning_rate_ratio=0.2)},
        (more("G ×5", "G ×10", "modes"), does_not_show("G ×5", "mode_collapse"),
         shows("G ×10", "mode_collapse")),
        note="A factor of two between the rates decides."),
    "steps-and-noise": Claim(
        "report", "Results, Mode Collapse", "mode_collapse",
        "Training the discriminator more often, together with noise on its inputs, brings variety "
        "back.",
        {FAST_G: COLLAPSING[FAST_G], BOTH: COLLAPSING[BOTH]},
        (at_least(BOTH, "modes", 9), at_least(BOTH, "diversity", 0.5),
         does_not_show(BOTH, "mode_collapse"))),
    "more-d-steps": Claim(
        "report", "Results, Mode Collapse", "mode_collapse",
        "Training the discriminator more often brings variety back, without noise.",
        {FAST_G: COLLAPSING[FAST_G], STEPS: COLLAPSING[STEPS]},
        (at_least(STEPS, "modes", 9), at_least(STEPS, "diversity", 0.5),
         does_not_show(STEPS, "mode_collapse")),
        shown_by="mode_collapse-fixed"),
    "input-noise": Claim(
        "report", "Results, Mode Collapse", "mode_collapse",
        "Noise on the discriminator's inputs brings variety back, without more steps.",
        {FAST_G: COLLAPSING[FAST_G], NOISE: COLLAPSING[NOISE]},
        (at_least(NOISE, "modes", 9), at_least(NOISE, "diversity", 0.5),
         does_not_show(NOISE, "mode_collapse"))),
    "memorised": Claim(
        "report", "Results, Discriminator Overfitting", "discriminator_overfitting",
        "Trained on 1000 images the discriminator learns them by heart; its loss comes close to "
        "zero.",
        {ALL: OVERFITTING[ALL], FEW: OVERFITTING[FEW]},
        (shows(FEW, "discriminator_overfitting"), more(FEW, ALL, "r_v"),
         less(FEW, ALL, "loss_d"), at_most(FEW, "loss_d", 0.1)),
        shown_by="discriminator_overfitting-broken"),
    "replicated": Claim(
        "report", "Results, Discriminator Overfitting; Discussion", "discriminator_overfitting",
        "Trained on 1000 images the generator repeats them, with little diversity, and drops "
        "modes.",
        {ALL: OVERFITTING[ALL], FEW: OVERFITTING[FEW]},
        (at_most(FEW, "nearest", 0.9), less(FEW, ALL, "diversity", 0.8),
         less(FEW, ALL, "modes"), more(FEW, ALL, "frechet", 1.25)),
        shown_by="discriminator_overfitting-broken",
        note="1 means that samples lie as close to new images as to those trained on; well below "
             "1 is copying."),
    "dropout": Claim(
        "report", "Results, Discriminator Overfitting", "discriminator_overfitting",
        "Dropout of 0.4 in the discriminator reduces overfitting; samples become more varied.",
        {FEW: OVERFITTING[FEW], FEW_DROPOUT: OVERFITTING[FEW_DROPOUT]},
        (less(FEW_DROPOUT, FEW, "r_v"), more(FEW_DROPOUT, FEW, "diversity"),
         less(FEW_DROPOUT, FEW, "frechet", 0.8))),
    "simple-mitigations": Claim(
        "report", "Conclusion", "training_instability",
        "Label smoothing, balanced updates and dropout make training more stable.",
        {"plain": REMEDIES["plain"].config, SMOOTHED: REMEDIES["label-smoothing"].config,
         "three D steps": REMEDIES["more-d-steps"].config,
         "dropout 0.4": REMEDIES["dropout"].config},
        (less(SMOOTHED, "plain", "swing_g"), less("three D steps", "plain", "swing_g"),
         less("dropout 0.4", "plain", "swing_g"), less(SMOOTHED, "plain", "frechet"),
         less("three D steps", "plain", "frechet"), less("dropout 0.4", "plain", "frechet")),
        note="On a run that is healthy already; where training fails, see the other claims."),
    "robust": Claim(
        "report", "Conclusion", "training_instability",
        "WGAN-GP and DCGAN are more robust.",
        {"MLP": REMEDIES["plain"].config, "WGAN-GP": REMEDIES["wgan-gp"].config,
         DCGAN: REMEDIES["dcgan"].config},
        (less("WGAN-GP", "MLP", "frechet", 0.8), less(DCGAN, "MLP", "frechet", 0.8),
         does_not_show("WGAN-GP", "instability"), does_not_show(DCGAN, "instability")),
        shown_by="remedy-wgan-gp",
        note="The report names them for future work."),
}
