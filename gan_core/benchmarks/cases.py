"""What `bench` compares: our step beside that of a published loop, for every network. Torch-free.

The loops are those of `reference_loops`. Both sides run one algorithm: the loop's own order of
updates and its own loss, so that a ratio shows the work that is saved, not work that is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.config.run_config import RunConfig


@dataclass(frozen=True)
class BenchmarkCase:
    """`config` is our side; `loop` names the other, of reference_loops.LOOPS. `precedent` says
    where the loop and the networks come from."""

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

CASES: dict[str, BenchmarkCase] = {
    "mlp": BenchmarkCase(GAN, "gan", "the loop of gan.py"),
    "mlp_reference": BenchmarkCase(GAN.replace(architecture="mlp_reference"), "gan", "gan.py"),
    "dcgan": BenchmarkCase(GAN.replace(architecture="dcgan"), "gan", "the loop of dcgan.py"),
    "dcgan_reference": BenchmarkCase(
        GAN.replace(architecture="dcgan_reference", dropout=0.25), "gan", "dcgan.py"),
    "pacgan_2d": BenchmarkCase(
        GAN.replace(architecture="pacgan_2d", dataset="ring"), "gan", "the loop of gan.py"),
    "mlp_on_ring": BenchmarkCase(GAN.replace(dataset="ring"), "gan", "the loop of gan.py"),
    "wgan_gp": BenchmarkCase(WGAN_GP, "wgan_gp", "wgan_gp.py, 5 critic updates a step"),
}

# Runs side by side: a band of seeds as one batch, and two processes as two workers of the app.
RUNS_AT_ONCE = (1, 2, 4, 8, 16)
BAND = RunConfig(dataset="ring")
SIDE_BY_SIDE = CASES["mlp_reference"].config
# Beside the cases: see `throughput`, and for "looks" `look_cost`.
REPORT_PARTS = ("batched", "concurrent", "interface", "looks")
