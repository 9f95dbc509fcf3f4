"""The losses and penalties as functions: `gan_core.training.losses` and `.penalties`."""

from __future__ import annotations

import textwrap

from gan_core.config.choices import LOSSES
from gan_core.config.run_config import RunConfig
from gan_core.export.code import loss_source
from gan_core.export.code.section import block, indented, paragraphs

# A loss that these tables do not know is copied from the lab: `loss_source`.
# D's loss, with its targets of reals and of fakes, and G's: what the functions say of themselves.
_CROSS_ENTROPY = "{cross_entropy}, where D is the sigmoid of the score."
FORMULAS = {
    "minimax": (_CROSS_ENTROPY,
                "log(1 - D(G(z))): next to no gradient while D rejects every sample."),
    "non_saturating": (_CROSS_ENTROPY,
                       "-log D(G(z)): the largest gradient while D rejects every sample."),
    "least_squares": ("(D(x) - {one})² / 2 + {zero}² / 2, where D is the score itself.",
                      "(D(G(z)) - 1)² / 2."),
    "hinge": ("max(0, 1 - D(x)) + max(0, 1 + D(G(z))): nothing to gain beyond a margin of 1.",
              "-D(G(z))."),
    "wasserstein": ("D(G(z)) - D(x): minus an estimate of the Wasserstein distance.", "-D(G(z))."),
    "relativistic": ("-log sigmoid(D(x) - D(G(z))): each real against one generated example.",
                     "-log sigmoid(D(G(z)) - D(x))."),
}
SOURCES = {
    "minimax": "Goodfellow et al. (2014)",
    "non_saturating": "Goodfellow et al. (2014), section 3",
    "least_squares": "Mao et al. (2017)",
    "hinge": "Lim & Ye (2017), Miyato et al. (2018)",
    "wasserstein": "Arjovsky et al. (2017)",
    "relativistic": "Jolicoeur-Martineau (2019), Huang et al. (2024)",
}
OF_GENERATOR = {
    "minimax": "-softplus(fake).mean()",
    "non_saturating": "softplus(-fake).mean()",
    "least_squares": "(fake - 1).square().mean() / 2",
    "hinge": "-fake.mean()",
    "wasserstein": "-fake.mean()",
    "relativistic": "softplus(real - fake).mean()",
}


def losses(settings: RunConfig) -> str:
    """`discriminator_loss(real, fake)` and `generator_loss(fake)`, of scores (n, 1)."""
    if settings.loss not in FORMULAS:
        return _copied(settings)
    of_g = FORMULAS[settings.loss][1]
    arguments = "fake, real" if pairs(settings) else "fake"
    return paragraphs([
        f'def discriminator_loss(real, fake):\n{indented(_docstring(formula_of_d(settings)))}\n'
        + indented(_LOGARITHMS * (DISCRIMINATOR[settings.loss] is _cross_entropy)
                   + _of_discriminator(settings)),
        f'def generator_loss({arguments}):\n    """{of_g}"""\n'
        f"    return {OF_GENERATOR[settings.loss]}",
    ], 2)


def formula_of_d(settings: RunConfig) -> str:
    """What D's loss is, in words that its code keeps: with its targets, and halved where it is."""
    one, zero = ({"1.0": "1", "0.0": "0"}.get(target, target) for target in _targets(settings))
    said = FORMULAS[settings.loss][0].format(
        one=one, zero="D(G(z))" if zero == "0" else f"(D(G(z)) - {zero})",
        cross_entropy="-log D(x) - log(1 - D(G(z)))" if (one, zero) == ("1", "0") else
        f"The cross-entropy of D(x) to {one}, plus that of D(G(z)) to {zero}")
    if settings.label_flips:
        said += " A share of the targets, LABEL_FLIPS, is swapped at random."
    if settings.discriminator_loss == "mean":
        said += " Half of that is returned."
    return said


def _docstring(words: str) -> str:
    if len(words) <= 90:
        return f'"""{words}"""'
    return '"""{}\n"""'.format("\n".join(textwrap.wrap(words, 90)))


def _targets(settings: RunConfig) -> tuple[str, str]:
    """What D is asked to say of reals and of fakes, as the code names it."""
    if settings.label_flips:
        return "real_target", "fake_target"
    return ("REAL_TARGET" if settings.label_smoothing else "1.0",
            "FAKE_TARGET" if settings.fake_label_smoothing else "0.0")


def pairs(settings: RunConfig) -> bool:
    """Whether G's loss compares its samples' scores with those of fresh reals."""
    return loss_source.sources()[settings.loss].pairs


def _copied(settings: RunConfig) -> str:
    """The lab's own functions, and these two that call them."""
    source = loss_source.sources()[settings.loss]
    arguments = "fake, real" if source.pairs else "fake"
    return paragraphs([
        'Targets = namedtuple("Targets", "real fake")  # what D is asked to say of both',
        loss_source.functions([source.discriminator, source.generator]),
        "def discriminator_loss(real, fake):\n" + indented(_of_discriminator(settings)),
        f"def generator_loss({arguments}):\n    return {source.generator}({arguments})",
    ], 2)


_LOGARITHMS = block("""
    # Of a score s, log(sigmoid(s)) is s - softplus(s), log(1 - sigmoid(s)) is -softplus(s).
""") + "\n"


def _of_discriminator(settings: RunConfig) -> str:
    real_target, fake_target = _targets(settings.replace(label_flips=0.0))
    flips = ""
    if settings.label_flips:
        flips = block(f"""
            flips = torch.rand(2 * len(real), 1, generator=for_noise, device=device) < LABEL_FLIPS
            flips_of_real, flips_of_fake = flips.chunk(2)
            real_target = torch.where(flips_of_real, {fake_target}, {real_target})
            fake_target = torch.where(flips_of_fake, {real_target}, {fake_target})
        """) + "\n"
        real_target, fake_target = _targets(settings)
    if settings.loss in DISCRIMINATOR:
        value = DISCRIMINATOR[settings.loss](real_target, fake_target)
    else:
        name = loss_source.sources()[settings.loss].discriminator
        value = f"{name}(real, fake, Targets({real_target}, {fake_target}))"
    if settings.discriminator_loss == "mean":
        return f"{flips}total = {value}\nreturn total / 2"
    return f"{flips}return {value}"


def _cross_entropy(real_target: str, fake_target: str) -> str:
    real = "real" if real_target == "1.0" else f"{real_target} * real"
    fake = "softplus(fake)" if fake_target == "0.0" else f"(softplus(fake) - {fake_target} * fake)"
    terms = f"(softplus(real) - {real}).mean()", f"{fake}.mean()"
    one_line = " + ".join(terms)
    return one_line if len(one_line) < 80 else "(\n    {}\n    + {})".format(*terms)


def _least_squares(real_target: str, fake_target: str) -> str:
    real = "1" if real_target == "1.0" else real_target
    fake = "fake" if fake_target == "0.0" else f"(fake - {fake_target})"
    return f"((real - {real}).square().mean() + {fake}.square().mean()) / 2"


DISCRIMINATOR = {
    "minimax": _cross_entropy,
    "non_saturating": _cross_entropy,
    "least_squares": _least_squares,
    "hinge": lambda real, fake: "relu(1 - real).mean() + relu(1 + fake).mean()",
    "wasserstein": lambda real, fake: "fake.mean() - real.mean()",
    "relativistic": lambda real, fake: "softplus(fake - real).mean()",
}

# --- penalties -----------------------------------------------------------------------------------

BETWEEN = block('''
    def gradient_penalty(real, fake):
        """(|gradient of D| - 1)², between real and generated examples (Gulrajani et al., 2017)."""
        share = torch.rand(len(real), 1, generator=for_noise, device=device)
        between = torch.lerp(real, fake, share).detach().requires_grad_()
        scores = discriminator(between)
        (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        norms = (gradient.square().sum(1) + 1e-12).sqrt()
        return (norms - 1).square().mean()
''')
AT_EXAMPLES = block('''
    def squared_slope(scores, inputs):
        """|gradient of D|² / 2 at these inputs, averaged over them (Mescheder et al., 2018)."""
        (gradient,) = torch.autograd.grad(scores.sum(), inputs, create_graph=True)
        return gradient.square().sum(1).mean() / 2
''')


def penalised(settings: RunConfig) -> bool:
    return settings.gradient_penalty > 0 or at_examples(settings)


def at_examples(settings: RunConfig) -> bool:
    """Whether a penalty is taken at the very examples that D scores."""
    return settings.r1 > 0 or settings.r2 > 0


def penalties(settings: RunConfig) -> str:
    """`gradient_penalty` and `squared_slope`, as far as they are used."""
    return paragraphs([
        BETWEEN if settings.gradient_penalty > 0 else "",
        AT_EXAMPLES if at_examples(settings) else "",
    ], 2)


def weighted_penalties(settings: RunConfig) -> list[str]:
    """What is added to D's loss, as terms."""
    terms = {
        "GRADIENT_PENALTY * gradient_penalty(real_inputs, fake_inputs)": settings.gradient_penalty,
        "R1 * squared_slope(real_scores, real_inputs)": settings.r1,
        "R2 * squared_slope(fake_scores, fake_inputs)": settings.r2,
    }
    return [term for term, weight in terms.items() if weight > 0]


# --- words ---------------------------------------------------------------------------------------


def words_of_losses(settings: RunConfig) -> str:
    label = LOSSES[settings.loss].label
    if settings.loss not in FORMULAS:
        words = f"{label}, as in the lab's own code."
    else:
        words = f"{label}: {SOURCES[settings.loss]}."
    if "log" in FORMULAS.get(settings.loss, ("", ""))[1]:
        words += (" Both losses are written for scores, not for probabilities, which would round "
                  "to 0 or 1 where gradients vanish.")
    if settings.label_smoothing or settings.fake_label_smoothing:
        words += " D is asked for targets other than 1 and 0 (label smoothing)."
    if settings.label_flips:
        words += " Some labels are swapped at random."
    if settings.discriminator_loss == "mean":
        words += " D's loss is halved."
    return words


def words_of_penalties(settings: RunConfig) -> str:
    parts = []
    if settings.gradient_penalty:
        parts.append("WGAN-GP's penalty keeps the length of D's gradient near 1.")
    if settings.r1:
        parts.append("R1 keeps D flat where the data is.")
    if settings.r2:
        parts.append("R2 keeps D flat where the samples are.")
    return " ".join(parts)
