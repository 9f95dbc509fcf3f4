"""The processor's name as people say it, for figures that depend on it. Torch-free."""

from __future__ import annotations

import functools
import platform
import re
from pathlib import Path

# What makers add: trademark signs, "64-Core Processor", "CPU @ 2.20GHz", "with Radeon Graphics";
# and Windows: "Intel64 Family 6 Model 142 Stepping 10, GenuineIntel".
_NOISE = re.compile(
    r"\([^)]*\)|@.*|\bwith\b.*|\bFamily \d.*|\b[\w]+-Cores?\b|\b(?:CPU|Processor)\b",
    re.IGNORECASE,
)


@functools.cache
def processor_name() -> str:
    """Like "AMD EPYC 7763"; where the system does not name it, its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        name = next(line.split(":")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        name = platform.processor()
    return plain(name) or platform.machine()


def plain(name: str) -> str:
    """A processor's name without the additions of its maker or of the system."""
    return " ".join(_NOISE.sub(" ", name).split())
