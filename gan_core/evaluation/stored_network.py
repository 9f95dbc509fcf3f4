"""Networks that look at images: their weights ship with the project, or are made once on this
machine, for a data set whose weights do not ship.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import nn

from gan_core.config.choices import DATASETS
from gan_core.data.datasets import whole
from gan_core.data.downloads import DatasetError, exclusive

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class StoredNetwork(Generic[Network]):
    """What it is called, which command makes what ships, how one is built, and how it is trained
    for a data set and written into a folder."""

    name: str
    command: str
    build: Callable[[], Network]
    make: Callable[[str, Path], Network]

    def load(self, path: Path, dataset: str, device: torch.device, ships: bool) -> Network:
        """With the weights at `path`, in evaluation mode, without gradients; trained here if they
        are not there and are not what `ships`.

        Raises DatasetError if it must be trained first and cannot be.
        """
        model = self._opened(path)
        if model is None and not ships:
            model = self._trained_here(path, dataset)
        if model is None:
            raise FileNotFoundError(
                f"{path.name} is missing or damaged; `{self.command} {dataset}` makes it.")
        return model.eval().requires_grad_(False).to(device)

    def _opened(self, path: Path) -> Network | None:
        """None if the file is not there or not whole."""
        model = self.build()
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
                state = {name: torch.from_numpy(arrays[name]) for name in model.state_dict()}
            model.load_state_dict(state)
        except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
            return None
        return model

    def _trained_here(self, path: Path, dataset: str) -> Network:
        label = DATASETS[dataset].label
        whole(dataset, torch.device("cpu"))  # its own refusal is clearer than ours
        try:
            with exclusive(path.parent, path.stem, f"training the {self.name} of {label}"):
                # Whoever had the lock before may have made it.
                return self._opened(path) or self.make(dataset, path.parent)
        except OSError as error:
            raise DatasetError(f"The {self.name} of {label}, which measures its images, could not "
                               f"be kept in {path.parent}: {error}.") from error
