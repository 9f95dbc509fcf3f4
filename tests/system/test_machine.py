"""The machine: what we may use of it is read from files, here from made-up ones."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from gan_core.system import machine

UNLIMITED = str(2**63 - 4096)  # what version 1 says of memory without a limit
GROUP = "sys/fs/cgroup"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The root of a machine of eight processors, without files."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    return tmp_path


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def siblings(*groups: str) -> dict[str, str]:
    """Files that say of each processor, in order, which ones share its core."""
    name = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    return {name.format(number): group for number, group in enumerate(groups)}


def test_this_machine_has_something():
    """Otherwise the app would not start where the tests run."""
    assert machine.usable_cores() >= 1
    assert machine.free_memory() > 0


def test_where_nothing_is_known_every_processor_counts(root, monkeypatch):
    """macOS and Windows have none of these files, and must train all the same."""
    assert machine.usable_cores(root) == 8
    assert machine.free_memory(root) == math.inf
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert machine.usable_cores(root) == 6


def test_hyper_threads_of_a_core_count_once(root):
    """Two trainings on one core would each take twice as long."""
    written(root, siblings(*["0,4", "1,5", "2,6", "3,7"] * 2))
    assert machine.usable_cores(root) == 4


def test_processors_that_are_not_ours_do_not_count(root, monkeypatch):
    """A container pinned to both threads of one core, and one of another, has two cores."""
    written(root, siblings(*["0,4", "1,5", "2,6", "3,7"] * 2))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 4, 1})
    assert machine.usable_cores(root) == 2


# Where a limit of three cores and 2 GB can stand, and what names our own group.
LIMITS = {
    "version 2, a container": (
        "0::/", {f"{GROUP}/cpu.max": "300000 100000", f"{GROUP}/memory.max": "2000000000"}),
    "version 2, around us": (
        "0::/a/b", {f"{GROUP}/a/b/cpu.max": "max 100000", f"{GROUP}/a/cpu.max": "350000 100000",
                    f"{GROUP}/a/b/memory.max": "max", f"{GROUP}/a/memory.max": "2000000000"}),
    "version 1, our group": (
        "4:memory:/a\n3:cpu,cpuacct:/a",
        {f"{GROUP}/cpu/a/cpu.cfs_quota_us": "150000", f"{GROUP}/cpu/a/cpu.cfs_period_us": "50000",
         f"{GROUP}/cpu/cpu.cfs_quota_us": "-1", f"{GROUP}/cpu/cpu.cfs_period_us": "100000",
         f"{GROUP}/memory/a/memory.limit_in_bytes": "2000000000",
         f"{GROUP}/memory/memory.limit_in_bytes": UNLIMITED}),
    "version 1, a container that knows its name outside": (
        "4:memory:/docker/1f\n3:cpu,cpuacct:/docker/1f",
        {f"{GROUP}/cpu/cpu.cfs_quota_us": "300000", f"{GROUP}/cpu/cpu.cfs_period_us": "100000",
         f"{GROUP}/memory/memory.limit_in_bytes": "2000000000"}),
}


@pytest.mark.parametrize("case", LIMITS)
def test_a_container_has_what_it_may_use(case, root):
    """It sees all processors and memory of its host: trainings would be throttled, or killed."""
    own, files = LIMITS[case]
    written(root, {"proc/self/cgroup": own, **files, "proc/meminfo": "MemAvailable: 60000000 kB"})
    assert machine.usable_cores(root) == 3
    assert machine.free_memory(root) == 2e9


@pytest.mark.parametrize(("quota", "cores"), [("50000", 1), ("150000", 1), ("max", 8)])
def test_a_part_of_a_core_is_none(quota, cores, root):
    """Two threads on a core and a half wait for the slower one; and one there must be."""
    written(root, {"proc/self/cgroup": "0::/", f"{GROUP}/cpu.max": f"{quota} 100000"})
    assert machine.usable_cores(root) == cores


def test_memory_is_what_is_still_available(root):
    """What other programs hold cannot be had, even where no limit is set."""
    written(root, {"proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable:  3000000 kB",
                   "proc/self/cgroup": "4:memory:/",
                   f"{GROUP}/memory/memory.limit_in_bytes": UNLIMITED})
    assert machine.free_memory(root) == 3000000 * 1024


def test_a_gpu_is_expected_where_one_is_asked_for_or_plugged_in(root, monkeypatch):
    """Otherwise as many trainings as there are cores would share it."""
    monkeypatch.setattr("sys.platform", "linux")
    assert machine.has_gpu("cuda:0", root) and not machine.has_gpu("cpu", root)
    assert not machine.has_gpu("auto", root)
    written(root, {"dev/nvidia0": ""})
    assert machine.has_gpu("auto", root) and not machine.has_gpu("cpu", root)
