"""What training published GANs took, as their authors say. Data, torch-free.

Only figures that stand in the paper or in the repository named beside them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One training. `gpu_days` is GPUs × days."""

    model: str
    year: int  # of the paper
    data: str
    hardware: str
    duration: str  # as the source has it
    gpu_days: float
    source: str
    link: str


MODELS: tuple[Published, ...] = (
    Published("Progressive GAN", 2017, "CelebA-HQ, 1024×1024", "8 × V100", "about 2 days", 16,
              "README of the official repository",
              "https://github.com/tkarras/progressive_growing_of_gans"),
    Published("BigGAN", 2018, "ImageNet, 128×128, batch 2048", "8 × V100", "15 days", 120,
              "README of the first author's PyTorch version; the paper used TPUs",
              "https://github.com/ajbrock/BigGAN-PyTorch"),
    Published("StyleGAN", 2018, "FFHQ, 256×256", "8 × V100", "3 days 8 hours", 8 * (3 + 8 / 24),
              "README of the official repository", "https://github.com/NVlabs/stylegan"),
    Published("StyleGAN", 2018, "FFHQ, 1024×1024", "8 × V100", "6 days 14 hours",
              8 * (6 + 14 / 24), "README of the official repository",
              "https://github.com/NVlabs/stylegan"),
    Published("StyleGAN2", 2019, "FFHQ, 1024×1024", "8 × V100", "9 days 18 hours",
              8 * (9 + 18 / 24), "README of the official repository",
              "https://github.com/NVlabs/stylegan2"),
    Published("StyleGAN2-ADA", 2020, "128×128", "1 × V100", "4 days 6 hours", 4 + 6 / 24,
              "README of the official repository",
              "https://github.com/NVlabs/stylegan2-ada-pytorch"),
    Published("StyleGAN2-ADA", 2020, "1024×1024", "8 × V100", "6 days 3 hours", 8 * (6 + 3 / 24),
              "README of the official repository",
              "https://github.com/NVlabs/stylegan2-ada-pytorch"),
)


@dataclass(frozen=True)
class Project:
    """What a whole project took, with every experiment that led to the model."""

    model: str
    gpu_years: int
    megawatt_hours: int
    link: str


PROJECTS: tuple[Project, ...] = (
    Project("StyleGAN2", 51, 132, "https://arxiv.org/abs/1912.04958"),
    Project("StyleGAN3", 92, 225, "https://arxiv.org/abs/2106.12423"),
)
