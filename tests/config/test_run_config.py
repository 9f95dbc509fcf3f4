"""RunConfig: what names a run, and how a config goes into JSON and back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import subprocess
import sys

import pytest

from gan_core.assets import RECORDED_RUNS
from gan_core.config import presets
from gan_core.config.fields import KNOBS
from gan_core.config.run_config import DEFAULT, TRAJECTORY_VERSION, RunConfig
from gan_core.config.validation import ConfigError
from tests.config.random_configs import CONTEXTS, another, random_config


def test_a_config_cannot_be_changed_behind_a_run():
    """Otherwise a page could alter the settings of a run that is already named by them."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULT.steps = 5


# --- what a run is called ------------------------------------------------------------------------


def test_digest_does_not_depend_on_steps():
    """Otherwise Continue would begin a new run instead of going on with the old one."""
    assert DEFAULT.replace(steps=1).digest() == DEFAULT.replace(steps=200_000).digest()


def test_digest_depends_on_every_other_field():
    """Otherwise two different settings would share one run's pictures."""
    alike = [name for name in KNOBS
             if another(name).digest() == CONTEXTS.get(name, DEFAULT).digest()]
    assert alike == ["steps"]


# Names of runs that ship with the project, written down when they were made.
STORED = {
    "baseline": "c3aa9744214caf6e",
    "healthy": "e3415a7c3f330bfe",
    "collapse": "3032b02d6ac1ea20",
    "remedy": "e750a8e00a3476fb",
}


def test_stored_runs_keep_their_names():
    """Otherwise every run that somebody trained, or that ships with the project, is lost."""
    assert RunConfig().digest() == STORED["baseline"]
    named = {name: config.digest() for name, config in presets.RECORDED.items()}
    assert {name: named[name] for name in STORED} == STORED
    assert set(STORED.values()) <= {path.name for path in RECORDED_RUNS.iterdir()}


def test_every_stored_config_gives_the_name_of_its_folder():
    """Otherwise a config.json from before a field existed could not be read."""
    folders = [path.parent for path in RECORDED_RUNS.glob("*/config.json")]
    texts = {folder.name: (folder / "config.json").read_text("utf-8") for folder in folders}
    names = {name: RunConfig.from_json(text).digest() for name, text in texts.items()}
    assert set(STORED.values()) <= set(names)
    assert not {name: digest for name, digest in names.items() if digest != name}


def test_digests_of_many_configs_differ():
    """Otherwise unlucky settings would meet in one directory."""
    configs = {random_config(seed).replace(steps=1) for seed in range(300)}
    assert len({config.digest() for config in configs}) == len(configs)


def test_digest_hashes_only_what_differs_from_the_defaults():
    """Otherwise a field added later would orphan every stored run."""
    text = json.dumps({"version": TRAJECTORY_VERSION, "batch_size": 32}, sort_keys=True)
    assert RunConfig(batch_size=32, steps=7).digest() == hashlib.sha256(
        text.encode()).hexdigest()[:16]


def test_digest_is_the_same_in_every_process():
    """Otherwise a restarted server would not find its runs."""
    code = ("from gan_core.config.run_config import RunConfig\n"
            "print(RunConfig(dropout=.3, seed=5).digest())")
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    assert output.stdout.strip() == RunConfig(dropout=0.3, seed=5).digest()


def test_changes_are_differences_from_a_base():
    """Otherwise the comparison of two runs would state the wrong difference."""
    one, other = RunConfig(seed=1, dropout=0.4), RunConfig(seed=1, loss="minimax")
    assert one.changes(other) == {"dropout": 0.4, "loss": "non_saturating"}
    assert DEFAULT.changes() == {}


# --- JSON and back -------------------------------------------------------------------------------


def test_any_config_survives_json_and_pickle():
    """Otherwise a stored run, or one sent to a worker, would be another experiment."""
    changed = []
    for config in (*map(random_config, range(100)), *map(another, KNOBS)):
        copies = (RunConfig.from_json(config.to_json()), RunConfig.from_dict(config.to_dict()),
                  pickle.loads(pickle.dumps(config)))
        if any(copy != config or copy.digest() != config.digest() for copy in copies):
            changed.append(config.changes())
    assert not changed


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", '"x"', "\x00", "[" * 5000])
def test_bad_json_is_refused_as_a_config_error(text):
    """Otherwise a damaged config.json would stop the server instead of one run."""
    with pytest.raises(ConfigError):
        RunConfig.from_json(text)
