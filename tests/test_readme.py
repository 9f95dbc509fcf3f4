"""README and the other documents stay true where that can be checked."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import gan_core
from gan_core.system import settings, web_settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))


def test_what_documents_link_to_is_there() -> None:
    """A picture or a document is missing."""
    broken = []
    for document in DOCUMENTS:
        links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
        broken += [f"{document.name}: {link}" for link in links
                   if "://" not in link and not (document.parent / link).exists()]
    assert not broken


def test_files_that_documents_name_are_there() -> None:
    """A newcomer would be sent to a file that has moved."""
    named = r"`((?:gan_core|pages|tests|docs|scripts)/[\w/.-]*)`"
    missing = [f"{document.name}: {path}" for document in DOCUMENTS
               if document.name not in ("CHANGELOG.md", "verification.md")
               for path in re.findall(named, document.read_text(encoding="utf-8"))
               if not (ROOT / path).exists()]
    assert not missing


def test_every_folder_of_the_engine_is_in_the_list_of_parts() -> None:
    """A newcomer could not tell what a folder is for."""
    parts = README.split("## Parts")[1].split("## ")[0]
    listed = set(re.findall(r"^  (\w+(?:/|\.py)) ", parts, re.M))
    engine = {path.name + "/" for path in (ROOT / "gan_core").iterdir()
              if (path / "__init__.py").is_file()} | {"dirac.py", "hand_trained.py"}
    assert listed == engine


def test_every_setting_is_listed() -> None:
    """A setting exists that nobody can know of."""
    source = inspect.getsource(settings) + inspect.getsource(web_settings)
    variables = set(re.findall(r"GAN_LAB_\w+", source))
    assert len(variables) >= 11
    assert not {name for name in variables if f"`{name}`" not in README}


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
    assert named and set(named) <= set(gan_core.PRESETS)


EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", README, re.S))
LOSSES, CHOICES = "gan_core/training/losses.py", "gan_core/config/choices.py"


def extended(folder: Path) -> Path:
    """A copy of the engine with README's example written where README says."""
    shutil.copytree(ROOT / "gan_core", folder / "gan_core",
                    ignore=shutil.ignore_patterns("recorded", "__pycache__"))
    losses, choices = folder / LOSSES, folder / CHOICES
    losses.write_text(f"{losses.read_text()}\n\n{EXAMPLES[LOSSES]}")
    head, line = "LOSSES: dict[str, LossCard] = {\n", EXAMPLES[CHOICES]
    assert choices.read_text().count(head) == 1 and len(line.splitlines()) == 1
    choices.write_text(choices.read_text().replace(head, head + line))
    return folder


def test_the_example_of_an_extension_works(tmp_path: Path) -> None:
    """A newcomer copies README's example, and it does not train."""
    assert set(EXAMPLES) == {LOSSES, CHOICES}
    command = [sys.executable, "-m", "gan_core", "run", "--json", "--threads", "1", "--device",
               "cpu", "--set", "loss=squared_hinge", "dataset=ring", "steps=5"]
    done = subprocess.run(command, cwd=extended(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["config"]["loss"] == "squared_hinge"
    program = tmp_path / "gan.py"
    for step in (
        ["-m", "gan_core", "export", "--set", "loss=squared_hinge", "dataset=ring", "--script",
         str(program)],
        [str(program), "--steps", "2", "--out", str(tmp_path / "out")],
    ):
        done = subprocess.run([sys.executable, *step], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    refused = subprocess.run([*command, "label_smoothing=0.1"], cwd=tmp_path, capture_output=True,
                             text=True)
    assert refused.returncode == 2 and "squared_hinge" in refused.stderr
