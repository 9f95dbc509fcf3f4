"""A run as a Jupyter notebook: the cells of the script, each with a few words before it.

    Path("gan.ipynb").write_text(notebook(RunConfig()), encoding="utf-8")

Format: https://nbformat.readthedocs.io, version 4.5. Torch-free.
"""

from __future__ import annotations

import json
from typing import Any

from gan_core.config.run_config import RunConfig
from gan_core.export.code.header import markdown
from gan_core.export.code.imports import imports
from gan_core.export.code.program import program

Cell = dict[str, Any]
LAST_SHEET = """from PIL import Image

with Image.open(out / f"{len(losses):06}.png") as picture:
    sheet = picture.copy()
sheet
"""


def notebook(config: RunConfig, device: str = "") -> str:
    """The text of the notebook. It needs torch, torchvision and numpy; `device` as of `script`.
    Raises NoText."""
    sections = program(config, notebook=True)
    needed = imports("\n".join(section.code for section in sections))
    cells = [_markdown(markdown(config, device)), _code(needed)]
    for section in sections:
        cells.append(_markdown(f"## {section.title}\n\n{section.words}".rstrip()))
        cells.append(_code(section.code))
    cells += [_markdown("## The last sheet"), _code(LAST_SHEET)]
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"
    return json.dumps({
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }, indent=1, ensure_ascii=False) + "\n"


def _markdown(text: str) -> Cell:
    return {"cell_type": "markdown", "id": "", "metadata": {}, "source": _lines(text)}


def _code(text: str) -> Cell:
    return {"cell_type": "code", "execution_count": None, "id": "", "metadata": {}, "outputs": [],
            "source": _lines(text.strip("\n"))}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
