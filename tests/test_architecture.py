"""What the layers of pyproject.toml do not say: how late torch is loaded, which packages are
needed, tables that agree. Which room imports which is checked by `lint-imports`."""

from __future__ import annotations

import ast
import importlib.metadata
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from gan_core.config import choices
from gan_core.config.fields import KNOB_DEFAULTS, KNOBS

ROOT = Path(__file__).parents[1]
ENGINE = sorted((ROOT / "gan_core").rglob("*.py"))
PAGES = sorted([ROOT / "streamlit_app.py", *(ROOT / "pages").rglob("*.py")])
APP_BENCH = sorted((ROOT / "tests" / "app_bench").glob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))

SHIPPED = {"torch", "torchvision", "streamlit", "altair", "numpy", "PIL"}  # requirements.txt
WITH_TORCH = {"filelock"}
# what signs cookies; tables; what the app is served by, and measured through
WITH_STREAMLIT = {"itsdangerous", "pandas", "pyarrow", "starlette", "websockets"}
PROCESSES = {"gan_core.serving.worker"}  # never imported by the web process: a process of its own


def contracts() -> list[dict]:
    """The contracts of import-linter."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["tool"]["importlinter"]["contracts"]


def light_modules() -> list[str]:
    """Every module of the rooms that the contracts call light, but for processes of their own."""
    rooms = next(c["source_modules"] for c in contracts() if c["name"].startswith("Light rooms"))
    names = ["gan_core", *(room for room in rooms if room.startswith("gan_core."))]
    for room in names[1:]:
        folder = ROOT / room.replace(".", "/")
        names += [module.name for module in pkgutil.walk_packages([str(folder)], f"{room}.")]
    return [name for name in names if name not in PROCESSES]


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, inside functions as well."""
    packages: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            packages.add((node.module or "").split(".")[0] if not node.level else "a relative one")
    return packages


def loaded_by(code: str) -> list[str]:
    """Which of torch, streamlit and altair a fresh process has loaded after running `code`."""
    report = ("\nimport sys\n"
              "print([n for n in ('torch', 'streamlit', 'altair') if n in sys.modules])")
    done = subprocess.run(
        [sys.executable, "-c", code + report], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


def test_the_web_process_never_loads_torch() -> None:
    """The page would wait for seconds, and a crash of the training would take the server along."""
    assert loaded_by(f"import {', '.join(light_modules())}") == []


def test_pages_load_no_torch() -> None:
    """As above, for the modules that only Streamlit starts, and the home page, which no contract of
    import-linter covers."""
    light = set(light_modules())
    for path in PAGES:
        assert not imported(path) & {"torch", "torchvision"}, path
        names = set(re.findall(r"^\s*(?:from|import) (gan_core[\w.]*)", path.read_text(), re.M))
        assert names <= light, f"{path}: {sorted(names - light)}"
    parts = [f"pages.components.{path.stem}" for path in PAGES if path.parent.name == "components"]
    assert "torch" not in loaded_by(f"import {', '.join(parts)}")


def test_torch_is_loaded_only_when_something_is_trained() -> None:
    """`--help` and bad input would take seconds, and a worker could not say that it is starting."""
    late = {
        "--help": "from gan_core.cli.main import main\ntry: main(['run', '--help'])\n"
                  "except SystemExit: pass",
        "bad input": "from gan_core.cli.main import main\n"
                     "assert main(['run', '--set', 'loss=best']) == 2",
        "worker": "import gan_core.serving.worker",
        "recording": "import gan_core.training.recording",
    }
    early = {name: loaded for name, code in late.items() if (loaded := loaded_by(code))}
    assert not early


def test_only_the_named_packages_are_needed() -> None:
    """`pip install -r requirements.txt` would not be enough to run or measure the app."""
    standard = set(sys.stdlib_module_names)
    allowed = {
        **dict.fromkeys(ENGINE, SHIPPED | WITH_TORCH | {"gan_core"}),
        **dict.fromkeys(PAGES, SHIPPED | WITH_STREAMLIT | {"gan_core", "pages"}),
        **dict.fromkeys(APP_BENCH, SHIPPED | WITH_STREAMLIT | {
            "gan_core", "pages", "tests", "pytest"}),
        **dict.fromkeys(SCRIPTS, SHIPPED | {"gan_core"}),
    }
    more = {str(path.relative_to(ROOT)): packages for path, known in allowed.items()
            if (packages := imported(path) - known - standard)}
    assert not more


def test_other_packages_come_with_the_named_ones() -> None:
    """A file would import what `pip install -r requirements.txt` does not bring."""
    for bringer, packages in (("torch", WITH_TORCH), ("streamlit", WITH_STREAMLIT)):
        brought = {re.split(r"[^\w-]", line)[0] for line in importlib.metadata.requires(bringer)
                   if "extra ==" not in line}
        assert packages <= brought, bringer


def test_the_requirements_are_those_six_packages() -> None:
    """The project's card names six packages; a seventh must not slip in, nor a bound be missing:
    `scripts/check --lowest` installs the lower one, the upper one keeps out what nobody tried."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    bounded = [re.fullmatch(r"([a-z]+)>=[0-9.]+,<[0-9]+", line) for line in lines]
    assert all(bounded), lines
    names = {match[1] for match in bounded if match}
    assert names == {"torch", "torchvision", "streamlit", "altair", "numpy", "pillow"}


def test_caches_of_the_pages_are_bounded() -> None:
    """The web process would grow with every run that anybody has watched."""
    unbounded = []
    for path in PAGES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for decorator in getattr(node, "decorator_list", ()):
                called = ast.unparse(decorator)
                bounded = re.search(r"(maxsize|max_entries)=\d", called)
                if "cache" in called and not bounded and ast.unparse(node.args):
                    unbounded.append(f"{path.name}: {node.name}: {called}")
    assert not unbounded


def test_what_can_be_chosen_is_what_there_is() -> None:
    """A choice on the page would end in a KeyError, or something built stay hidden."""
    from gan_core.data import datasets
    from gan_core.training import losses, networks, optimizers, penalties, step

    assert set(choices.DATASETS) == set(datasets.SOURCES)
    assert set(choices.LOSSES) == set(losses.LOSSES)
    assert set(choices.ARCHITECTURES) == set(networks.NETWORKS)
    assert set(choices.OPTIMIZERS) == set(optimizers.OPTIMIZERS)
    assert set(choices.UPDATE_ORDERS) == set(step.UPDATE_ORDERS)
    assert set(penalties.PENALTIES) <= set(KNOBS)
    for name in penalties.PENALTIES:  # a weight: 0 is off, and the only default
        assert KNOBS[name].low == KNOB_DEFAULTS[name] == 0, name


def test_every_optimizer_is_its_own() -> None:
    """A config that names one optimiser would silently train with another."""
    from torch import nn

    from gan_core.training.optimizers import OPTIMIZERS

    for name, make in OPTIMIZERS.items():
        made = make(nn.Linear(1, 1).parameters(), 0.1, 0.5, 0.9)
        assert type(made).__name__.lower() == name


def test_every_file_says_what_it_is_for() -> None:
    """The next person would have to guess."""
    silent = [path for path in (*ENGINE, *PAGES, *APP_BENCH, *SCRIPTS)
              if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent
