"""The memory that a training process takes at its peak, measured beside what is reckoned.

Each run of CASES is trained for a few steps, as a worker does it, in a process of its own, whose
largest size the system tells. `gan_core.cost.memory` reckons the same from the config alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from gan_core.config.run_config import RunConfig
from gan_core.config.validation import as_text
from gan_core.cost.memory import peak_memory
from gan_core.runs.store import RunStore
from gan_core.training.devices import set_up_process
from gan_core.training.recording import record_run
from gan_core.training.trainer import warm_up

STEPS = 27  # a burst of records, an evaluation before and one after
SECONDS = 60.0  # after which a run is cut off: its peak is that of its first steps

CASES: tuple[dict[str, Any], ...] = (  # what each config has other than the default
    {"dataset": "ring"},
    {"dataset": "ring", "architecture": "pacgan_2d", "batch_size": 1024},
    {},
    {"batch_size": 1024},
    {"width": 4.0, "depth": 6, "batch_size": 1024},
    {"batch_size": 1024, "gradient_penalty": 10.0, "dropout": 0.4},
    {"architecture": "mlp_reference", "batch_size": 1024},
    {"architecture": "dcgan"},
    {"architecture": "dcgan", "batch_size": 256},
    {"architecture": "dcgan", "batch_size": 1024},
    {"architecture": "dcgan", "batch_size": 1024, "dropout": 0.4, "augment": True,
     "input_noise": 0.1},
    {"architecture": "dcgan", "batch_size": 1024, "gradient_penalty": 10.0},
    {"architecture": "dcgan", "batch_size": 1024, "r1": 1.0, "r2": 1.0, "spectral_norm": True},
    {"architecture": "dcgan", "batch_size": 1024, "loss": "relativistic", "packing": 8},
    {"architecture": "dcgan", "width": 4.0},
    {"architecture": "dcgan", "width": 4.0, "batch_size": 256},
    {"architecture": "dcgan_reference"},
    {"architecture": "dcgan_reference", "batch_size": 256},
    {"architecture": "dcgan_reference", "batch_size": 1024},
    {"architecture": "dcgan_reference", "batch_size": 1024, "dropout": 0.25, "augment": True},
)


def measure(device: torch.device, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Of each case its `changes` from the default, the `measured` bytes and the `reckoned` ones."""
    rows = []
    for changes in CASES:
        measured = _measured(changes, device)
        rows.append({"changes": changes, "measured": measured,
                     "reckoned": peak_memory([RunConfig(**changes)])})
        say(_line(rows[-1]))
    return rows


def _measured(changes: dict[str, Any], device: torch.device) -> int:
    """Bytes of a process that trains one run. Raises CalledProcessError."""
    order = json.dumps({"changes": changes, "device": str(device), "steps": STEPS,
                        "threads": torch.get_num_threads()})
    done = subprocess.run([sys.executable, "-m", __name__, order], stdout=subprocess.PIPE,
                          check=True, text=True)
    return int(done.stdout.splitlines()[-1])


def in_words(rows: Sequence[dict[str, Any]]) -> str:
    """The table of docs/verification.md."""
    return "\n".join(["| settings | measured | reckoned |", "|---|---|---|", *map(_line, rows)])


def _line(row: dict[str, Any]) -> str:
    settings = " ".join(f"{name}={as_text(value)}" for name, value in row["changes"].items())
    return (f"| `{settings or 'the default'}` | {row['measured'] / 1e9:.2f} GB "
            f"| {row['reckoned'] / 1e9:.2f} GB |")


# --- the process that is measured -----------------------------------------------------------------


def train_and_tell(changes: dict[str, Any], device: str, steps: int, threads: int) -> int:
    """Train so many steps in this process; the bytes that it has taken at most so far."""
    set_up_process(threads)
    warm_up(torch.device(device))  # as a worker does before its first run
    begun = time.monotonic()

    def should_stop() -> str | None:
        return "long enough" if time.monotonic() - begun > SECONDS else None

    with tempfile.TemporaryDirectory() as folder:
        record_run(RunStore(folder), RunConfig(**changes, steps=steps), device=device,
                   should_stop=should_stop)
    return largest_size()


def largest_size() -> int:
    """The bytes of memory that this process has held at once, at most."""
    try:
        # Not getrusage: a process begins there with the size of the one that started it.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if match := re.search(r"VmHWM:\s+(\d+) kB", status):
            return 1024 * int(match[1])
    except OSError:
        pass
    import resource  # POSIX alone; macOS counts in bytes

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(train_and_tell(**json.loads(sys.argv[1])))
