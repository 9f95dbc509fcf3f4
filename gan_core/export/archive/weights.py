"""The weights of a run, put to use without this project: a short loader for its checkpoint.

    Path("load_weights.py").write_text(loader(RunConfig(dataset="ring")), encoding="utf-8")

It has the networks of the run's script, gan.py, and not its training, so that nothing is trained
and no data set is needed. Torch-free: torch is only written about.
"""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.export.code.imports import imports
from gan_core.export.code.program import program
from gan_core.export.code.section import Section, block, names_in

DOCSTRING = '''\
"""The trained networks of run {digest}, from checkpoint.pt, and samples of them.

    pip install torch torchvision
    python load_weights.py

The networks are those of gan.py. Reading the checkpoint runs no code that is in it.
"""'''
LOAD = """
    saved = torch.load("checkpoint.pt", map_location=device, weights_only=True)
    generator.load_state_dict(saved["generator"])
    # D's layers are counted with a dropout that does nothing, which gan.py leaves out.
    of_d = zip(discriminator.state_dict(), saved["discriminator"].values(), strict=True)
    discriminator.load_state_dict(dict(of_d))
    print("weights after", saved["step"], "steps of training")
"""
AVERAGED = """
    averaged = copy.deepcopy(generator)  # its weights are a running mean of the generator's
    averaged.load_state_dict(saved["averaged"])
"""
LATENTS = (
    "latents = torch.randn({count}, LATENT_DIM, generator=torch.Generator().manual_seed(2**40))")
SAMPLE = """
    with torch.no_grad():
        samples = {network}.eval()(latents){shape}
    {save}
"""
SAVED = {
    "image": 'save_image(samples, "{name}.png", normalize=True, value_range=(-1, 1))',
    "points": ('np.savetxt(\n'
               '    "{name}.csv", samples.numpy(), "%.6g", ",", header="x,y", comments="")'),
}
COUNTS = {"image": 64, "points": 2500}  # of the lab's own sheets, whose latents these are
SHAPES = {"image": ".view(-1, 1, 28, 28)", "points": ""}


def loader(config: RunConfig) -> str:
    """The text of a script that loads checkpoint.pt of a run of `config` and draws samples."""
    sections = {section.title: section for section in program(config, notebook=True)}
    networks = sections["The networks"].code
    loading = _loading(config)
    streams = _lines(sections["Random numbers"], names_in(networks))
    settings = _lines(sections["Settings"], names_in("\n".join([networks, loading, streams])))
    code = "\n\n\n".join(filter(None, [
        "\n".join(filter(None, ['device = torch.device("cpu")', settings, streams])),
        networks, loading]))
    return "\n\n".join([DOCSTRING.format(digest=config.digest()), imports(code), code]) + "\n"


def _lines(section: Section, used: set[str]) -> str:
    """The assignments of a section, one a line, to names that are used."""
    return "\n".join(line for line in section.code.splitlines()
                     if line.partition(" = ")[0] in used)


def _loading(config: RunConfig) -> str:
    kind = config.card.kind
    names = {"generator": "samples_from_weights"}
    if config.ema:
        names["averaged"] = "samples_of_averaged_weights"
    drawn = [block(SAMPLE).format(network=network, shape=SHAPES[kind],
                                  save=SAVED[kind].format(name=name))
             for network, name in names.items()]
    return "\n".join([block(LOAD), *([block(AVERAGED)] if config.ema else []), "",
                      LATENTS.format(count=COUNTS[kind]), *drawn])
