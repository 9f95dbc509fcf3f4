"""How a GAN is trained: `step` is one training step, `trainer` the loop around it.

`losses`, `penalties`, `networks` and `optimizers` are tables of what a config can choose;
`session` writes a run into its store while it trains, `ensemble` trains several runs as one batch.
"""
