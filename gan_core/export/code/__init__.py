"""A run as a program of its own, in PyTorch alone: the text of each of its sections.

Every file here writes one section, or two that belong together, from a RunConfig: only what the run
uses, with its settings filled in. `program` puts them in order; `gan_core.export.script` and
`gan_core.export.notebook` make files of them. Torch-free: torch is only written about.

The program draws the same random numbers as the trainer, in the same order, so each text here has
its model in `gan_core.training` or `gan_core.data`, which it must follow.
"""
