"""What all visitors share, made before the first of them comes.

A page's charts, the words on its recorded runs and the verdicts on claims are kept once they have
been made. The first visitor of each page would otherwise wait for them: half a second of a page.
"""

from __future__ import annotations

import gc

from gan_core.config.presets import CHALLENGES, RECORDED
from gan_core.exploration.fold_pictures import digits
from gan_core.exploration.shipped_folds import SHIPPED_FOLDS
from gan_core.serving.run_words import spoken_verdict
from pages.components import claims, dirac_gan, frozen_generator, own_runs, server
from pages.components.map_choice import FIRST
from pages.components.map_lessons import lesson_text
from pages.components.state import State


def warm_up() -> None:
    """Make what each page shows before any click; takes about two seconds."""
    for digest in server.recorded().digests():
        server.recorded().snapshot(digest)  # which keeps what it has read
    claims.cards()
    for name, challenge in CHALLENGES.items():
        state = State(name, challenge, RECORDED[challenge.recorded[0]])
        shown, reference = state.shown_run(), state.reference_run()
        for run in (shown, reference):
            if run is not None:
                spoken_verdict(run.snapshot)
                server.past_verdicts().answer(run.snapshot)
    for index in (own_runs.recorded_index(), own_runs.index()):
        index.entries()  # which begins to read the verdicts that are not known yet
    digits(SHIPPED_FOLDS.folds)
    lesson_text(FIRST)
    dirac_gan.draw_first()
    frozen_generator.draw_first()
    # As in `server.queue`: what stays for good is left out of the search for garbage.
    gc.collect()
    gc.freeze()
