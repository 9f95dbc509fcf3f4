"""What the viewers of a spread are told: how many of its runs are there, and how far it is.

Torch-free.
"""

from __future__ import annotations

from typing import Any

from gan_core.exploration.spread import Spread
from gan_core.exploration.study import Results
from gan_core.serving.map_channel import progress_words
from gan_core.serving.study_jobs import StudyState


def state(spread: Spread, results: Results, filling: StudyState) -> dict[str, Any]:
    """`done` runs of all; the rest as in `map_channel.state`."""
    done = spread.total - spread.remaining(results)
    return {"live": filling.live, "share": done / spread.total, "done": done,
            "words": progress_words(done, spread.total, filling)}
