"""The house rules, read from the imports: the page opens fast, and one file is one room."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gan_core.config import choices, fields
from gan_core.config.run_config import RunConfig

ROOT = Path(__file__).parents[1]
ENGINE = sorted((ROOT / "gan_core").glob("*.py"))
PAGES = sorted([*ROOT.glob("streamlit_app.py"), *(ROOT / "pages").rglob("*.py")])
SHIPPED = {"torch", "torchvision", "streamlit", "altair", "numpy", "PIL"}  # requirements.txt
# What Streamlit itself needs, and hands tables around in; pages only.
CARRIED = {"pandas", "pyarrow"}

BENCH = sorted((ROOT / "app_bench").glob("*.py"))  # drives the app from outside, as browsers do
SPOKEN = {"websockets"}  # what it speaks to the app with, which Streamlit needs as well

# Rooms by floor: a room imports only from lower floors.
LIGHT = [  # never torch
    {"__init__"},
    {"catalogue"},
    {"rules", "schedule", "machine"},
    {"config", "records", "settings", "files", "samples", "processor", "extractor", "dirac",
     "published"},
    {"batching", "challenges", "contests", "findings", "snapshots", "pool", "prices", "quality"},
    {"recipes", "mode_symptoms", "training_symptoms", "cost_symptoms", "store", "turns"},
    {"diagnosis", "jobs", "price_list", "headlines"},
    {"measures"},
    {"judging"},
    {"report_claims"},
    {"notes_claims"},
    {"claims", "evidence"},
]
HEAVY = [
    {"losses", "penalties", "layers", "augmentation", "downloads", "bins", "frechet",
     "devices", "surface"},
    {"datasets"},
    {"networks", "classifier", "neighbours", "stacking", "textbook"},
    {"metrics", "game", "optimizers"},
    {"match"},
    {"trainer"},
    {"ensemble"},
    {"sitting"},
    {"recording", "blocks", "bound", "phases", "time_to_quality"},
    {"memory", "profiling", "throughput"},
    {"reporting", "cost"},
    {"pricing", "promises", "benchmark"},
    {"verification", "worker"},
    {"__main__"},
]
FLOORS = {room: floor for floor, rooms in enumerate(LIGHT + HEAVY) for room in rooms}
TORCH_FREE = sorted(set().union(*LIGHT))
# The worker announces itself before it loads torch; the command line loads it for `run` alone.
TORCH_LATE = {"recording", "sitting", "worker", "reporting", "promises", "verification", "__main__"}


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Full names of the modules that a file imports; `from a import b` gives a and a.b."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative imports hide the rooms"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def rooms(path: Path) -> set[str]:
    """Rooms of the engine that a file imports from."""
    parts = [name.split(".") for name in imports(path) if name.startswith("gan_core.")]
    return {part[1] for part in parts if part[1] in {room.stem for room in ENGINE}}


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.stem)
def test_the_engine_knows_nothing_of_the_pages(path):
    """Otherwise a run on the command line, or in a worker, would need the web packages."""
    packages = {name.split(".")[0] for name in imports(path)}
    assert not packages & {"streamlit", "altair", "pages"}


def test_every_room_has_its_floor():
    """Otherwise a new room would be under no rule, or a rule speak of a room that is gone."""
    assert set(FLOORS) == {path.stem for path in ENGINE}


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.stem)
def test_imports_go_one_way(path):
    """Otherwise a change in one room would break rooms that it should not know of."""
    for room in rooms(path):
        assert FLOORS[room] < FLOORS[path.stem], f"{path.stem} imports {room}"


@pytest.mark.parametrize("room", TORCH_FREE)
def test_light_rooms_import_light_rooms_only(room):
    """Otherwise the page would load torch: seconds of waiting, and a crash takes the server."""
    path = ROOT / "gan_core" / f"{room}.py"
    assert not {name.split(".")[0] for name in imports(path)} & {"torch", "torchvision"}
    assert rooms(path) <= set(TORCH_FREE)


@pytest.mark.parametrize("room", sorted(TORCH_LATE))
def test_late_rooms_load_torch_inside_functions(room):
    """Otherwise `--help` would take seconds, and a worker could not say that it is starting."""
    path = ROOT / "gan_core" / f"{room}.py"
    early = imports(path, top_level_only=True)
    assert not {name.split(".")[0] for name in early} & {"torch", "torchvision"}
    heavy = set().union(*HEAVY) - TORCH_LATE
    assert not early & {f"gan_core.{name}" for name in heavy}


def test_the_web_process_never_loads_torch():
    """The rule itself, in a fresh process: whatever the light rooms import, torch is not in it."""
    names = ["gan_core" if room == "__init__" else f"gan_core.{room}" for room in TORCH_FREE]
    code = (f"import sys, {', '.join(names)}\n"
            "print([n for n in ('torch', 'streamlit', 'altair') if n in sys.modules])")
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pages_import_light_rooms_only(path):
    """Pages reach the trainer through the job queue alone."""
    names = imports(path)
    assert not {name.split(".")[0] for name in names} & {"torch", "torchvision"}
    assert rooms(path) <= set(TORCH_FREE)


@pytest.mark.parametrize("path", [*ENGINE, *PAGES], ids=lambda path: path.stem)
def test_only_the_named_packages_are_needed(path):
    """Otherwise `pip install -r requirements.txt` would not be enough to run the app."""
    packages = {name.split(".")[0] for name in imports(path)}
    allowed = SHIPPED | {"gan_core", "pages"} | set(sys.stdlib_module_names)
    assert packages <= (allowed | CARRIED if path in PAGES else allowed)


@pytest.mark.parametrize("path", BENCH, ids=lambda path: path.stem)
def test_measuring_the_app_needs_no_other_packages(path):
    """Otherwise whoever has installed the app could not measure it."""
    packages = {name.split(".")[0] for name in imports(path)}
    assert packages <= SHIPPED | SPOKEN | {"app_bench", "gan_core", "pages"} | set(
        sys.stdlib_module_names)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_caches_of_the_pages_are_bounded(path):
    """Otherwise the web process would grow with every run that anybody has watched."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for decorator in getattr(node, "decorator_list", ()):
            called = ast.unparse(decorator)
            if "cache" not in called:
                continue
            bounded = re.search(r"(maxsize|max_entries)=\d", called)
            assert bounded or not ast.unparse(node.args), f"{node.name}: {called}"


@pytest.mark.parametrize("package", sorted(CARRIED | SPOKEN))
def test_carried_packages_come_with_streamlit(package):
    """Otherwise a page would import what `pip install -r requirements.txt` does not bring."""
    needed = importlib.metadata.requires("streamlit")
    assert any(line.startswith(package) and "extra ==" not in line for line in needed)


def test_the_requirements_are_those_six_packages():
    """The brief names six packages; a seventh must not slip in."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = {line.split(">")[0].split("=")[0].strip() for line in lines
             if line.strip() and not line.startswith("#")}
    assert named == {"torch", "torchvision", "streamlit", "altair", "numpy", "pillow"}


def test_what_can_be_chosen_is_what_there_is():
    """Otherwise a choice on the page would end in a KeyError, or something built stay hidden."""
    from gan_core.data import datasets
    from gan_core.training import losses, networks, penalties, step

    assert set(choices.DATASETS) == set(datasets.SOURCES)
    assert set(choices.LOSSES) == set(losses.LOSSES)
    assert set(choices.ARCHITECTURES) == set(networks.NETWORKS)
    assert set(choices.UPDATE_ORDERS) == set(step.ROUNDS)
    assert set(penalties.PENALTIES) <= set(fields.KNOBS)
    for name in penalties.PENALTIES:  # a weight: 0 is off, and the only default
        assert fields.KNOBS[name].low == fields.KNOB_DEFAULTS[name] == 0


@pytest.mark.parametrize("name", choices.OPTIMIZERS)
def test_every_optimizer_is_its_own(name):
    """An unknown name would silently train with the last branch's optimiser."""
    from torch import nn

    from gan_core.training.optimizers import optimizer

    made = optimizer(RunConfig(optimizer=name), nn.Linear(1, 1).parameters(), 0.1)
    assert type(made).__name__.lower() == name


@pytest.mark.parametrize("path", [*ENGINE, *PAGES, *BENCH], ids=lambda path: path.stem)
def test_every_file_says_what_it_is_for(path):
    """Otherwise the next person would have to guess."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
