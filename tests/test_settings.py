"""Settings: an installation is set up by environment variables, or told which one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan_core import settings
from gan_core.settings import Settings, SettingsError, usable_cores

NUMBERS = {  # variable -> (field, a good value, too small, too large)
    "GAN_LAB_WORKERS": ("workers", 3, 0, 65),
    "GAN_LAB_THREADS": ("threads", 5, 0, 257),
    "GAN_LAB_STORE_MB": ("store_megabytes", 100, 49, 10_000_001),
    "GAN_LAB_MAX_STEPS": ("max_steps", 500, 0, 200_001),
    "GAN_LAB_MAX_SECONDS": ("max_seconds", 60, 4, 86_401),
    "GAN_LAB_GRACE_SECONDS": ("grace_seconds", 5, 0, 3601),
}


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 7, 16, 64])
def test_workers_times_threads_never_exceeds_the_cores(cores, monkeypatch):
    """Otherwise trainers fight for cores and every student's run is several times slower."""
    monkeypatch.setattr(settings, "usable_cores", lambda: cores)
    made = Settings.from_environment({})
    assert 1 <= made.workers * made.threads <= cores


def test_nothing_needs_to_be_set():
    """Otherwise the app would not start on a fresh machine."""
    made = Settings.from_environment({})
    assert made.device == "auto"
    assert made.store.is_absolute()
    assert made.max_steps >= 46_900  # the report's 50 epochs of 938 batches can be trained
    assert usable_cores() >= 1


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_is_read(name):
    """Otherwise a teacher's setting would be ignored in silence."""
    field, good, _, _ = NUMBERS[name]
    assert getattr(Settings.from_environment({name: f" {good} "}), field) == good
    assert Settings.from_environment({name: ""}) == Settings.from_environment({})


@pytest.mark.parametrize("name", NUMBERS)
def test_a_bad_number_is_refused_by_its_variable(name):
    """Otherwise a typo would surface as a traceback somewhere else."""
    _, _, small, large = NUMBERS[name]
    for text in (str(small), str(large), "many", "nan", "inf", "-1"):
        said = f"{name} must be a (whole )?number from .* not '{text}'"
        with pytest.raises(SettingsError, match=said):
            Settings.from_environment({name: text})


def test_store_and_device_are_read(tmp_path):
    """Otherwise runs would be kept somewhere else than asked."""
    made = Settings.from_environment({"GAN_LAB_STORE": str(tmp_path), "GAN_LAB_DEVICE": " cpu "})
    assert made.store == Path(tmp_path)
    assert made.device == "cpu"


def test_the_data_folder_is_read(tmp_path):
    """Otherwise a teacher's folder with the data in it would not be looked into."""
    assert Settings.from_environment({"GAN_LAB_DATA": str(tmp_path)}).data == Path(tmp_path)
    default = Settings.from_environment({}).data
    assert default.is_absolute() and default.parts[-3:] == (".cache", "gan-lab", "data")


def test_the_process_environment_is_the_default(monkeypatch):
    """Otherwise the variables would not reach the app at all."""
    monkeypatch.setenv("GAN_LAB_MAX_STEPS", "123")
    assert Settings.from_environment().max_steps == 123
