"""One training step, as the lines of the loop: `gan_core.training.step.GanStep`, in its order."""

from __future__ import annotations

from collections.abc import Callable

from gan_core.config.choices import ARCHITECTURES
from gan_core.config.run_config import RunConfig
from gan_core.export.code import loss_source, objective
from gan_core.export.code.inputs import as_seen, changes_inputs, fades
from gan_core.export.code.networks import normalises_generator
from gan_core.export.code.phases import Phase
from gan_core.export.code.precision import generate, score
from gan_core.export.code.section import block, indented, paragraphs

FADING = "noise = INPUT_NOISE * max(1 - step / INPUT_NOISE_STEPS, 0)"


def step(phase: Phase) -> str:
    """What happens in each step of a phase."""
    settings = phase.settings
    noise = FADING if fades(settings) else ""
    updates = frozen_generator if phase.frozen else ORDERS[settings.update_order]
    return paragraphs([
        noise, updates(settings), _average(settings), "report(step, loss_d, loss_g)"])


# --- the orders of the updates -------------------------------------------------------------------


def discriminator_first(settings: RunConfig) -> str:
    """G's first update reuses the fakes of D's last one."""
    of_d = _first(settings, "discriminator", _update_of_d(settings))
    of_g = _second(settings, "generator", _update_of_g(settings))
    return paragraphs([f"# D learns to tell real from generated examples.\n{of_d}",
                       f"# G learns to be taken for real by this D.\n{of_g}"])


def generator_first(settings: RunConfig) -> str:
    """D's first update reuses the fakes of G's last one, made before that update."""
    of_g = _first(settings, "generator", _update_of_g(settings))
    of_d = _second(settings, "discriminator", _update_of_d(settings))
    return paragraphs([f"# G learns to be taken for real by D.\n{of_g}",
                       "# D learns to tell real examples from those that G made before.\n"
                       f"{of_d}"])


def simultaneous(settings: RunConfig) -> str:
    """D's gradients are computed before G moves and applied after G has learned."""
    return paragraphs([
        _fake(settings),
        f"# D's gradients, which wait until G has learned from the same D.\n"
        f"{_gradients_of_d(settings)}",
        # Without `inputs` its backward pass would add to D's gradients.
        f"# G learns to be taken for real; its loss must not add to D's gradients.\n"
        f"{_update_of_g(settings, 'inputs=list(generator.parameters())')}",
        f"# D learns to tell real from generated examples.\n{_move_of_d(settings)}",
    ])


ORDERS: dict[str, Callable[[RunConfig], str]] = {
    "discriminator_first": discriminator_first,
    "generator_first": generator_first,
    "simultaneous": simultaneous,
}


COUNTS = {"discriminator": "D_STEPS", "generator": "G_STEPS"}  # by whose updates they are


def _first(settings: RunConfig, network: str, update: str) -> str:
    """Updates of the network that moves first: each makes fakes of its own."""
    body = f"{_fake(settings)}\n{update}"
    if getattr(settings, f"{network}_steps") == 1:
        return body
    return f"for _ in range({COUNTS[network]}):\n{indented(body)}"


def _second(settings: RunConfig, network: str, update: str) -> str:
    """Updates of the other network, of which the first takes the fakes that are there."""
    if getattr(settings, f"{network}_steps") == 1:
        return update
    return f"for update in range({COUNTS[network]}):\n" + indented(
        f"if update > 0:\n    {_fake(settings)}\n{update}")


def _fake(settings: RunConfig) -> str:
    return f"fake = {generate(settings)}(latents())"


# --- D's update ----------------------------------------------------------------------------------


def _update_of_d(settings: RunConfig) -> str:
    return f"{_gradients_of_d(settings)}\n{_move_of_d(settings)}"


def _gradients_of_d(settings: RunConfig) -> str:
    lines = [*_scores(settings), "loss_d = discriminator_loss(real_scores, fake_scores)"]
    penalties = objective.weighted_penalties(settings)
    lines += [f"penalty {'+=' if place else '='} {term}" for place, term in enumerate(penalties)]
    whole = "(loss_d + penalty)" if penalties else "loss_d"
    lines += ["optimizer_d.zero_grad()", f"{whole}.backward()"]
    if settings.gradient_clip:
        lines.append("nn.utils.clip_grad_norm_(discriminator.parameters(), GRADIENT_CLIP)")
    return "\n".join(lines)


def _scores(settings: RunConfig) -> list[str]:
    """D's scores of a batch, in one pass where D's layers allow; in two where BatchNorm would mix
    reals and fakes, or where a penalty at the examples need not go back through the other half."""
    both = as_seen(settings, "torch.cat([real_batch(), fake.detach()])")
    mixes = ARCHITECTURES[settings.architecture].batch_norm_in_d
    if not (mixes or objective.penalised(settings)):
        return [f"inputs = {both}  # D sees both in one pass",
                f"real_scores, fake_scores = {score(settings)}(inputs).chunk(2)"]
    if changes_inputs(settings):
        lines = [f"inputs = {both}", "real_inputs, fake_inputs = inputs.chunk(2)"]
    else:
        lines = ["real_inputs, fake_inputs = real_batch(), fake.detach()"]
    if settings.r1:
        lines.append("real_inputs.requires_grad_()")
    if settings.r2:
        lines.append("fake_inputs.requires_grad_()")
    d = score(settings)
    one_pass = settings.dropout > 0 or settings.spectral_norm
    if mixes or (objective.at_examples(settings) and not one_pass):
        lines.append(f"real_scores, fake_scores = {d}(real_inputs), {d}(fake_inputs)")
    else:
        lines += ["inputs = torch.cat([real_inputs, fake_inputs])  # D sees both in one pass",
                  f"real_scores, fake_scores = {d}(inputs).chunk(2)"]
    return lines


def _move_of_d(settings: RunConfig) -> str:
    lines = ["optimizer_d.step()"]
    if settings.weight_clip:
        lines += ["for weight in discriminator.parameters():",
                  "    weight.data.clamp_(-WEIGHT_CLIP, WEIGHT_CLIP)"]
    return "\n".join(lines)


# --- G's update ----------------------------------------------------------------------------------


def _update_of_g(settings: RunConfig, backward: str = "") -> str:
    loss = _loss_of_g(settings)
    if not objective.pairs(settings):
        loss = [f"loss_g = generator_loss({score(settings)}({as_seen(settings, 'fake')}))"]
    lines = [*loss, "optimizer_g.zero_grad()",
             f"loss_g.backward({backward})"]
    if settings.gradient_clip:
        lines.append("nn.utils.clip_grad_norm_(generator.parameters(), GRADIENT_CLIP)")
    return "\n".join([*lines, "optimizer_g.step()"])


def _loss_of_g(settings: RunConfig) -> list[str]:
    """G's loss, and D's scores on the way to it."""
    d = score(settings)
    scores = f"scores = {d}({as_seen(settings, 'fake')})"
    if not objective.pairs(settings):
        return [scores, "loss_g = generator_loss(scores)"]
    return [scores, "with torch.no_grad():",
            f"    scores_of_real = {d}({as_seen(settings, 'real_batch()')})",
            "loss_g = generator_loss(scores, scores_of_real)"]


# --- a frozen G -----------------------------------------------------------------------------------

MEASURED = block("""
    minimax = gradient_norm(-softplus({log_odds}).mean())
    non_saturating = gradient_norm(softplus(-{log_odds}).mean())
    gradient_norms.append((minimax, non_saturating))
    if (step + 1) % PRINT_EVERY == 0:
        print(f"  gradient of G: minimax {{minimax:.2e}}, non-saturating {{non_saturating:.2e}}")
""")

GRADIENT_NORM = block('''
    gradient_norms = []  # of each step: under the minimax loss, under the non-saturating one


    def gradient_norm(loss):
        """The length of the gradient of G."""
        gradients = torch.autograd.grad(loss, list(generator.parameters()), retain_graph=True)
        return torch.stack([gradient.norm() for gradient in gradients]).norm().item()
''')


def frozen_generator(settings: RunConfig) -> str:
    """Updates of D alone, and the gradient that G would get: Arjovsky & Bottou (2017), figure 2."""
    of_d = f"{_fake(settings)}\n{_update_of_d(settings)}"
    if settings.discriminator_steps > 1:
        of_d = "for _ in range(D_STEPS):\n" + indented(of_d)
    centre = loss_source.sources()[settings.loss].centre  # the score at which D is undecided
    log_odds, shift = "scores", ""
    if centre != 0.0:
        undecided = ("torch.cat([real_scores, fake_scores]).detach().mean()" if centre is None
                     else repr(centre))
        log_odds, shift = "log_odds", f"log_odds = scores - {undecided}"
    measured = "\n".join(filter(None, [
        _fake(settings), *_loss_of_g(settings), shift, MEASURED.format(log_odds=log_odds)]))
    return paragraphs([
        f"# D alone learns.\n{of_d}",
        f"# The gradient that G would get, under both forms of the loss.\n{measured}"])


# --- the averaged generator ----------------------------------------------------------------------


def _average(settings: RunConfig) -> str:
    if not settings.ema:
        return ""
    lines = ["# The averaged G follows; quickly at first, to forget the first weights soon.",
             "decay = min(EMA, (step + 2) / (step + 11))",
             "with torch.no_grad():",
             "    for mean, weight in zip(averaged.parameters(), generator.parameters()):",
             "        mean.lerp_(weight, 1 - decay)"]
    if normalises_generator(settings):
        lines += ["    for mean, value in zip(averaged.buffers(), generator.buffers()):",
                  "        mean.copy_(value)  # BatchNorm's statistics"]
    return "\n".join(lines)
