"""What is known of the digit classifier whose features carry the image metrics. Torch-free.

`python -m gan_core.classifier` measures it and writes the file; the pages read it, to tell on what
scale a Fréchet distance stands.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

FACTS = Path(__file__).parent / "data" / "extractor.json"


@functools.cache
def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def extractor() -> dict[str, Any]:
    """`id` of the weights, `test_accuracy` on the 10 000 held-out images, and
    `frechet_train_held_out`: the Fréchet distance of 2000 training images to those, measured as
    that of a generator's samples is. So it is what real images score.
    """
    return dict(_read(FACTS))
