"""README stays true where that can be checked."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from gan_core import challenges
from gan_core.settings import Settings

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
    assert named and set(named) <= set(challenges.presets())
