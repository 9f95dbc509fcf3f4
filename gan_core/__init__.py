"""The engine of the GAN challenges lab: describe a GAN training run, train it, say what went wrong.

    import gan_core

    config = gan_core.RunConfig(dataset="ring", steps=500)
    history = gan_core.History.of(gan_core.train(config))
    print(gan_core.verdict(history, config).headline)
    for finding in gan_core.diagnose(history, config):
        print(finding.evidence)

These names are the public API, described in docs/api.md; whatever else the package holds may change
from release to release. Importing the package, or any of its names, never imports torch: it is
loaded when something is trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gan_core.system.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from gan_core.assets import RECORDED_RUNS
    from gan_core.config.fields import KNOBS
    from gan_core.config.presets import CHALLENGES
    from gan_core.config.run_config import RunConfig
    from gan_core.config.validation import ConfigError
    from gan_core.diagnosis.diagnose import SYMPTOMS, diagnose
    from gan_core.diagnosis.findings import Finding, Remedy
    from gan_core.diagnosis.verdict import Verdict, verdict
    from gan_core.runs.history import History
    from gan_core.runs.records import EvalRecord, Outcome, Record, SampleRecord, StepRecord
    from gan_core.runs.snapshots import RunSnapshot
    from gan_core.runs.status import StoreError
    from gan_core.runs.store import RunStore
    from gan_core.training.recording import record_run

    PRESETS: Mapping[str, RunConfig]

__version__ = VERSION

__all__ = [
    "CHALLENGES",
    "ConfigError",
    "EvalRecord",
    "Finding",
    "History",
    "KNOBS",
    "Outcome",
    "PRESETS",
    "RECORDED_RUNS",
    "Record",
    "Remedy",
    "RunConfig",
    "RunSnapshot",
    "RunStore",
    "SYMPTOMS",
    "SampleRecord",
    "StepRecord",
    "StoreError",
    "Verdict",
    "diagnose",
    "record_run",
    "train",
    "verdict",
]

# Where the names live; a module is imported when one of its names is first asked for.
_MODULES = {
    "gan_core.assets": ("RECORDED_RUNS",),
    "gan_core.config.fields": ("KNOBS",),
    "gan_core.config.presets": ("CHALLENGES",),
    "gan_core.config.run_config": ("RunConfig",),
    "gan_core.config.validation": ("ConfigError",),
    "gan_core.diagnosis.diagnose": ("SYMPTOMS", "diagnose"),
    "gan_core.diagnosis.findings": ("Finding", "Remedy"),
    "gan_core.diagnosis.verdict": ("Verdict", "verdict"),
    "gan_core.runs.history": ("History",),
    "gan_core.runs.records": ("EvalRecord", "Outcome", "Record", "SampleRecord", "StepRecord"),
    "gan_core.runs.snapshots": ("RunSnapshot",),
    "gan_core.runs.status": ("StoreError",),
    "gan_core.runs.store": ("RunStore",),
    "gan_core.training.recording": ("record_run",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def train(
    config: RunConfig,
    *,
    device: torch.device | str | None = None,
    resume_from: dict[str, Any] | str | Path | None = None,
) -> Iterator[Record]:
    """Train `config`: an iterator of records that ends with an Outcome, finished or diverged.

    `device` is "cuda", "mps", "cpu" or a torch.device, by default the best there is. `resume_from`
    is a checkpoint or the path of one. Raises ValueError for what cannot be used.
    """
    from gan_core.training.trainer import train as training

    return training(config, device=device, resume_from=resume_from)


if not TYPE_CHECKING:  # type checkers know the names from the imports above

    def __getattr__(name: str) -> Any:
        if name == "PRESETS":
            value = import_module("gan_core.config.recipes").named()
        elif name in _MODULE_OF:
            value = getattr(import_module(_MODULE_OF[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted(__all__)
