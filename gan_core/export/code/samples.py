"""Losses and sample sheets while training goes on, and what is kept at its end."""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.export.code.networks import normalises_generator
from gan_core.export.code.section import Section, block, indented, paragraphs

REPORT = block('''
    losses = []


    def report(step, loss_d, loss_g):
        """Keeps the losses, prints them now and then, and draws a sheet."""
        losses.append((loss_d.item(), loss_g.item()))
        if (step + 1) % PRINT_EVERY == 0:
            print("step {:6}  loss of D {:8.4f}  loss of G {:8.4f}".format(step + 1, *losses[-1]))
        if (step + 1) % SHEET_EVERY == 0:
            save_sheet(step + 1)
''')

PLANE = block('''
    def plane(points):
        """A picture of the plane, within ±{extent:g}: the data's centres grey, the points black."""
        picture = torch.ones(400, 400)
        for shown, grey, size in ((torch.from_numpy(centres), 0.75, 11), (points, 0.0, 3)):
            columns, rows = ((shown * torch.tensor([1, -1]) / {extent:g} + 1) * 200).long().T
            inside = (rows >= 0) & (rows < 400) & (columns >= 0) & (columns < 400)
            dots = torch.zeros(1, 400, 400)
            dots[0, rows[inside], columns[inside]] = 1.0
            picture[max_pool2d(dots, size, stride=1, padding=size // 2)[0] > 0] = grey
        return picture
''')


def section(config: RunConfig) -> Section:
    image = config.card.kind == "image"
    return Section(
        "Samples and losses", "The sheets show the same latents each time, those of the lab's own.",
        paragraphs([
            "out.mkdir(parents=True, exist_ok=True)\n" + _latents(64 if image else 2500),
            "" if image else PLANE.format(extent=config.card.extent),
            _sheet(config),
            REPORT,
        ], 2))


def _latents(count: int) -> str:
    return block(f"""
        for_sheets = torch.Generator().manual_seed(2**40)
        sheet_latents = torch.randn({count}, LATENT_DIM, generator=for_sheets).to(device)
    """)


def _sheet(config: RunConfig) -> str:
    if config.card.kind == "image":
        what = "64 images that G makes"
        save = block("""
            images = {network}(sheet_latents).view(-1, 1, 28, 28) / 2 + 0.5
            save_image(images, out / f"{{step:06}}{ending}.png")
        """)
    else:
        what = "The points that G makes"
        save = 'save_image(plane({network}(sheet_latents).cpu()), out / f"{{step:06}}{ending}.png")'
    lines = [save.format(network="generator", ending="")]
    if normalises_generator(config):
        lines = ["learning = generator.training", "generator.eval()", *lines,
                 "generator.train(learning)"]
    if config.ema:
        what += ", and those of the averaged G"
        lines.append(save.format(network="averaged", ending="_averaged"))
    return "\n".join([
        "@torch.no_grad()", "def save_sheet(step):",
        indented("\n".join([f'"""{what}, as a picture."""', *lines]))])


def end(config: RunConfig) -> Section:
    kept = "averaged" if config.ema else "generator"
    pixels = ".view(-1, 1, 28, 28)" if config.card.kind == "image" else ""
    of_average = "  # the averaged one" if config.ema else ""
    return Section("What is kept", (
        "The losses of every step, and the weights of the generator. To sample from it later, "
        "build it as above and load them."), block(f"""
        save_sheet(len(losses))
        np.savetxt(out / "losses.csv", losses, "%.9g", ",", header="loss_d,loss_g", comments="")
        torch.save({kept}.state_dict(), out / "generator.pt"){of_average}
        print(f"The losses, the sheets and the weights of G are in the folder {{out}}.")

        # To sample from it later, build `generator` as above, and then:
        #     generator.load_state_dict(torch.load("samples/generator.pt", weights_only=True))
        #     samples = generator.eval()(torch.randn(64, LATENT_DIM)){pixels}
    """))
