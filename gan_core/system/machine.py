"""What this machine lets us use: cores, memory, a GPU. Read, not measured; torch-free.

Containers are held to a share of the machine by control groups: https://docs.kernel.org/admin-guide/
cgroup-v2.html (cpu.max, memory.max), and cgroup-v1 (cpu.cfs_quota_us, memory.limit_in_bytes).
On systems other than Linux only the number of logical processors is known.
"""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def usable_cores(root: Path = ROOT) -> int:
    """The number of cores that this process can keep busy, at least 1.

    Hyper-threads of one core count once: they share the arithmetic units, which is what training
    waits for. The container's quota of processor time, rounded down, is the upper limit.
    """
    try:
        processors = os.sched_getaffinity(0)
    except AttributeError:  # macOS and Windows
        processors = set(range(os.cpu_count() or 1))
    return max(1, math.floor(min(_cores(processors, root), _quota(root))))


def free_memory(root: Path = ROOT) -> float:
    """Bytes that processes started here may take together; infinite where that is not known."""
    limits = [int(text) for name in ("memory.max", "memory.limit_in_bytes")
              for text in _group_values("memory", name, root) if text.isdigit()]
    return min([_available(root), *limits])


def has_gpu(device: str, root: Path = ROOT) -> bool:
    """Whether `device`, "auto" or a torch device name, is likely to be a GPU."""
    if device != "auto":
        return not device.startswith("cpu")
    apple = (sys.platform, platform.machine()) == ("darwin", "arm64")
    return apple or (root / "dev/nvidia0").exists()


def _cores(processors: set[int], root: Path) -> int:
    """How many cores `processors` belong to; where that is not known, each counts as a core."""
    topology = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    return len({_read(root / topology.format(number)) or number for number in processors})


def _quota(root: Path) -> float:
    """Cores' worth of processor time that control groups allow, or infinity."""
    version_1 = zip(_group_values("cpu", "cpu.cfs_quota_us", root),
                    _group_values("cpu", "cpu.cfs_period_us", root), strict=False)
    version_2 = (text.split() for text in _group_values("cpu", "cpu.max", root))
    return min((int(quota) / int(period) for quota, period in (*version_2, *version_1)
                if quota.isdigit()),  # "max", or −1 in version 1: no limit
               default=math.inf)


def _available(root: Path) -> float:
    """Bytes that the system can give without swapping, or infinity."""
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return math.inf


def _group_values(controller: str, name: str, root: Path) -> Iterator[str]:
    """The text of file `name` in our control group and in each above it, in either version."""
    mount = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, group_path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = mount / controller if controllers else mount
        group = base / group_path.strip("/")
        # Inside a container our own group may be what is mounted: then only the last one exists.
        for folder in (group, *group.parents):
            if folder.is_relative_to(base) and (text := _read(folder / name)):
                yield text


def _read(path: Path) -> str:
    """The text of a file, stripped; "" where there is none."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
