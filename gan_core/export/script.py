"""A run as one self-contained PyTorch script, which trains it again without this project.

    Path("gan.py").write_text(script(RunConfig(dataset="ring")), encoding="utf-8")

What it contains is written in `gan_core.export.code`. Torch-free.
"""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.export.code.header import docstring
from gan_core.export.code.imports import imports
from gan_core.export.code.program import program
from gan_core.export.code.section import Section

RULE = 96  # columns of the line above a section


def script(config: RunConfig, device: str = "") -> str:
    """The text of the script. It needs torch, torchvision and numpy. `device` is the run's
    `status.device`: one that was trained on a GPU is not repeated, and the script says so. Raises
    NoText."""
    sections = program(config, notebook=False)
    needed = imports("\n".join(section.code for section in sections))
    parts = [docstring(config, device), needed, *map(_with_title, sections)]
    return "\n\n".join(parts).rstrip() + "\n"


def _with_title(section: Section) -> str:
    rule = f"# --- {section.title} ".ljust(RULE, "-")
    return f"{rule}\n\n{section.code}\n"
