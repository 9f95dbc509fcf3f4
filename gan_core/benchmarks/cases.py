"""What `bench` compares: our step beside that of a published loop, for every network. Torch-free.

The loops are those of `textbook`. Both sides run one algorithm: the loop's own order of updates and
its own loss, so that a ratio tells of the work that is saved and not of work that is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.config.run_config import RunConfig


@dataclass(frozen=True)
class Contest:
    """`config` is our side; `loop` names the other, of textbook.LOOPS. `precedent` says where the
    loop and the networks come from."""

    config: RunConfig
    loop: str
    precedent: str

    @property
    def title(self) -> str:
        where = "" if self.config.dataset == "mnist" else f" on {self.config.dataset}"
        return f"{self.config.architecture}{where}, {self.precedent}"


GAN = RunConfig(update_order="generator_first", discriminator_loss="mean")
WGAN_GP = RunConfig(
    architecture="mlp_reference", loss="wasserstein", gradient_penalty=10.0, discriminator_steps=5)

CONTESTS: dict[str, Contest] = {
    "mlp": Contest(GAN, "gan", "the loop of gan.py"),
    "mlp_reference": Contest(GAN.replace(architecture="mlp_reference"), "gan", "gan.py"),
    "dcgan": Contest(GAN.replace(architecture="dcgan"), "gan", "the loop of dcgan.py"),
    "dcgan_reference": Contest(
        GAN.replace(architecture="dcgan_reference", dropout=0.25), "gan", "dcgan.py"),
    "pacgan_2d": Contest(
        GAN.replace(architecture="pacgan_2d", dataset="ring"), "gan", "the loop of gan.py"),
    "mlp_on_ring": Contest(GAN.replace(dataset="ring"), "gan", "the loop of gan.py"),
    "wgan_gp": Contest(WGAN_GP, "wgan_gp", "wgan_gp.py, 5 critic updates a step"),
}

# Runs side by side: what a band of seeds and two workers are made of.
RUNS_AT_ONCE = (1, 2, 4, 8, 16)
BAND = RunConfig(dataset="ring")
NEIGHBOUR = CONTESTS["mlp_reference"].config
PARTS = ("batched", "concurrent", "interface")  # of the report, beside the contests
