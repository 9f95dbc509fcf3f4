"""Recipes by name: what a table or a page names can be trained with `run --preset`."""

from __future__ import annotations

import re

from gan_core.config import recipes
from tests.cli.calls import run_json


def test_names_of_recipes_are_names_for_the_command_line(capsys):
    """`run --preset remedy-wgan-gp` is refused, though the table of remedies names it."""
    assert all(re.fullmatch(r"[a-z_0-9-]+", name) for name in recipes.named())
    for group, table in recipes.GROUPS.items():
        for name, recipe in table.items():
            assert recipes.named()[f"{group}-{name}"] == recipe.config
    report = run_json(capsys, "--preset", "packing-ring-gan", "--set", "steps=2")
    assert report["config"]["architecture"] == "pacgan_2d"
