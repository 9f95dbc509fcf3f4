"""README stays true where that can be checked."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gan_core.config import recipes
from gan_core.system.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINKS = sorted({link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link})
VARIABLES = sorted(set(re.findall(r'"(GAN_LAB_\w+)"', inspect.getsource(Settings))))


@pytest.mark.parametrize("link", LINKS)
def test_what_readme_links_to_is_there(link: str) -> None:
    """A picture or a document of the front page is missing."""
    assert (ROOT / link).is_file()


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_setting_is_listed(variable: str) -> None:
    """A setting exists that nobody can know of."""
    assert f"`{variable}`" in README


def test_the_two_command_lines_are_there() -> None:
    """The continuous check would run nothing, or README would name a file that is not there."""
    run, test = re.findall(r"^python3 -m venv .*$", README, re.M)
    assert run.endswith("streamlit run streamlit_app.py") and test.endswith("-m pytest")
    for command in (run, test):
        assert (ROOT / re.search(r"-r (\S+)", command).group(1)).is_file()
    assert README.split("<!-- test command -->\n```\n")[1].startswith(test)


def test_presets_that_readme_names_exist() -> None:
    """A command copied from README is refused."""
    named = re.findall(r"--preset (\S+)", README)
    assert named and set(named) <= set(recipes.named())


EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", README, re.S))


def extended(folder: Path) -> Path:
    """A copy of the engine with README's example written where README says."""
    shutil.copytree(ROOT / "gan_core", folder / "gan_core",
                    ignore=shutil.ignore_patterns("recorded", "__pycache__"))
    losses = folder / "gan_core" / "losses.py"
    losses.write_text(f"{losses.read_text()}\n\n{EXAMPLES['gan_core/training/losses.py']}")
    catalogue = folder / "gan_core" / "catalogue.py"
    head, table = "LOSSES: dict[str, LossCard] = {\n", EXAMPLES["gan_core/config/choices.py"]
    assert catalogue.read_text().count(head) == 1 and len(table.splitlines()) == 1
    catalogue.write_text(catalogue.read_text().replace(head, head + table))
    return folder


def test_the_example_of_an_extension_works(tmp_path: Path) -> None:
    """A newcomer copies README's example, and it does not train."""
    assert set(EXAMPLES) == {"gan_core/training/losses.py", "gan_core/config/choices.py"}
    command = [sys.executable, "-m", "gan_core", "run", "--json", "--threads", "1", "--device",
               "cpu", "--set", "loss=squared_hinge", "dataset=ring", "steps=5"]
    done = subprocess.run(command, cwd=extended(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["config"]["loss"] == "squared_hinge"
    refused = subprocess.run([*command, "label_smoothing=0.1"], cwd=tmp_path, capture_output=True,
                             text=True)
    assert refused.returncode == 2 and "squared_hinge" in refused.stderr


def test_the_files_that_an_extension_touches_exist() -> None:
    """The table of the section on extensions would send people to a room that has moved."""
    section = README.split("## Extend it")[1].split("## Parts")[0]
    for path in re.findall(r"`(gan_core/\w+\.py)`", section):
        assert (ROOT / path).is_file()
