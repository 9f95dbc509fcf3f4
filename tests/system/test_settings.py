"""Settings: environment variables set an installation up, or are refused by their name."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import pytest

from gan_core.system import settings
from gan_core.system.settings import Settings, SettingsError

NUMBERS = {  # variable -> (field, a good value, too small, too large)
    "GAN_LAB_WORKERS": ("workers", 3, 0, 65),
    "GAN_LAB_THREADS": ("threads", 5, 0, 257),
    "GAN_LAB_STORE_MB": ("store_megabytes", 100, 49, 10_000_001),
    "GAN_LAB_MAX_STEPS": ("max_steps", 500, 0, 200_001),
    "GAN_LAB_MAX_SECONDS": ("max_seconds", 60, 4, 86_401),
    "GAN_LAB_GRACE_SECONDS": ("grace_seconds", 5, 0, 3601),
    "GAN_LAB_NICE": ("nice", 5, -1, 20),
}


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine with plenty of everything but a GPU."""

    def has(cores: int = 64, memory: float = math.inf, gpu: bool = False) -> None:
        monkeypatch.setattr(settings, "usable_cores", lambda: cores)
        monkeypatch.setattr(settings, "free_memory", lambda: memory)
        monkeypatch.setattr(settings, "has_gpu", lambda device: gpu)

    has()
    return has


def test_workers_times_threads_never_exceeds_the_cores(machine):
    """Otherwise trainers fight for cores and every student's run is several times slower."""
    variables = [{}, {"GAN_LAB_WORKERS": "1"}, {"GAN_LAB_THREADS": "1"}]
    crowded = []
    for cores, given in product([1, 2, 3, 4, 7, 16, 64], variables):
        machine(cores)
        made = Settings.from_environment(given)
        if not 1 <= made.workers * made.threads <= cores or made.crowded:
            crowded.append((cores, given, made.workers, made.threads))
    assert not crowded


def test_memory_for_runs_is_what_is_free_or_what_is_said(machine):
    """Runs that the machine has no room for are taken on, or on a GPU all large ones refused."""
    machine(memory=4e9)
    assert Settings.from_environment({}).memory == 4e9 - settings.WEB_BYTES
    assert Settings.from_environment({"GAN_LAB_MEMORY_MB": "3000"}).memory == 3e9
    machine(memory=4e9, gpu=True)
    assert Settings.from_environment({}).memory == math.inf
    for refused in ("499", "-1", "much"):
        with pytest.raises(SettingsError, match="GAN_LAB_MEMORY_MB"):
            Settings.from_environment({"GAN_LAB_MEMORY_MB": refused})


def test_one_of_workers_and_threads_follows_the_other(machine):
    """A teacher who asks for one worker wants its run on all cores, and the other way round."""
    machine(4)
    made = {
        (name, number): Settings.from_environment({f"GAN_LAB_{name}": str(number)})
        for name in ("WORKERS", "THREADS") for number in (1, 2, 4, 8)
    }
    assert {key: (settings.workers, settings.threads) for key, settings in made.items()} == {
        ("WORKERS", 1): (1, 4), ("WORKERS", 2): (2, 2), ("WORKERS", 4): (4, 1),
        ("WORKERS", 8): (8, 1),
        ("THREADS", 1): (4, 1), ("THREADS", 2): (2, 2), ("THREADS", 4): (1, 4),
        ("THREADS", 8): (1, 8),
    }


def test_more_threads_than_cores_are_accepted_and_said(machine):
    """Whoever asks for it may have it, but must learn why every run is slow."""
    machine(2)
    made = Settings.from_environment({"GAN_LAB_WORKERS": "3", "GAN_LAB_THREADS": "2"})
    assert (made.workers, made.threads) == (3, 2)
    assert "6 threads share 2 cores" in made.crowded


def test_workers_fit_into_the_memory(machine):
    """Otherwise the system kills a worker, and a student's run with it."""
    for gigabytes, expected in ((0.5, (1, 8)), (2, (1, 8)), (4, (2, 4)), (100, (4, 2))):
        machine(8, gigabytes * 1e9)
        made = Settings.from_environment({})
        assert (made.workers, made.threads) == expected, gigabytes


def test_a_gpu_is_shared_by_two(machine):
    """More trainings at once would wait for each other and fill its memory."""
    machine(16, gpu=True)
    made = Settings.from_environment({})
    assert (made.workers, made.threads) == (2, 8)
    assert Settings.from_environment({"GAN_LAB_WORKERS": "5"}).workers == 5


def test_nothing_needs_to_be_set():
    """Otherwise the app would not start on a fresh machine."""
    made = Settings.from_environment({})
    assert made.device == "auto"
    assert made.store.is_absolute()
    assert made.max_steps >= 46_900  # the report's 50 epochs of 938 batches can be trained


def test_every_number_is_read():
    """Otherwise a teacher's setting would be ignored in silence."""
    assert {*NUMBERS, "GAN_LAB_MEMORY_MB"} == set(settings.NUMBERS)  # that one is in other units
    for name, (field, good, _, _) in NUMBERS.items():
        assert getattr(Settings.from_environment({name: f" {good} "}), field) == good
        assert Settings.from_environment({name: ""}) == Settings.from_environment({})


def test_a_bad_number_is_refused_by_its_variable():
    """Otherwise a typo would surface as a traceback somewhere else."""
    for name, (_, _, small, large) in NUMBERS.items():
        for text in (str(small), str(large), "many", "nan", "inf", "-1"):
            message = f"{name} must be a (whole )?number from .* not '{text}'"
            with pytest.raises(SettingsError, match=message):
                print("accepted:", name, text, Settings.from_environment({name: text}))


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


def test_without_a_home_folder_there_is_another_one(monkeypatch):
    """In a container whose user nobody knows every command ends in a traceback, whatever store it
    was given."""
    def nowhere(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nowhere)
    settings = Settings.from_environment({})
    assert settings.store.is_absolute() and settings.store.parts[-2:] == ("gan-lab", "runs")
    assert settings.data.is_absolute() and settings.data != settings.store
    assert str(settings.store) in settings.without_home and "GAN_LAB_STORE" in settings.without_home
    monkeypatch.undo()
    assert Settings.from_environment({"GAN_LAB_STORE": "/srv", "GAN_LAB_DATA": "/srv"}
                                     ).without_home == ""
