"""Fashion-MNIST, downloaded when it is first needed.

H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747 (2017).
"""

from __future__ import annotations

import http.client
import os
import shutil
from pathlib import Path

from torch import Tensor

from gan_core.data.downloads import DatasetError, data_folder, exclusive, fetch

BYTES = 30_878_645  # of the four archives


def read_or_download() -> dict[str, Tensor]:
    """The parts of Fashion-MNIST, images (n, 28, 28) in bytes, downloaded first if need be.

    Raises DatasetError if it cannot be downloaded.
    """
    folder = data_folder()
    return _read(folder) or _download(folder)


def _read(folder: Path) -> dict[str, Tensor] | None:
    """The parts of Fashion-MNIST, if `folder` has all of them."""
    from torchvision.datasets import FashionMNIST

    try:
        train, test = (FashionMNIST(folder, train=train) for train in (True, False))
    except (OSError, RuntimeError, ValueError, LookupError, AssertionError):  # absent or damaged
        return None
    parts = {"train": train.data, "held_out": test.data,
             "labels": train.targets, "held_out_labels": test.targets}
    shapes = [(60_000, 28, 28), (10_000, 28, 28), (60_000,), (10_000,)]
    return parts if [tuple(part.shape) for part in parts.values()] == shapes else None


def _download(folder: Path) -> dict[str, Tensor]:
    try:
        with exclusive(folder, "fashion", "downloading Fashion-MNIST"):
            # Whoever had the lock before may have downloaded it.
            return _read(folder) or _fetch(folder)
    except (OSError, http.client.HTTPException, RuntimeError) as error:
        reason = str(getattr(error, "reason", error)) or type(error).__name__
        raise DatasetError(
            f"Fashion-MNIST is not in {folder} and could not be downloaded ({reason}): it needs "
            "the internet once, while MNIST, ring and grid need none."
        ) from error


def _fetch(folder: Path) -> dict[str, Tensor]:
    """Download it beside its place, and move it there only when it is complete."""
    from torchvision.datasets import FashionMNIST

    place, scratch = folder / "FashionMNIST", folder / ".fashion"
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    try:
        (scratch / "FashionMNIST" / "raw").mkdir(parents=True)
        # torchvision's own download waits for a silent server for ever, and reports no progress.
        fetch(FashionMNIST.mirrors, FashionMNIST.resources, scratch / "FashionMNIST" / "raw",
              "Fashion-MNIST", BYTES)
        FashionMNIST(scratch, download=True)  # finds the archives there and unpacks them
        if (parts := _read(scratch)) is None:
            raise OSError("what came is not the data set")
        shutil.rmtree(place, ignore_errors=True)
        os.replace(scratch / "FashionMNIST", place)
        return parts
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
