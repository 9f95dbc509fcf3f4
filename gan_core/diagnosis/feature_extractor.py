"""Facts about the classifiers whose features the image metrics use. Torch-free.

`gan_core.evaluation.classifier` measures them and writes the files; the pages read them, to show
what Fréchet distance real images have.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from gan_core.assets import ASSETS
from gan_core.config.choices import DATASETS


def facts_file(dataset: str) -> str:
    """Name of the file with the facts about a data set's classifier."""
    return f"{DATASETS[dataset].classifier}_extractor.json"


@functools.cache
def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def extractor(dataset: str = "mnist", downloads: Path | None = None) -> dict[str, Any]:
    """`id` of the weights, `test_accuracy` on the 10 000 held-out images, and
    `frechet_train_held_out`: the Fréchet distance of 2000 training images to those, measured as
    that of a generator's samples is: the distance that real images have.

    {} where there is no file: the classifier of a data set that is not bundled lies in the folder
    `downloads`, once it has been trained.
    """
    for folder in filter(None, (ASSETS, downloads)):
        if (path := folder / facts_file(dataset)).exists():
            return dict(_read(path))
    return {}
