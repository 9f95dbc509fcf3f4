"""An exported notebook is a valid one, and its cells, in order, do what the script does."""

from __future__ import annotations

import ast
import json
from itertools import pairwise

import numpy as np
import pytest

from gan_core.config.run_config import RunConfig
from gan_core.export.code.imports import imports
from gan_core.export.notebook import notebook
from gan_core.export.script import script
from tests.config.random_configs import random_config
from tests.support import exported
from tests.support.runs import MECHANISMS, TINY

CONFIGS = {
    "images": RunConfig(batch_size=8, latent_dim=4, width=0.25, precision="float32", ema=0.9,
                        steps=20),
    "frozen points": TINY.replace(steps=20, freeze_generator=8, **MECHANISMS["fading noise"]),
}


def cells(config: RunConfig, kind: str) -> list[str]:
    found = json.loads(notebook(config))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_cells_in_order_repeat_the_run(name, tmp_path, monkeypatch) -> None:
    """Whoever runs a notebook from top to bottom gets an error, or another run than the script."""
    config = CONFIGS[name]
    exported.put_mnist(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    with exported.quick():
        names = {"__name__": "__main__"}
        for code in cells(config, "code"):
            exported.execute(code, names)
        ours = exported.losses_of(names)
        theirs = exported.of_trainer(config, config.steps)
        scripts = exported.of_script(
            script(config), config.steps, tmp_path / "data", tmp_path / "script")
    assert exported.difference(ours, theirs) <= 1e-4
    assert np.array_equal(ours.losses, scripts.losses)
    assert (tmp_path / "samples" / "generator.pt").exists()


@pytest.mark.parametrize("config", [*CONFIGS.values(), *map(random_config, range(20))],
                         ids=RunConfig.digest)
def test_a_notebook_is_one(config: RunConfig) -> None:
    """Jupyter says that the file is damaged."""
    content = json.loads(notebook(config))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in content["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in content["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | code
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        assert "".join(cell["source"]).strip()


def test_each_cell_is_explained() -> None:
    """A student reads code without a word on what it is for."""
    config = RunConfig(loss="wasserstein", gradient_penalty=10.0, packing=2, ema=0.9, augment=True)
    kinds = [cell["cell_type"] for cell in json.loads(notebook(config))["cells"]]
    assert kinds[:2] == ["markdown", "code"]
    assert all(before == "markdown" for before, kind in pairwise(kinds) if kind == "code")
    text = "\n".join(cells(config, "markdown"))
    for words in (config.digest(), "gradient_penalty = 10.0", "Wasserstein", "WGAN-GP", "PacGAN",
                  "DiffAugment", "moving average", "top to bottom"):
        assert words in text


def test_a_notebook_has_no_command_line() -> None:
    """Its first cell would end in a usage message."""
    code = "\n".join(cells(RunConfig(), "code"))
    assert "argparse" not in code and "sys.argv" not in code
    first, *others = cells(RunConfig(), "code")
    assert first == imports("\n".join(others))
    assert ast.parse(code)


def test_nbformat_finds_no_fault() -> None:
    """As above, where Jupyter's own check is installed."""
    nbformat = pytest.importorskip("nbformat")
    for config in CONFIGS.values():
        nbformat.validate(nbformat.reads(notebook(config), as_version=4))
