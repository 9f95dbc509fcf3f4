"""What is known of the classifiers whose features carry the image metrics. Torch-free.

`gan_core.evaluation.classifier` measures them and writes the files; the pages read them, to tell on what
scale a Fréchet distance stands.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from gan_core.assets import ASSETS
from gan_core.config.choices import DATASETS


def facts_file(dataset: str) -> str:
    """Name of the file with what is known of a data set's classifier."""
    return f"{DATASETS[dataset].classifier}_extractor.json"


@functools.cache
def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def extractor(dataset: str = "mnist", downloads: Path | None = None) -> dict[str, Any]:
    """`id` of the weights, `test_accuracy` on the 10 000 held-out images, and
    `frechet_train_held_out`: the Fréchet distance of 2000 training images to those, measured as
    that of a generator's samples is. So it is what real images score.

    Nothing ({}) where it is not known: a data set that is not bundled has its classifier in the
    folder `downloads`, once it has been trained.
    """
    for folder in filter(None, (ASSETS, downloads)):
        if (path := folder / facts_file(dataset)).exists():
            return dict(_read(path))
    return {}
