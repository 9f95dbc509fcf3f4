"""The spreads that ship: of what each page shows before any click. Torch-free.

`gan-lab record --spreads` trains them and puts their results into `assets/spreads`.
"""

from __future__ import annotations

from gan_core.config.presets import CHALLENGES, RECORDED
from gan_core.exploration.spread import Spread

# Not the page that shows fifty epochs: their seeds would take hours, and it shows no failure.
PAGES = [name for name in CHALLENGES if name != "baseline"]


def shipped_spreads() -> dict[str, Spread]:
    """By page and the name of its recorded run."""
    return {f"{page}/{name}": Spread(RECORDED[name])
            for page in PAGES for name in CHALLENGES[page].recorded}
