"""What `pip install .` installs: the engine with its assets, and the command `gan-lab`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import gan_core

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of a copy of the project, so that no build folder stays in the clone. It is built
    without the network, by the setuptools of requirements-dev.txt."""
    copy, built = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, copy)
    for name in ("gan_core", "pages", "tests/support"):  # more than one folder, as in the clone
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "-w", str(built), str(copy)],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(built.glob("*.whl")))


def test_everything_of_the_engine_is_installed_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """An installed `gan-lab run` would not find MNIST, the classifier or the recorded runs."""
    engine = {str(path.relative_to(ROOT)) for path in (ROOT / "gan_core").rglob("*")
              if path.is_file() and "__pycache__" not in path.parts}
    assert "gan_core/py.typed" in engine and "gan_core/assets/mnist.npz" in engine
    installed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert installed == engine


def test_the_command_is_installed(wheel: zipfile.ZipFile) -> None:
    """`gan-lab` would not be there, or fail at once."""
    (entry_points,) = [n for n in wheel.namelist() if n.endswith("entry_points.txt")]
    assert "gan-lab = gan_core.cli.main:main" in wheel.read(entry_points).decode()
    from gan_core.cli.main import main

    assert callable(main)


def test_the_wheel_needs_what_requirements_txt_names(wheel: zipfile.ZipFile) -> None:
    """The two ways to install would give different packages or versions."""
    (metadata,) = [n for n in wheel.namelist() if n.endswith("/METADATA")]
    lines = wheel.read(metadata).decode().splitlines()
    needed = {line.removeprefix("Requires-Dist: ").replace(" ", "") for line in lines
              if line.startswith("Requires-Dist: ") and "extra ==" not in line}
    listed = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    assert {_sorted(line) for line in needed} == {_sorted(line) for line in listed}


def _sorted(requirement: str) -> tuple[str, ...]:
    """Name and bounds in an order of their own: builders turn the bounds round."""
    name = requirement.split("<")[0].split(">")[0]
    return name, *sorted(requirement.removeprefix(name).split(","))


def test_the_version_stands_in_one_place(wheel: zipfile.ZipFile) -> None:
    """`gan_core.__version__` would be another than pip's, or the CHANGELOG's."""
    assert "version" in PROJECT["project"]["dynamic"]
    assert f"gan_challenges_lab-{gan_core.__version__}.dist-info/METADATA" in wheel.namelist()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{gan_core.__version__}] - " in changelog
